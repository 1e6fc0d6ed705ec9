//! From a path to an endpoint.
//!
//! Generated code adds typed handlers to [`Routes`]; [`Endpoints`] is what they become: a sorted
//! map from paths to handlers whose types are erased behind one boxed future per request.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
};

use bytes::Bytes;
use http::{Method, Response};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    app::{HealthOptions, Metadata, RealtimeOptions},
    describe::openapi::Signature,
    endpoint::{
        error::EndpointError,
        health::HealthError,
        input::{EndpointInput, Sent},
        message::{Batch, RealtimeInput, RealtimeOutput},
        output::EndpointOutput,
        web_socket::WebSocket,
    },
    request::Request,
    session::{Talk, Talking, raw, realtime},
    shell::{
        answer,
        body::Body,
        metrics::Counts,
        serving::{Slot, Work},
    },
    validation::Invalid,
};

mod point;

pub use self::point::Point;

/// A handler's answer on its way.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// What serves a route: an answer for each call, or a session for each handshake.
pub(crate) enum Handler<A> {
    Answers(Box<Answers<A>>),
    Talks(Arc<Talks<A>>),
}

pub(crate) type Answers<A> = dyn Fn(Arc<A>, Call) -> Answering + Send + Sync;

pub(crate) type Talks<A> = dyn Fn(Arc<A>, Talk) -> Talking + Send + Sync;

type CancelHandler<A> =
    Box<dyn Fn(Arc<A>, Request) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// One call of an endpoint.
pub(crate) struct Call {
    pub(crate) body: Bytes,
    pub(crate) request: Request,
    /// Held by whoever works for the request, also on a thread that nobody waits for any more.
    pub(crate) held: Held,
}

/// What is not free while somebody works for a request.
pub(crate) struct Held {
    _slot: Option<Slot>,
    _work: Work,
}

impl Held {
    pub(crate) const fn new(slot: Option<Slot>, work: Work) -> Self {
        Self { _slot: slot, _work: work }
    }
}

/// One path: what serves it, and how.
pub(crate) struct Route<A> {
    pub(crate) point: Point,
    pub(crate) kind: Kind,
    pub(crate) signature: Signature,
    pub(crate) handler: Handler<A>,
    pub(crate) counts: Counts,
}

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Endpoint,
    Health(HealthOptions),
    Realtime(RealtimeOptions, Mode),
    /// A WebSocket whose messages are the endpoint's own.
    Raw,
}

/// How a realtime endpoint talks, in fal's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Unary,
    ServerStreaming,
    ClientStreaming,
    Bidi,
}

impl Mode {
    const fn of<I: RealtimeInput, O: RealtimeOutput>() -> Self {
        match (I::IS_STREAM, O::IS_STREAM) {
            (false, false) => Self::Unary,
            (false, true) => Self::ServerStreaming,
            (true, false) => Self::ClientStreaming,
            (true, true) => Self::Bidi,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ServerStreaming => "server_streaming",
            Self::ClientStreaming => "client_streaming",
            Self::Bidi => "bidi",
        }
    }
}

impl Kind {
    /// What the header `allow` of a 405 says.
    pub(crate) const fn allow(self) -> &'static str {
        match self {
            Self::Endpoint => "POST",
            Self::Health(_) => "GET, POST",
            Self::Realtime(..) | Self::Raw => "GET",
        }
    }

    /// Whether it answers this method. Sessions are asked for with GET.
    pub(crate) fn takes(self, method: &Method) -> bool {
        match self {
            Self::Endpoint => method == Method::POST,
            Self::Health(_) => method == Method::POST || method == Method::GET,
            Self::Realtime(..) | Self::Raw => method == Method::GET,
        }
    }

    /// Whether its requests can be cancelled.
    const fn is_of_callers(self) -> bool {
        match self {
            Self::Endpoint | Self::Realtime(..) | Self::Raw => true,
            Self::Health(_) => false,
        }
    }
}

/// Collects an app's endpoints; `#[fal_app]` on its `impl` writes the calls.
pub struct Routes<A> {
    metadata: &'static Metadata,
    routes: Vec<Route<A>>,
    cancel: Option<CancelHandler<A>>,
}

impl<A: Send + Sync + 'static> Routes<A> {
    pub(crate) const fn new(metadata: &'static Metadata) -> Self {
        Self { metadata, routes: Vec::new(), cancel: None }
    }

    /// `POST path` answers what this handler returns.
    #[must_use]
    pub fn endpoint<I, O, E, F, R>(self, point: Point, handler: F) -> Self
    where
        I: EndpointInput,
        O: EndpointOutput,
        E: EndpointError,
        F: Fn(Arc<A>, I, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        let handler = Handler::Answers(Box::new(move |app, call| match input(&call) {
            Ok(input) => {
                let returned = handler(app, input, call.request);
                Box::pin(async move { answer::returned(returned.await) })
            }
            Err(invalid) => Box::pin(std::future::ready(answer::invalid(&invalid))),
        }));
        self.with(point, Kind::Endpoint, Signature::of::<I, O, E>(), handler)
    }

    /// The same for a handler that blocks: it runs on a thread of its own, to its end even where its
    /// caller leaves.
    #[must_use]
    pub fn blocking<I, O, E, F>(self, point: Point, handler: F) -> Self
    where
        I: EndpointInput,
        O: EndpointOutput,
        E: EndpointError,
        F: Fn(Arc<A>, I, Request) -> Result<O, E> + Send + Sync + 'static,
    {
        let shared = Arc::new(handler);
        let handler = Handler::Answers(Box::new(move |app, call| match input(&call) {
            Ok(input) => {
                let handler = Arc::clone(&shared);
                let Call { request, held, .. } = call;
                let serve = move |request: Request| answer::returned(handler(app, input, request));
                Box::pin(threaded(request, held, serve))
            }
            Err(invalid) => Box::pin(std::future::ready(answer::invalid(&invalid))),
        }));
        self.with(point, Kind::Endpoint, Signature::of::<I, O, E>(), handler)
    }

    /// A handshake at the path begins a session in which this handler answers inputs: one by one, or
    /// all of them where it takes [`Inputs`](crate::Inputs).
    #[must_use]
    pub fn realtime<I, O, E, F, R>(self, point: Point, options: RealtimeOptions, handler: F) -> Self
    where
        I: RealtimeInput,
        O: RealtimeOutput,
        E: EndpointError,
        F: Fn(Arc<A>, I, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        let shared = Arc::new(handler);
        let handler = Handler::Talks(Arc::new(move |app: Arc<A>, talk| {
            let handler = Arc::clone(&shared);
            let answer = move |input, request| handler(Arc::clone(&app), input, request);
            Box::pin(realtime::talk(talk, options, answer))
        }));
        let kind = Kind::Realtime(options, Mode::of::<I, O>());
        self.with(point, kind, Signature::of_session::<I, O, E>(), handler)
    }

    /// The same for a handler that answers several inputs together.
    #[must_use]
    pub fn batched<I, O, E, F, R>(self, point: Point, options: RealtimeOptions, handler: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: RealtimeOutput,
        E: EndpointError,
        F: Fn(Arc<A>, Vec<I>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        self.realtime(point, options, move |app, batch: Batch<I>, request| {
            handler(app, batch.0, request)
        })
    }

    /// A handshake at the path begins a session that is this handler's own.
    #[must_use]
    pub fn websocket<E, F, R>(self, point: Point, handler: F) -> Self
    where
        E: EndpointError,
        F: Fn(Arc<A>, WebSocket, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
    {
        let shared = Arc::new(handler);
        let handler = Handler::Talks(Arc::new(move |app, talk| {
            let handler = Arc::clone(&shared);
            let serve = move |socket, request| handler(app, socket, request);
            Box::pin(raw::talk(talk, serve))
        }));
        self.with(point, Kind::Raw, Signature::NONE, handler)
    }

    /// `GET path` and `POST path` answer whether the runner is healthy: 200, or 500 with a reason.
    #[must_use]
    pub fn health<E, F, R>(self, point: Point, options: HealthOptions, check: F) -> Self
    where
        E: HealthError,
        F: Fn(Arc<A>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
    {
        let version = self.metadata.version;
        let handler = Handler::Answers(Box::new(move |app, _| {
            let checked = check(app);
            Box::pin(async move { answer::checked(checked.await, version) })
        }));
        self.with(point, Kind::Health(options), Signature::NONE, handler)
    }

    /// What runs when a request in flight is cancelled.
    #[must_use]
    pub fn on_cancel<F, R>(mut self, handler: F) -> Self
    where
        F: Fn(Arc<A>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.cancel = Some(Box::new(move |app, request| Box::pin(handler(app, request))));
        self
    }

    fn with(mut self, point: Point, kind: Kind, signature: Signature, handler: Handler<A>) -> Self {
        let counts = Counts::default();
        self.routes.push(Route { point, kind, signature, handler, counts });
        self
    }

    /// What these routes serve, or which of them is wrong.
    pub(crate) fn finish(self) -> Result<Endpoints<A>, String> {
        let order = self.routes.iter().map(|route| route.point.path).collect();
        let mut by_path = BTreeMap::new();
        let mut health = None;
        for route in self.routes {
            let path = route.point.path;
            if !path.starts_with('/') {
                return Err(format!("the path {path:?} does not start with a slash"));
            }
            if let Kind::Health(options) = route.kind
                && health.replace((path, options)).is_some()
            {
                return Err("there are two health checks".to_owned());
            }
            if by_path.insert(path, route).is_some() {
                return Err(format!("two endpoints share the path {path:?}"));
            }
        }
        Ok(Endpoints { metadata: self.metadata, order, by_path, health, cancel: self.cancel })
    }
}

/// Serves a request on a thread that may block. A panic is told there: its caller may have left, and
/// then nobody is here to hear of it.
async fn threaded(
    request: Request,
    held: Held,
    serve: impl FnOnce(Request) -> Response<Body> + Send + 'static,
) -> Response<Body> {
    let work = move || {
        let own = request.clone();
        let served = request.enter(|| catch_unwind(AssertUnwindSafe(|| serve(own))));
        let response = served.unwrap_or_else(|payload| answer::panicked(&request, &*payload));
        drop(held);
        response
    };
    // The work cannot panic, and nobody aborts it.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| answer::internal())
}

fn input<I: EndpointInput>(call: &Call) -> Result<I, Invalid> {
    //= docs/contract.md#validation-422
    //# The endpoint MUST NOT be entered with such an input.
    I::read(Sent { body: &call.body, headers: call.request.headers() })
}

impl<A> fmt::Debug for Routes<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes.iter().map(|route| route.point.path)).finish()
    }
}

/// All routes of an app.
pub(crate) struct Endpoints<A> {
    pub(crate) metadata: &'static Metadata,
    /// The paths as the app declares them.
    order: Vec<&'static str>,
    by_path: BTreeMap<&'static str, Route<A>>,
    /// The declared health check.
    pub(crate) health: Option<(&'static str, HealthOptions)>,
    pub(crate) cancel: Option<CancelHandler<A>>,
}

impl<A> Endpoints<A> {
    pub(crate) fn find(&self, path: &str) -> Option<&Route<A>> {
        self.by_path.get(path)
    }

    /// All routes, in the order in which the app declares them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route<A>> {
        self.order.iter().filter_map(|path| self.find(path))
    }

    /// The endpoint whose requests are cancelled at this path: `/cancel` behind its own.
    pub(crate) fn cancelled_at(&self, path: &str) -> Option<&Route<A>> {
        let path = path.strip_suffix("/cancel")?;
        self.find(if path.is_empty() { "/" } else { path })
            .filter(|route| route.kind.is_of_callers())
    }
}

impl<A> fmt::Debug for Endpoints<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_path.keys()).finish()
    }
}
