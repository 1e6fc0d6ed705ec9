//! What pages of which sites may do, since a browser asks.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{Options, Origins, problem::Problem};

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, accept-ranges, content-range, content-disposition, x-fal-request-id",
);
const KNOWN_FOR: HeaderValue = HeaderValue::from_static("600");
const ASKED: HeaderName = header::ACCESS_CONTROL_REQUEST_HEADERS;

//= docs/contract.md#upload-pages
//# Pages of every site MUST be able to upload to and read from what is below `/cdn`.
/// A token or an unguessable URL says who may do what there, and no page has those by itself.
pub(crate) async fn cdn(request: Request, next: Next) -> Response {
    allow(&ANY, request, next).await
}

//= docs/contract.md#upload-pages
//# Without keys, pages of other sites MUST get 403 for what is below `/rest`, but for those of this machine.
pub(crate) async fn rest(
    State(options): State<Arc<Options>>,
    request: Request,
    next: Next,
) -> Response {
    if options.origins == Origins::Any {
        return allow(&ANY, request, next).await;
    }
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        return next.run(request).await;
    };
    if !is_local(&origin, request.headers()) {
        let detail = "A page of another site may not do this where no key is needed";
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let mut response = allow(&origin, request, next).await;
    response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    response
}

async fn allow(origin: &HeaderValue, request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        ask(request.headers())
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

/// What a browser asks before it sends what a page has made.
fn ask(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, KNOWN_FOR);
    if let Some(names) = asked.get(ASKED) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}

/// Whether a page comes from this site or this machine.
fn is_local(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.to_str().is_ok_and(|origin| fal_access::is_own_page(origin, host))
}
