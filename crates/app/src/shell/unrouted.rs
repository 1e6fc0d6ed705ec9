//! What every app answers without an endpoint of its own: health, description, figures, cancels.

use std::sync::Arc;

use http::{Method, Response, request::Parts};

use super::Core;
use crate::{
    app::Wired,
    describe::{docs, openapi},
    request::Request,
    shell::{answer, body::Body, serving::Serving},
};

/// The health endpoint that every app has, unless it declares another.
const HEALTH: &str = "/health";

impl<A: Wired> Core<A> {
    /// Answers what no endpoint serves. An endpoint at one of these paths is served in their place.
    pub(super) async fn unrouted(&self, asked: &Parts) -> Response<Body> {
        let path = asked.uri.path();
        if let Some(route) = self.endpoints.cancelled_at(path).filter(|_| self.can_cancel(path)) {
            if asked.method != Method::POST {
                return answer::method_not_allowed("POST");
            }
            return self.cancel(asked, route.point.path).await;
        }
        let show: fn(&Self) -> Response<Body> = match path {
            HEALTH if self.endpoints.health.is_none() => {
                |core| answer::healthy(core.endpoints.metadata.version)
            }
            "/openapi.json" => |core| {
                let document = openapi::document(&core.endpoints);
                answer::shown("application/json", document.to_string())
            },
            "/docs" => |core| {
                let page = docs::page(&openapi::document(&core.endpoints));
                answer::shown("text/html; charset=utf-8", page)
            },
            "/metrics" => |core| {
                let text = core.metrics.text(core.endpoints.metadata);
                answer::shown("text/plain; version=0.0.4", text)
            },
            _ => return answer::not_found(path),
        };
        if asked.method == Method::GET { show(self) } else { answer::method_not_allowed("GET") }
    }

    /// Whether anything could heed a cancel at this path. Otherwise the app is one without a cancel
    /// route, to which the platform's signal is a 404.
    fn can_cancel(&self, path: &str) -> bool {
        let watched = self.endpoints.cancelled_at(path).is_some_and(|route| route.point.watched);
        watched || self.endpoints.cancel.is_some()
    }

    //= docs/contract.md#app-cancel
    //# An app of `fal-app` MUST tell a request that is in flight of its cancel signal, and run its
    //# `#[on_cancel]`.
    async fn cancel(&self, signal: &Parts, endpoint: &'static str) -> Response<Body> {
        let signalled = Request::new(endpoint, signal.headers.clone());
        let found = signalled.id().and_then(|id| self.in_flight.find(id));
        let Some(request) = found.filter(|request| request.endpoint() == endpoint) else {
            return answer::nothing_to_cancel();
        };
        request.cancel();
        let app = Arc::clone(&self.app);
        let told = async {
            if let Some(hook) = &self.endpoints.cancel {
                hook(app, request).await;
            }
            answer::cancelling()
        };
        self.attend(Serving::new(signalled, None), signal.uri.path(), told).await
    }
}
