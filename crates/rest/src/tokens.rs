//! Tokens with which a page may call some apps: `/rest/tokens/...`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
};
use fal_access::Right;

use crate::{
    Options,
    arriving::{self, Arriving},
    problem::{Problem, Result},
    rights, wire,
};

/// How long a token lasts whose caller says nothing about it, and at most, in seconds.
const USUAL: u64 = 120;
const LONGEST: u64 = 86_400;

/// How many apps a token may name, and the longest name of one, in bytes.
const MOST: usize = 64;
const LONGEST_NAME: usize = 256;

//= docs/contract.md#app-tokens
//# `POST /rest/tokens/` MUST be answered with a token as a JSON string.
pub(crate) async fn plain(
    State(options): State<Arc<Options>>,
    request: Request,
) -> Result<Json<String>> {
    token(&options, request).await.map(Json)
}

//= docs/contract.md#app-tokens
//# `POST /rest/tokens/realtime` MUST be answered with `{"token"}`.
pub(crate) async fn realtime(
    State(options): State<Arc<Options>>,
    request: Request,
) -> Result<Json<wire::Token>> {
    let token = token(&options, request).await?;
    Ok(Json(wire::Token { token }))
}

async fn token(options: &Options, request: Request) -> Result<String> {
    let (_, mut body) = arriving::split(request, options);
    let minted = mint(options, &mut body).await;
    body.end(minted).await
}

//= docs/contract.md#app-tokens
//# It MUST allow the apps of `allowed_apps` and nothing else, for `token_expiration` or `duration` seconds: from 1 to 86400, and 120 where nothing is said.
async fn mint(options: &Options, body: &mut Arriving) -> Result<String> {
    let wire::AppsToken { allowed_apps, token_expiration } = body.json().await?;
    let is_name = |name: &String| !name.trim_matches('/').is_empty() && name.len() <= LONGEST_NAME;
    if allowed_apps.is_empty() || allowed_apps.len() > MOST || !allowed_apps.iter().all(is_name) {
        return Err(Problem::bad(format!("allowed_apps must name 1 to {MOST} apps")));
    }
    let seconds = token_expiration.unwrap_or(USUAL);
    if !(1..=LONGEST).contains(&seconds) {
        return Err(Problem::bad(format!("a token lasts 1 to {LONGEST} seconds, not {seconds}")));
    }
    let expires = options.now() + Duration::from_secs(seconds);
    Ok(rights::mint(options, &Right::Apps(allowed_apps), expires))
}
