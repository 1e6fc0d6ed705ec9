//! From a path to an endpoint.
//!
//! Generated code adds typed handlers to [`Routes`]; [`Endpoints`] is what they become: a sorted
//! map from paths to handlers whose types are erased behind one boxed future per request.

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Method, Response};
use tokio::sync::Semaphore;

use crate::{
    answer,
    app::Metadata,
    body::Body,
    error::EndpointError,
    health::HealthError,
    input::{EndpointInput, Sent},
    output::EndpointOutput,
};

/// A handler's answer on its way.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

type Handler<A> = Box<dyn Fn(Arc<A>, Bytes, bool) -> Answering + Send + Sync>;

/// One path: what serves it, and how.
pub(crate) struct Route<A> {
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) handler: Handler<A>,
}

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Endpoint,
    Health,
}

impl Kind {
    /// What the header `allow` of a 405 says.
    pub(crate) const fn allow(self) -> &'static str {
        match self {
            Self::Endpoint => "POST",
            Self::Health => "GET, POST",
        }
    }

    pub(crate) fn takes(self, method: &Method) -> bool {
        match self {
            Self::Endpoint => method == Method::POST,
            Self::Health => method == Method::POST || method == Method::GET,
        }
    }
}

/// Collects an app's endpoints; `#[fal_app]` on its `impl` writes the calls.
pub struct Routes<A> {
    metadata: &'static Metadata,
    routes: Vec<Route<A>>,
}

impl<A: Send + Sync + 'static> Routes<A> {
    pub(crate) const fn new(metadata: &'static Metadata) -> Self {
        Self { metadata, routes: Vec::new() }
    }

    /// `POST path` answers what this handler returns.
    #[must_use]
    pub fn endpoint<I, O, E, F, R>(mut self, path: &'static str, handler: F) -> Self
    where
        I: EndpointInput,
        O: EndpointOutput,
        E: EndpointError,
        F: Fn(Arc<A>, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
    {
        let handler: Handler<A> = Box::new(move |app, body, json| {
            //= docs/contract.md#validation-422
            //# The endpoint MUST NOT be entered with such an input.
            let input = match I::read(Sent { body: &body, json }) {
                Ok(input) => input,
                Err(invalid) => return Box::pin(std::future::ready(answer::invalid(&invalid))),
            };
            let returned = handler(app, input);
            Box::pin(async move { answer::returned(returned.await) })
        });
        self.routes.push(Route { path, kind: Kind::Endpoint, handler });
        self
    }

    /// `GET path` and `POST path` answer whether the runner is healthy: 200, or 500 with a reason.
    #[must_use]
    pub fn health<E, F, R>(mut self, path: &'static str, check: F) -> Self
    where
        E: HealthError,
        F: Fn(Arc<A>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
    {
        let handler: Handler<A> = Box::new(move |app, _, _| {
            let checked = check(app);
            Box::pin(async move { answer::checked(checked.await) })
        });
        self.routes.push(Route { path, kind: Kind::Health, handler });
        self
    }

    /// What these routes serve, or which of them is wrong.
    pub(crate) fn finish(self) -> Result<Endpoints<A>, String> {
        let mut by_path = BTreeMap::new();
        let mut health = None;
        for route in self.routes {
            if !route.path.starts_with('/') {
                return Err(format!("the path {:?} does not start with a slash", route.path));
            }
            if route.kind == Kind::Health && health.replace(route.path).is_some() {
                return Err("there are two health checks".to_owned());
            }
            if let Some(earlier) = by_path.insert(route.path, route) {
                return Err(format!("two endpoints share the path {:?}", earlier.path));
            }
        }
        let permits = self.metadata.limits.max_multiplexing.map(|limit| limit.max(1) as usize);
        let places = permits.map(|permits| Arc::new(Semaphore::new(permits)));
        Ok(Endpoints { by_path, health, places })
    }
}

impl<A> fmt::Debug for Routes<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes.iter().map(|route| route.path)).finish()
    }
}

/// All routes of an app.
pub(crate) struct Endpoints<A> {
    by_path: BTreeMap<&'static str, Route<A>>,
    /// The path of the declared health check.
    pub(crate) health: Option<&'static str>,
    /// As many permits as requests may run at once; none, where the app declares no limit.
    pub(crate) places: Option<Arc<Semaphore>>,
}

impl<A> Endpoints<A> {
    pub(crate) fn find(&self, path: &str) -> Option<&Route<A>> {
        self.by_path.get(path)
    }

    /// The paths of the endpoints, sorted; without the health check.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.by_path.values().filter(|route| route.kind == Kind::Endpoint).map(|route| route.path)
    }
}

impl<A> fmt::Debug for Endpoints<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_path.keys()).finish()
    }
}
