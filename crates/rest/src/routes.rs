//! Which URL is whose.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, get, post, put},
};
use http::{StatusCode, Uri};

use crate::{Options, cdn, origin, problem::Problem, storage, tokens};

/// The routes below `/rest` and `/cdn`. Whoever mounts them has checked the key of what comes to `/rest`, but for
/// OPTIONS, which has none.
///
/// A request may carry the extension [`http::uri::Scheme`], which says how its caller reached the platform; without
/// one it is taken to be `http`.
pub fn router(options: Options) -> Router {
    let options = Arc::new(options);
    let rest = Router::new()
        .route("/rest/storage/auth/token", post(storage::token))
        .route("/rest/storage/upload/initiate", post(storage::initiate))
        .route("/rest/storage/upload/initiate-multipart", post(storage::parts::initiate))
        .route("/rest/storage/upload/multipart/{id}/complete", post(storage::parts::complete))
        .route("/rest/storage/upload/multipart/{id}/{number}", post(storage::parts::part))
        .route("/rest/tokens", post(tokens::plain))
        .route("/rest/tokens/", post(tokens::plain))
        .route("/rest/tokens/realtime", post(tokens::realtime))
        .route("/rest/{*path}", any(nothing))
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&options), origin::rest));
    let cdn = Router::new()
        .route("/cdn/files/upload", post(cdn::upload))
        .route("/cdn/files/upload/multipart", post(cdn::parts::begin))
        .route("/cdn/files/{id}/{name}", get(cdn::read).put(cdn::put))
        .route(
            "/cdn/files/{id}/{name}/multipart/{upload}",
            axum::routing::delete(cdn::parts::abort),
        )
        .route("/cdn/files/{id}/{name}/multipart/{upload}/complete", post(cdn::parts::complete))
        .route("/cdn/files/{id}/{name}/multipart/{upload}/{number}", put(cdn::parts::put))
        .route("/cdn/{*path}", any(nothing))
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn(origin::cdn));
    rest.merge(cdn).layer(DefaultBodyLimit::disable()).with_state(options)
}

async fn nothing(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("Nothing is at {}", uri.path()))
}

async fn not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
