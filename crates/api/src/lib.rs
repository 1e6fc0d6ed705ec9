//! What people and tools read of the platform over HTTP: `/api/...`, `/healthz`, `/readyz`, `/`.
//!
//! It reads what the node knows and says it in plain fields and lines. It lets nobody in and keeps nobody out: that is
//! the gateway's affair, which mounts [`router`].
//!
//! Invariant: what changes anything is PUT or DELETE, and refused to pages of other sites.

#![forbid(unsafe_code)]

mod dead;
mod requests;
mod runners;
mod why;
mod wire;

use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use fal_node::Handle;
use fal_types::RequestId;
use http::{Method, StatusCode, header, request::Parts};
use serde_json::json;

/// The routes of this node, beside those that are given.
pub fn router(node: Handle, rest: Router) -> Router {
    let own = Router::new()
        .route("/", get(index))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/api/runners", get(runners::all))
        .route("/api/runners/{id}", get(runners::one))
        .route("/api/requests", get(requests::all))
        .route("/api/requests/{id}", get(requests::one))
        .route("/api/requests/{id}/input", get(requests::input))
        // Changes are PUT and DELETE, which a browser sends for a page of another site only after asking.
        .route("/api/requests/{id}/cancel", put(requests::cancel))
        .route("/api/requests/{id}/webhook", put(requests::send_webhook))
        .route("/api/dead", get(dead::all))
        .route("/api/dead/{id}", get(dead::one).delete(dead::drop))
        .route("/api/dead/{id}/resubmit", put(dead::resubmit))
        .route("/.well-known/jwks.json", get(jwks))
        .route("/rest/.well-known/jwks.json", get(jwks))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn(own_pages_only))
        .with_state(node);
    // Pages of other sites may store things here: that is what its tokens are for.
    rest.merge(own)
}

async fn index(State(node): State<Handle>) -> Response {
    let apps: Vec<_> = node
        .apps()
        .map(|app| {
            let name = app.id().to_string();
            json!({ "app": name, "run": format!("/run/{name}"), "queue": format!("/queue/{name}") })
        })
        .collect();
    let tools = ["/api/runners", "/api/requests", "/api/dead", "/healthz", "/readyz"];
    Json(json!({ "apps": apps, "tools": tools })).into_response()
}

async fn healthy() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

async fn ready(State(node): State<Handle>) -> Response {
    let apps: serde_json::Map<_, _> =
        node.apps().map(|app| (app.id().to_string(), app.is_ready().into())).collect();
    let status = if node.is_stopping() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let word = if node.is_stopping() { "stopping" } else { "ready" };
    (status, Json(json!({ "status": word, "apps_with_ready_runners": apps }))).into_response()
}

/// A browser says where a page comes from that has it change something; whoever is no browser says nothing.
async fn own_pages_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").unwrap_or_default();
    let is_foreign = |origin: &str| origin.split_once("://").map(|(_, from)| from) != Some(host);
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let is_elsewhere = text("sec-fetch-site").is_some_and(|site| site == "cross-site")
        || text("origin").is_some_and(is_foreign);
    if is_change && is_elsewhere {
        return refuse(
            StatusCode::FORBIDDEN,
            "A page of another site may not change anything here",
        );
    }
    next.run(request).await
}

//= docs/contract.md#webhook-signature
//# The public keys MUST be served as JWKS under `/.well-known/jwks.json`.
async fn jwks(State(node): State<Handle>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], node.jwks().to_owned()).into_response()
}

/// What a URL names.
struct Name(String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|error| refuse(StatusCode::NOT_FOUND, &error.body_text()))?;
        Ok(Self(text))
    }
}

/// The request that a URL names.
struct Named(RequestId);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Name(text) = Name::from_request_parts(parts, state).await?;
        let id = text.parse().map_err(|_| {
            let detail = format!("a request id is a UUID, and `{text}` is not");
            refuse(StatusCode::NOT_FOUND, &detail)
        })?;
        Ok(Self(id))
    }
}

fn unknown(id: RequestId) -> Response {
    refuse(StatusCode::NOT_FOUND, &format!("Request {id} not found"))
}

fn refuse(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}

fn store_failed() -> Response {
    let detail = "The store failed, and the platform's log has the reason";
    refuse(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

async fn nothing(uri: http::Uri) -> Response {
    let detail =
        format!("Nothing is at {}: try /, /run/OWNER/ALIAS or /queue/OWNER/ALIAS", uri.path());
    refuse(StatusCode::NOT_FOUND, &detail)
}

async fn not_allowed() -> Response {
    refuse(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
