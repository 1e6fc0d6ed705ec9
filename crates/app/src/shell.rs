//! The shell around an app: what turns a request into an answer, whoever listens.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod guard;
pub(crate) mod metrics;
pub(crate) mod serving;
mod unrouted;

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
use http::{Request as HttpRequest, Response};
use http_body_util::BodyExt as _;
use tower::{Service, ServiceExt as _};

use crate::{
    app::Wired,
    request::Request,
    routes::{Call, Endpoints, Kind, Route},
    setup::{Ready, panic_text},
    shell::{
        body::Body,
        metrics::Metrics,
        serving::{InFlight, Place, Places, Serving},
    },
};

/// An app that has been set up, as something that answers requests.
///
/// A caller that hangs up drops the future that answers it, and with it the endpoint's. A blocking
/// endpoint runs to its end; its request says that it is cancelled.
pub struct Shell<A> {
    core: Core<A>,
    added: Option<Router>,
}

/// The app, its endpoints, and what is known of its requests.
struct Core<A> {
    app: Arc<A>,
    endpoints: Arc<Endpoints<A>>,
    places: Places,
    in_flight: Arc<InFlight>,
    metrics: Arc<Metrics>,
}

impl<A: Wired> Ready<A> {
    /// The app's endpoints behind the shell.
    #[must_use]
    pub fn into_shell(self) -> Shell<A> {
        let Self { app, endpoints, places } = self;
        let (in_flight, metrics) = (Arc::default(), Arc::default());
        let core = Core { app, endpoints: Arc::new(endpoints), places, in_flight, metrics };
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
    pub async fn answer<B>(&self, request: HttpRequest<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let Some(router) = &self.added else {
            return self.core.answer(request).await;
        };
        let path = request.uri().path().to_owned();
        let serving = Serving::new(Request::new("", request.headers().clone()), None);
        let answering = router.clone().oneshot(request.map(axum::body::Body::new));
        let added = async {
            match answering.await {
                Ok(response) => response.map(Body::added),
                Err(impossible) => match impossible {},
            }
        };
        self.core.attend(serving, &path, added).await
    }

    /// The app, as its endpoints see it.
    pub(crate) fn app(&self) -> &A {
        &self.core.app
    }

    /// Runs the app's `#[on_exit]`. A panic of it is logged, and stops nothing.
    pub(crate) async fn on_exit(&self) {
        let heard = AssertUnwindSafe(self.core.app.on_exit()).catch_unwind().await;
        if let Err(payload) = heard {
            tracing::error!(panic = panic_text(&*payload), "on_exit panicked");
        }
    }

    /// Returns when no endpoint runs, also none that blocks a thread after its caller has left.
    pub(crate) async fn idle(&self) {
        self.core.places.idle().await;
    }

    /// The app itself, once nothing else holds it: to tear it down.
    pub(crate) fn into_app(self) -> Option<A> {
        let Self { core, added } = self;
        drop(added);
        Arc::into_inner(core.app)
    }
}

impl<A: Wired> Core<A> {
    async fn answer<B>(&self, request: HttpRequest<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (parts, body) = request.into_parts();
        let Some(route) = self.endpoints.find(parts.uri.path()) else {
            drop(body);
            return self.unrouted(&parts).await;
        };
        if !route.kind.takes(&parts.method) {
            return answer::not_allowed(route.kind);
        }
        let Ok(body) = read_whole(body).await else {
            return answer::broken_off();
        };
        let place = self.place(route).await;
        let mut serving = Serving::new(Request::new(route.point.path, parts.headers), place);
        if route.point.watched || self.endpoints.cancel.is_some() {
            serving = serving.listed(&self.in_flight);
        }
        let (request, place) = (serving.request.clone(), serving.place.clone());
        let app = Arc::clone(&self.app);
        let handled = async { (route.handler)(app, Call { body, request, place }).await };
        self.attend(serving, route.point.path, handled).await
    }

    //= docs/contract.md#multiplexing
    //# A runner MUST NOT serve more requests at once than `max_multiplexing` says; more than that wait
    //# in line.
    /// Waits in line until a place is free. Health checks need none, and neither does an endpoint that
    /// is there to cancel another's request, which would wait for that very request.
    async fn place(&self, route: &Route<A>) -> Option<Place> {
        if route.kind != Kind::Endpoint || self.endpoints.cancelled_at(route.point.path).is_some() {
            return None;
        }
        self.places.take().await
    }

    /// Runs what answers a request as the one that serves it: its logs carry the request's id, its
    /// panic is a 500, and an unearned 503 of it does not leave.
    async fn attend(
        &self,
        serving: Serving,
        path: &str,
        answering: impl Future<Output = Response<Body>>,
    ) -> Response<Body> {
        let request = serving.request.clone();
        let attended = async move {
            let answered = AssertUnwindSafe(answering).catch_unwind().await;
            let request = &serving.request;
            let mut response =
                answered.unwrap_or_else(|payload| panicked(request, path, &*payload));
            if guard::is_unearned(&response) {
                self.metrics.unearned(self.known(path));
                response = guard::refuse(path);
            }
            for (name, value) in request.take_outgoing() {
                response.headers_mut().insert(name, value);
            }
            // An added router has the endpoints inside, and those were counted there.
            if !request.endpoint().is_empty() {
                self.metrics.answered(self.known(path), response.status().as_u16());
            }
            response.body_mut().keep(serving);
            response
        };
        request.scope(attended).await
    }

    /// The path as an endpoint declares it; `None` where it is a caller's invention.
    fn known(&self, path: &str) -> Option<&'static str> {
        self.endpoints.find(path).map(|route| route.point.path)
    }
}

fn panicked(request: &Request, path: &str, payload: &(dyn Any + Send)) -> Response<Body> {
    let (panic, at) = (panic_text(payload), request.panicked_at());
    tracing::error!(endpoint = path, panic, at, "the endpoint panicked");
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

impl<A> Clone for Core<A> {
    fn clone(&self) -> Self {
        Self {
            app: Arc::clone(&self.app),
            endpoints: Arc::clone(&self.endpoints),
            places: self.places.clone(),
            in_flight: Arc::clone(&self.in_flight),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// The app's endpoints as the fallback of the author's own router.
impl<A: Wired> Service<HttpRequest<axum::body::Body>> for Core<A> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<axum::body::Body>) -> Self::Future {
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
