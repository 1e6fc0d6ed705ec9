//! The shell around an app: what turns a request into an answer, whoever listens.

use std::{
    any::Any,
    convert::Infallible,
    fmt,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use axum::Router;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, Request, Response, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tower::{Service, ServiceExt as _};

use crate::{
    answer,
    app::Wired,
    body::Body,
    guard,
    request::{self, Serving},
    routes::{Endpoints, Kind},
    setup::{Ready, panic_text},
};

/// The health endpoint that every app has, unless it declares another.
const HEALTH: &str = "/health";

/// An app that has been set up, as something that answers requests.
///
/// A caller that hangs up drops the future that answers it, and with it the endpoint's.
pub struct Shell<A> {
    core: Core<A>,
    added: Option<Router>,
}

/// The app and its endpoints.
struct Core<A> {
    app: Arc<A>,
    endpoints: Arc<Endpoints<A>>,
}

impl<A: Wired> Ready<A> {
    /// The app's endpoints behind the shell.
    #[must_use]
    pub fn into_shell(self) -> Shell<A> {
        let core = Core { app: self.app, endpoints: Arc::new(self.endpoints) };
        Shell { core, added: None }
    }

    /// The same with routes or layers of the author's own. What they answer still passes the
    /// shell's guard: a 503 of theirs becomes a 500.
    #[must_use]
    pub fn into_shell_with(self, add: impl FnOnce(Router) -> Router) -> Shell<A> {
        let mut shell = self.into_shell();
        shell.added = Some(add(Router::new().fallback_service(shell.core.clone())));
        shell
    }
}

impl<A: Wired> Shell<A> {
    /// Answers one request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let Some(router) = &self.added else {
            return self.core.answer(request).await;
        };
        let path = request.uri().path().to_owned();
        let serving = Serving::new("", request.headers().clone());
        let answering = router.clone().oneshot(request.map(axum::body::Body::new));
        let added = async {
            match answering.await {
                Ok(response) => response.map(Body::added),
                Err(impossible) => match impossible {},
            }
        };
        attend(serving, &path, None, added).await
    }

    /// The app itself, once nothing else holds it: to tear it down.
    pub(crate) fn into_app(self) -> Option<A> {
        let Self { core, added } = self;
        drop(added);
        Arc::into_inner(core.app)
    }
}

impl<A: Wired> Core<A> {
    async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let path = request.uri().path();
        let Some(route) = self.endpoints.find(path) else {
            return self.unrouted(request.method(), path);
        };
        if !route.kind.takes(request.method()) {
            return answer::not_allowed(route.kind);
        }
        let (parts, body) = request.into_parts();
        let json = admits_json(&parts.headers);
        let Ok(body) = read_whole(body).await else {
            return answer::broken_off();
        };
        let permit = self.place(route.kind).await;
        let serving = Serving::new(route.path, parts.headers);
        let app = Arc::clone(&self.app);
        let handled = async { (route.handler)(app, body, json).await };
        attend(serving, route.path, permit, handled).await
    }

    /// What no endpoint serves: the health endpoint that every app has, and nothing else.
    fn unrouted(&self, method: &Method, path: &str) -> Response<Body> {
        if path != HEALTH || self.endpoints.health.is_some() {
            return answer::not_found(path);
        }
        if method == Method::GET {
            return answer::healthy();
        }
        answer::method_not_allowed("GET")
    }

    /// Waits in line where the app has declared how many requests it serves at once.
    async fn place(&self, kind: Kind) -> Option<OwnedSemaphorePermit> {
        let places = self.endpoints.places.as_ref().filter(|_| kind == Kind::Endpoint)?;
        // The semaphore is never closed, so this is always a permit.
        Arc::clone(places).acquire_owned().await.ok()
    }
}

/// Runs what answers a request as the one that serves it: its logs carry the request's id, its
/// panic is a 500, and an unearned 503 of it does not leave.
async fn attend(
    serving: Serving,
    endpoint: &str,
    permit: Option<OwnedSemaphorePermit>,
    answering: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    let attended = async move {
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        let response = answered.unwrap_or_else(|payload| panicked(endpoint, &*payload));
        let mut response = guard::pass(response, endpoint);
        let mut serving = request::take();
        for (name, value) in serving.outgoing.drain(..) {
            response.headers_mut().insert(name, value);
        }
        response.body_mut().keep(serving, permit);
        response
    };
    request::scope(serving, attended).await
}

fn panicked(endpoint: &str, payload: &(dyn Any + Send)) -> Response<Body> {
    let (panic, at) = (panic_text(payload), request::panicked_at());
    tracing::error!(endpoint, panic, at, "the endpoint panicked");
    answer::internal()
}

/// The whole body: without a copy where it came in one piece, as small bodies do.
async fn read_whole<B: http_body::Body<Data = Bytes>>(body: B) -> Result<Bytes, B::Error> {
    let mut body = pin!(body);
    let mut whole = Bytes::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        let Ok(data) = frame?.into_data() else { continue };
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        let mut longer = whole.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
        longer.extend_from_slice(&data);
        whole = longer.freeze();
    }
    Ok(whole)
}

/// Whether the body may be read as JSON: so says its content type, or nothing does.
fn admits_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return true };
    if content_type == "application/json" {
        return true;
    }
    let Ok(content_type) = content_type.to_str() else { return false };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

impl<A> Clone for Core<A> {
    fn clone(&self) -> Self {
        Self { app: Arc::clone(&self.app), endpoints: Arc::clone(&self.endpoints) }
    }
}

/// The app's endpoints as the fallback of the author's own router.
impl<A: Wired> Service<Request<axum::body::Body>> for Core<A> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<axum::body::Body>) -> Self::Future {
        let core = self.clone();
        Box::pin(async move { Ok(core.answer(request).await) })
    }
}

impl<A> fmt::Debug for Shell<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell")
            .field("endpoints", &self.core.endpoints)
            .field("added", &self.added.is_some())
            .finish()
    }
}
