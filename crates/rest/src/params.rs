//! What a URL says.

use axum::extract::{FromRequestParts, Path};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The variable parts of a path. One that is no text is at nothing.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = Path::<T>::from_request_parts(parts, state).await;
        let Path(params) =
            params.map_err(|error| Problem::new(StatusCode::NOT_FOUND, error.body_text()))?;
        Ok(Self(params))
    }
}

/// A parameter of the query, as it stands there. Those that are read here need no escapes.
pub(crate) fn query<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let mut pairs = head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}
