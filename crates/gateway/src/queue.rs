//! The queue: `/queue/{owner}/{alias}...`, with every form of URL that fal's clients use.

mod events;
pub(crate) mod path;
mod result;
mod status;
mod submit;

use fal_node::{App, CancelAnswer, QueueError};
use fal_types::{Problem, RequestId};
use http::{Method, Request, Response, StatusCode, header, uri::Scheme};
use hyper::body::Incoming;

use crate::{
    Gateway,
    body::Body,
    entry, problem,
    queue::path::{Ask, Place},
    route::{Route, route},
    service, wire,
};

pub(crate) async fn handle(
    gateway: &Gateway,
    id: RequestId,
    request: Request<Incoming>,
) -> Response<Body> {
    let Route::Queue { path, prefix } = route(request.uri(), request.headers()) else {
        return service::no_app(request.uri().path(), id);
    };
    let Ok((name, tail)) = fal_types::AppId::split_path(path) else {
        return service::no_app(path, id);
    };
    let Some(app) = gateway.node().app(&name) else { return service::no_app(name.as_str(), id) };
    let place = path::place(tail);
    // A right to call one path does not go for requests of others.
    let called = if place == Place::Submit { tail } else { "" };
    let caller = match entry::admit(gateway, (&app, called), (request.uri(), request.headers())) {
        Ok(caller) => caller,
        Err(why) => return entry::denied(&why, id),
    };
    let base = Base::new(gateway, &request, prefix, &app);
    match place {
        Place::Submit => {
            let tail = tail.to_owned();
            submit::submit(gateway, (&app, &base, &caller), &tail, id, request).await
        }
        Place::Request(asked, ask) => about(&app, &base, (asked, ask), &request).await,
        Place::NoRequest(text) => {
            let detail = format!("a request id is a UUID, and `{text}` is not");
            unknown(Some(detail), id)
        }
    }
}

async fn about(
    app: &App,
    base: &Base,
    (id, ask): (RequestId, Ask),
    request: &Request<Incoming>,
) -> Response<Body> {
    let wanted = if ask == Ask::Cancel { &Method::PUT } else { &Method::GET };
    let is_head = ask == Ask::Result && request.method() == Method::HEAD;
    if request.method() != wanted && !is_head {
        return problem::not_allowed(if ask == Ask::Cancel { "PUT" } else { "GET" }, id);
    }
    let logs = path::logs(request.uri().query());
    match ask {
        Ask::Status => status::status(app, base, id, logs).await,
        Ask::Events => events::events(app.clone(), base.clone(), id, logs).await,
        Ask::Result => result::result(app, id).await,
        Ask::Cancel => cancel(app, id).await,
    }
}

//= docs/contract.md#queue-cancel
//# A cancel of a waiting or running request MUST answer 202 `CANCELLATION_REQUESTED`, of a completed one 400 `ALREADY_COMPLETED`, and of an unknown one 404 `NOT_FOUND`.
async fn cancel(app: &App, id: RequestId) -> Response<Body> {
    let answer = match app.cancel(id).await {
        Ok(answer) => answer,
        Err(error) => return failed(&error, id),
    };
    let status = match answer {
        CancelAnswer::Cancelled | CancelAnswer::Signalled => StatusCode::ACCEPTED,
        CancelAnswer::AlreadyCompleted => StatusCode::BAD_REQUEST,
        CancelAnswer::Unknown => return unknown(None, id),
    };
    problem::json(status, &wire::Word { status: answer.word(), detail: None }, id)
}

/// There is no such request, or it is another app's.
pub(crate) fn unknown(detail: Option<String>, id: RequestId) -> Response<Body> {
    let detail = detail.or_else(|| Some(format!("Request {id} not found")));
    problem::json(StatusCode::NOT_FOUND, &wire::Word { status: "NOT_FOUND", detail }, id)
}

/// The queue could not do it. Nothing has happened, and the caller may try again.
pub(crate) fn failed(error: &QueueError, id: RequestId) -> Response<Body> {
    match error {
        QueueError::Full { waiting } => {
            let detail =
                format!("{waiting} requests are waiting already, more than fal_max_queue_length");
            problem::plain(StatusCode::TOO_MANY_REQUESTS, &detail, id)
        }
        QueueError::Stopping => {
            problem::platform_with(Problem::SchedulingFailure, "The platform is stopping", id)
        }
        QueueError::Store => {
            let detail = "The queue's store failed; nothing was changed, and the platform's log has the reason";
            problem::platform_with(Problem::Internal, detail, id)
        }
        QueueError::Doubt => {
            let detail = "The queue's store failed and may have done it all the same; with an Idempotency-Key it is safe to try again";
            problem::platform_with(Problem::Internal, detail, id)
        }
        QueueError::Duplicate => problem::platform(Problem::Internal, id),
        //= docs/contract.md#idempotency
        //# With another payload it MUST be answered with 422, and changes nothing.
        QueueError::KeyTaken { request } => {
            let detail = format!(
                "this Idempotency-Key was used for request {request} with another payload; use a new key for a new request"
            );
            problem::plain(StatusCode::UNPROCESSABLE_ENTITY, &detail, id)
        }
    }
}

/// What the URLs of an app's requests begin with.
#[derive(Debug, Clone)]
pub(crate) struct Base(String);

impl Base {
    /// As the caller reached the queue: the host it named, with or without the prefix.
    fn new<B>(gateway: &Gateway, request: &Request<B>, prefix: &str, app: &App) -> Self {
        if let Some(base) = gateway.public_url() {
            return Self(format!("{base}/queue/{}/requests/", app.id()));
        }
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or("localhost");
        let scheme = request.extensions().get::<Scheme>().map_or("http", Scheme::as_str);
        Self(format!("{scheme}://{host}{prefix}/{}/requests/", app.id()))
    }

    pub(crate) fn urls(&self, id: RequestId) -> wire::Urls {
        let response_url = format!("{}{id}", self.0);
        wire::Urls {
            status_url: format!("{response_url}/status"),
            cancel_url: format!("{response_url}/cancel"),
            response_url,
        }
    }
}
