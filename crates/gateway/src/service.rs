//! Finding the room for a request.

use std::{convert::Infallible, sync::Arc};

use axum::Router;
use fal_node::Handle;
use fal_types::RequestId;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::{
    Limits, api,
    body::Body,
    direct, headers, problem, queue,
    route::{Route, route},
};

/// The edge of one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

/// Behind one pointer, since every request takes a clone.
#[derive(Debug)]
struct Inner {
    node: Handle,
    limits: Limits,
    others: Router,
}

impl Gateway {
    /// The edge of this node.
    #[must_use]
    pub fn new(node: Handle, limits: Limits) -> Self {
        let others = api::router(node.clone());
        Self { inner: Arc::new(Inner { node, limits, others }) }
    }

    pub(crate) fn node(&self) -> &Handle {
        &self.inner.node
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.limits
    }

    //= docs/contract.md#request-id
    //# Every response MUST carry `x-fal-request-id`.
    /// Answers one request. Never fails: what goes wrong is an answer.
    ///
    /// # Errors
    /// Never.
    pub async fn handle(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let id = new_request_id();
        let response = match route(request.uri(), request.headers()) {
            Route::Run(_) if self.node().is_stopping() => stopping(id),
            Route::Run(_) => direct::call(&self, id, request).await,
            Route::Queue { .. } => queue::handle(&self, id, request).await,
            Route::Other => self.other(id, request).await,
        };
        Ok(response)
    }

    async fn other(&self, id: RequestId, request: Request<Incoming>) -> Response<Body> {
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
