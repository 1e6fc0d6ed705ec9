//! What every app answers without an endpoint of its own: health, description, figures, cancels.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use http::{Method, Response, request::Parts};

use super::Core;
use crate::{
    app::Wired,
    request::Request,
    routes::Kind,
    shell::{answer, body::Body, metrics},
};

/// The health endpoint that every app has, unless it declares another.
const HEALTH: &str = "/health";

impl<A: Wired> Core<A> {
    /// Answers what no endpoint serves. An endpoint at one of these paths is served in their place.
    pub(super) fn unrouted(&self, asked: &Parts) -> Response<Body> {
        let path = asked.uri.path();
        if let Some(route) = self.endpoints.cancelled_at(path) {
            if asked.method != Method::POST {
                return answer::method_not_allowed("POST");
            }
            return self.cancel(asked, route.point.path);
        }
        let show: fn(&Self) -> Response<Body> = match path {
            HEALTH if self.endpoints.health.is_none() => Self::health,
            "/openapi.json" => |core| answer::shown("application/json", core.pages.openapi.clone()),
            "/docs" => |core| answer::shown("text/html; charset=utf-8", core.pages.docs.clone()),
            "/metrics" => Self::metrics,
            _ => return answer::not_found(path),
        };
        if asked.method == Method::GET { show(self) } else { answer::method_not_allowed("GET") }
    }

    fn health(&self) -> Response<Body> {
        match self.stops.breakage() {
            Some(reason) => answer::broken(&reason),
            None => answer::healthy(self.endpoints.metadata.version),
        }
    }

    fn metrics(&self) -> Response<Body> {
        let endpoints = self.endpoints.iter().filter(|route| route.kind == Kind::Endpoint);
        let counts = endpoints.map(|route| (route.point.path, &route.counts));
        let counts: Vec<_> = counts.collect();
        let text = metrics::text(self.endpoints.metadata, &counts, &self.elsewhere);
        answer::shown("text/plain; version=0.0.4", text)
    }

    //= docs/contract.md#app-cancel
    //# An app of `fal-app` MUST tell a request that is in flight of its cancel signal, and run its
    //# `#[on_cancel]`.
    fn cancel(&self, signal: &Parts, endpoint: &'static str) -> Response<Body> {
        let id = signal.headers.get("x-fal-request-id").and_then(|value| value.to_str().ok());
        let found = id.map(|id| self.in_flight.find(id, endpoint)).unwrap_or_default();
        if found.is_empty() {
            return answer::nothing_to_cancel();
        }
        for request in found {
            request.cancel();
            self.tell_of_cancel(request);
        }
        answer::cancelling()
    }

    /// Runs `#[on_cancel]` to its end, however long the platform waits for the answer to its signal.
    fn tell_of_cancel(&self, request: Request) {
        let Some(hook) = &self.endpoints.cancel else { return };
        let told = hook(Arc::clone(&self.app), request.clone());
        let work = self.works.begin();
        tokio::spawn(async move {
            let told = request.scope(AssertUnwindSafe(told).catch_unwind()).await;
            if let Err(payload) = told {
                // The request goes on to its own answer.
                drop(answer::panicked(&request, &*payload));
            }
            drop(work);
        });
    }
}
