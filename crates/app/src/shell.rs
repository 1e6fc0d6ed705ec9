//! The shell around an app: what turns a request into an answer, whoever listens.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod guard;
pub(crate) mod metrics;
pub(crate) mod serving;
mod unrouted;

use std::{
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
use http::{Method, Request as HttpRequest, Response, request::Parts};
use http_body_util::BodyExt as _;
use tower::{Service, ServiceExt as _};

use crate::{
    app::Wired,
    describe::Pages,
    request::Request,
    routes::{Answers, Call, Endpoints, Handler, Held, Kind, Route, Talks},
    session::{
        Opening,
        handshake::{self, Upgrade},
        stops::Stops,
    },
    setup::{Ready, panic_text},
    shell::{
        body::Body,
        guard::Proof,
        metrics::Counts,
        serving::{InFlight, Serving, Slot, Slots, Works},
    },
};

/// An app that has been set up, as something that answers requests.
///
/// Dropping the future of an answer drops an async endpoint with it. A blocking endpoint runs to its
/// end; its request says that it is cancelled.
pub struct Shell<A> {
    core: Core<A>,
    added: Option<Router>,
}

/// The app, its endpoints, and what is known of its requests.
struct Core<A> {
    app: Arc<A>,
    endpoints: Arc<Endpoints<A>>,
    slots: Slots,
    works: Arc<Works>,
    in_flight: Arc<InFlight>,
    stops: Arc<Stops>,
    pages: Arc<Pages>,
    /// What is served beside the endpoints, where nobody earned a 503 either.
    elsewhere: Arc<Counts>,
}

impl<A: Wired> Ready<A> {
    /// The app's endpoints behind the shell.
    #[must_use]
    pub fn into_shell(self) -> Shell<A> {
        let Self { app, endpoints, slots, pages } = self;
        let grace = endpoints.metadata.limits.termination_grace_period_seconds;
        let core = Core {
            app,
            endpoints: Arc::new(endpoints),
            slots,
            works: Arc::default(),
            in_flight: Arc::default(),
            stops: Arc::new(Stops::new(grace)),
            pages: Arc::new(pages),
            elsewhere: Arc::default(),
        };
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
        let route = self.core.endpoints.find(request.uri().path());
        let is_call = request.method() == Method::POST;
        let response = match &self.added {
            None => self.core.serve(route, request).await,
            Some(router) => self.through(router, route, request).await,
        };
        // Counted once, as it leaves: a layer of the author's may have changed it.
        if let Some(route) = route.filter(|route| is_call && route.kind == Kind::Endpoint) {
            route.counts.answered(response.status().as_u16());
        }
        response
    }

    /// Through the author's own router, which has the endpoints behind it.
    async fn through<B>(
        &self,
        router: &Router,
        route: Option<&Route<A>>,
        mut request: HttpRequest<B>,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let path = request.uri().path().to_owned();
        let outer = Request::new("", request.headers().clone(), Proof::default());
        request.extensions_mut().insert(outer.proof().clone());
        let serving = Serving::new(outer);
        let answering = router.clone().oneshot(request.map(axum::body::Body::new));
        let added = async {
            match answering.await {
                Ok(response) => response.map(Body::added),
                Err(impossible) => match impossible {},
            }
        };
        let counts = route.map_or(&*self.core.elsewhere, |route| &route.counts);
        attend(serving, (&path, counts), added).await
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

    /// Returns when a session has shown that the runner is broken, which no answer can tell any more:
    /// whoever runs this shell ends it then. Its health checks answer 500 from now on.
    pub async fn broken(&self) {
        self.core.stops.broken().await;
    }

    /// Lets every session end with what it has begun, and ends it when the grace is over.
    pub(crate) fn end_sessions(&self) {
        self.core.stops.stop();
    }

    /// Returns when nothing works for the app, also no endpoint that blocks a thread after its caller
    /// has left.
    pub(crate) async fn idle(&self) {
        self.core.works.idle().await;
    }

    /// The app itself: to tear it down.
    pub(crate) fn into_app(self) -> Arc<A> {
        self.core.app
    }
}

impl<A: Wired> Core<A> {
    async fn serve<B>(&self, route: Option<&Route<A>>, request: HttpRequest<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
    {
        let (parts, body) = request.into_parts();
        let is_handshake = handshake::is_asked(&parts);
        match route.map(|route| (route, &route.handler)) {
            Some((route, Handler::Answers(answers))) if !is_handshake => {
                self.call(route, answers, (parts, body)).await
            }
            Some((route, Handler::Talks(talks))) if is_handshake => {
                self.open(route, talks, parts).await
            }
            _ if is_handshake => answer::forbidden(),
            Some((route, _)) => answer::not_found(route.point.path),
            None => {
                drop(body);
                self.unrouted(&parts)
            }
        }
    }

    /// Answers a call of an endpoint.
    async fn call<B>(
        &self,
        route: &Route<A>,
        answers: &Answers<A>,
        (mut parts, body): (Parts, B),
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
    {
        if !route.kind.takes(&parts.method) {
            return answer::not_allowed(route.kind);
        }
        if let (Kind::Health(_), Some(reason)) = (route.kind, self.stops.breakage()) {
            return answer::broken(&reason);
        }
        // From here on its time runs, and a cancel finds it: also while it uploads or waits in line.
        let proof = parts.extensions.remove().unwrap_or_default();
        let request = Request::new(route.point.path, parts.headers, proof);
        let mut serving = Serving::new(request.clone()).listed(&self.in_flight);
        let Ok(body) = read_whole(body).await else {
            return answer::broken_off();
        };
        serving.slot = self.slot(route).await;
        let held = Held::new(serving.slot.clone(), self.works.begin());
        let app = Arc::clone(&self.app);
        let handled = async { answers(app, Call { body, request, held }).await };
        attend(serving, (route.point.path, &route.counts), handled).await
    }

    /// Answers a handshake, and has its session go on by itself.
    async fn open(
        &self,
        route: &Route<A>,
        talks: &Arc<Talks<A>>,
        mut parts: Parts,
    ) -> Response<Body> {
        let accepted = match handshake::judge(&parts.headers) {
            Ok(accepted) => accepted,
            Err(refusal) => return refusal.answer(),
        };
        let upgrade = Upgrade::of(&mut parts);
        let request = Request::new(route.point.path, parts.headers, Proof::default());
        let mut serving = Serving::new(request).listed(&self.in_flight);
        serving.slot = self.slot(route).await;
        let (work, stops) = (self.works.begin(), Arc::clone(&self.stops));
        let (app, talks) = (Arc::clone(&self.app), Arc::clone(talks));
        Opening { upgrade, serving, work, stops }.run(move |talk| talks(app, talk));
        accepted.answer()
    }

    //= docs/contract.md#multiplexing
    //# A runner MUST NOT serve more requests at once than `max_multiplexing` says; more than that wait
    //# in line.
    //= docs/contract.md#app-session-life
    //# A session MUST hold one slot of `max_multiplexing` while it lasts.
    /// Waits in line until a slot is free. Health checks need none.
    async fn slot(&self, route: &Route<A>) -> Option<Slot> {
        match route.kind {
            Kind::Endpoint | Kind::Realtime(..) | Kind::Raw => self.slots.take().await,
            Kind::Health(_) => None,
        }
    }
}

/// Runs what answers a request as the one that serves it: its logs carry the request's id, its panic
/// is a 500, and an unearned 503 of it does not leave.
async fn attend(
    serving: Serving,
    (path, counts): (&str, &Counts),
    answering: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    let request = serving.request.clone();
    let attended = async move {
        let answered = AssertUnwindSafe(answering).catch_unwind().await;
        let request = &serving.request;
        let mut response = answered.unwrap_or_else(|payload| answer::panicked(request, &*payload));
        if request.proof().is_missing(&response) {
            counts.unearned();
            request.retract();
            response = guard::refuse(path);
        }
        let is_failure = !response.status().is_success();
        let headers = response.headers_mut();
        for (name, value) in request.take_outgoing() {
            // What a failure declares counts more than what was said before it happened.
            if !(is_failure && headers.contains_key(&name)) {
                headers.insert(name, value);
            }
        }
        response.body_mut().keep(serving);
        response
    };
    request.scope(attended).await
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
            slots: self.slots.clone(),
            works: Arc::clone(&self.works),
            in_flight: Arc::clone(&self.in_flight),
            stops: Arc::clone(&self.stops),
            pages: Arc::clone(&self.pages),
            elsewhere: Arc::clone(&self.elsewhere),
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
        Box::pin(async move {
            let route = core.endpoints.find(request.uri().path());
            Ok(core.serve(route, request).await)
        })
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
