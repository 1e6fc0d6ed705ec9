//! Finding the room for a request.

use std::{convert::Infallible, sync::Arc};

use axum::Router;
use fal_access::{Access, Denied};
use fal_node::Handle;
use fal_types::RequestId;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, uri::Scheme};
use hyper::body::Incoming;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{
    Limits,
    body::Body,
    direct, entry, headers, problem, proxy, queue,
    route::{Route, route},
};

/// The edge of one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

/// What an edge is made of.
#[derive(Debug)]
pub struct Edge {
    /// What it is the edge of.
    pub node: Handle,
    /// What callers may send.
    pub limits: Limits,
    /// Who may come in.
    pub access: Arc<Access>,
    /// What URLs in answers begin with; none for what the caller's own began with.
    pub public_url: Option<String>,
    /// What answers everything but calls and the queue. Of `/api/` and `/rest/` only holders of a key are let through to
    /// it; for the rest it has to see to that itself.
    pub others: Router,
}

/// Behind one pointer, since every request takes a clone.
#[derive(Debug)]
struct Inner {
    node: Handle,
    limits: Limits,
    access: Arc<Access>,
    public_url: Option<String>,
    others: Router,
}

/// How a request came in.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) scheme: Scheme,
    /// Says when the gateway closes.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Gateway {
    /// The edge of a node.
    #[must_use]
    pub fn new(edge: Edge) -> Self {
        let Edge { node, limits, access, public_url, others } = edge;
        Self { inner: Arc::new(Inner { node, limits, access, public_url, others }) }
    }

    pub(crate) fn node(&self) -> &Handle {
        &self.inner.node
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.limits
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.inner.public_url.as_deref()
    }

    pub(crate) fn access(&self) -> &Access {
        &self.inner.access
    }

    //= docs/contract.md#request-id
    //# Every response MUST carry `x-fal-request-id`.
    /// Answers one request. Never fails: what goes wrong is an answer.
    pub(crate) async fn handle(
        self,
        mut request: Request<Incoming>,
        arrival: Arrival,
    ) -> Result<Response<Body>, Infallible> {
        let id = new_request_id();
        complete(&mut request, &arrival);
        if let Err((status, detail)) = entry::stranger(&self, &request) {
            return Ok(problem::plain(status, detail, id));
        }
        if request.uri().path() == proxy::PATH {
            let Some(target) = proxy::target(request.headers()) else {
                return Ok(problem::plain(StatusCode::BAD_REQUEST, "Invalid request", id));
            };
            *request.uri_mut() = target;
        }
        let response = match route(request.uri(), request.headers()) {
            Route::Run(_) if self.node().is_stopping() => stopping(id),
            Route::Run(_) => direct::call(&self, id, request, &arrival.closing).await,
            Route::Queue { .. } => queue::handle(&self, id, request).await,
            Route::Other(prefix) => self.other(id, prefix, request).await,
        };
        Ok(response)
    }

    async fn other(
        &self,
        id: RequestId,
        prefix: &str,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        if !prefix.is_empty() {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            let Ok(whole) = [prefix, path].concat().parse() else {
                return problem::platform(fal_types::Problem::BadRequest, id);
            };
            *request.uri_mut() = whole;
        }
        if let Err(refused) = self.let_in(id, &request) {
            return *refused;
        }
        let request = request.map(axum::body::Body::new);
        let response = match self.inner.others.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let mut response = response.map(Body::Axum);
        if !response.headers().contains_key(headers::REQUEST_ID) {
            response.headers_mut().insert(headers::REQUEST_ID, headers::id(id));
        }
        response
    }

    //= docs/contract.md#api-keys
    //# With keys, `/api/...` MUST answer 401 without one and 403 to a wrong one, and `/rest/...` 401 to both.
    fn let_in<B>(&self, id: RequestId, request: &Request<B>) -> Result<(), Box<Response<Body>>> {
        let path = request.uri().path();
        let is_public =
            path == "/rest/.well-known/jwks.json" || *request.method() == Method::OPTIONS;
        let is_rest = path.starts_with("/rest/") && !is_public;
        let is_api = path == "/api" || path.starts_with("/api/");
        if !is_rest && !is_api {
            return Ok(());
        }
        let holder = self.access().holder(entry::authorization(request.headers()));
        holder.map(drop).map_err(|why| {
            let mut response = entry::denied(&why, id);
            if is_api && why != Denied::Nothing {
                *response.status_mut() = StatusCode::FORBIDDEN;
            }
            Box::new(response)
        })
    }
}

/// Gives a request what the rest of the gateway reads, however it came in.
fn complete(request: &mut Request<Incoming>, arrival: &Arrival) {
    // Whoever reads it takes plain HTTP for what is not said, so most requests need no room for it.
    if arrival.scheme != Scheme::HTTP {
        request.extensions_mut().insert(arrival.scheme.clone());
    }
    // In HTTP/2 the host is a part of the URL, and that is what counts.
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
}

fn stopping(id: RequestId) -> Response<Body> {
    let problem = fal_types::Problem::SchedulingFailure;
    problem::platform_with(problem, "The platform is stopping", id)
}

/// A name that sorts by time, so that the store's index grows at its end.
pub(crate) fn new_request_id() -> RequestId {
    RequestId::from_bits(uuid::Uuid::now_v7().as_u128())
}

/// The answer to a path that no app can have.
pub(crate) fn no_app(name: &str, request: RequestId) -> Response<Body> {
    let detail = format!("Application \"{name}\" not found");
    problem::plain(StatusCode::NOT_FOUND, &detail, request)
}
