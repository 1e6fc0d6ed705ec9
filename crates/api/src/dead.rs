//! Dead letters: requests that have had all their retries.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use fal_node::Handle;
use fal_types::RequestId;
use http::StatusCode;
use serde_json::json;

use crate::{
    Named, refuse,
    requests::{Listed, explained, record},
    store_failed,
};

//= docs/contract.md#dead-letters
//# Dead letters can be listed, looked at, submitted again and dropped.
pub(crate) async fn all(State(node): State<Handle>, uri: http::Uri) -> Response {
    let Listed { app, limit } = match Listed::read(uri.query()) {
        Ok(listed) => listed,
        Err(detail) => return refuse(StatusCode::BAD_REQUEST, &detail),
    };
    let Ok(tickets) = node.dead(app, limit).await else { return store_failed() };
    let dead: Vec<_> = tickets.iter().map(|ticket| record(ticket, None)).collect();
    Json(json!({ "dead": dead })).into_response()
}

pub(crate) async fn one(State(node): State<Handle>, Named(letter): Named) -> Response {
    match node.story(letter).await {
        Ok(Some(story)) if story.ticket.is_dead => Json(explained(&node, &story)).into_response(),
        Ok(_) => refuse(StatusCode::NOT_FOUND, &format!("{letter} is no dead letter")),
        Err(_) => store_failed(),
    }
}

pub(crate) async fn resubmit(State(node): State<Handle>, Named(letter): Named) -> Response {
    match node.resubmit(letter, RequestId::from_bits(uuid::Uuid::now_v7().as_u128())).await {
        Ok(Some(submitted)) => {
            let body = json!({
                "status": "IN_QUEUE",
                "request_id": submitted.id.to_string(),
                "queue_position": submitted.ahead,
            });
            Json(body).into_response()
        }
        Ok(None) => none(letter),
        Err(_) => store_failed(),
    }
}

pub(crate) async fn drop(State(node): State<Handle>, Named(letter): Named) -> Response {
    match node.drop_dead(letter).await {
        Ok(true) => Json(json!({ "status": "DROPPED" })).into_response(),
        Ok(false) => none(letter),
        Err(_) => store_failed(),
    }
}

fn none(letter: RequestId) -> Response {
    let detail = format!("{letter} is no dead letter, or was submitted again before");
    refuse(StatusCode::NOT_FOUND, &detail)
}
