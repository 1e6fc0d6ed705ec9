//! Tokens for apps.

use fal_access::{Right, TokenError};
use serde_json::{Value, json};

use crate::server::{BEGIN, Server};

//= docs/contract.md#app-tokens
//= type=test
//# `POST /rest/tokens/` MUST be answered with a token as a JSON string.
//= docs/contract.md#app-tokens
//= type=test
//# `POST /rest/tokens/realtime` MUST be answered with `{"token"}`.
//= docs/contract.md#app-tokens
//= type=test
//# It MUST allow the apps of `allowed_apps` and nothing else, for `token_expiration` or `duration` seconds: from 1 to 86400, and 120 where nothing is said.
#[tokio::test]
async fn a_token_allows_the_apps_that_were_asked_for() {
    let server = Server::start().await;
    let lab = || Ok(Right::Apps(vec!["lab".to_owned()]));
    for path in ["/rest/tokens/", "/rest/tokens", "/rest/tokens/realtime"] {
        for (ask, lasts) in [
            (json!({ "allowed_apps": ["lab"], "token_expiration": 60 }), 60),
            (json!({ "allowed_apps": ["lab"], "duration": 86_400 }), 86_400),
            (json!({ "allowed_apps": ["lab"] }), 120),
        ] {
            let answer = server.call("POST", path).json(&ask).send().await.is(200).json();
            let token = if path.ends_with("realtime") { &answer["token"] } else { &answer };
            let Value::String(token) = token else { panic!("{answer}") };
            assert_eq!(server.tokens.read(token, BEGIN + lasts - 1), lab(), "{ask}");
            assert_eq!(server.tokens.read(token, BEGIN + lasts), Err(TokenError::Expired), "{ask}");
        }
    }
}

#[tokio::test]
async fn a_token_for_nothing_or_for_ever_is_refused() {
    let server = Server::start().await;
    let many: Vec<_> = (0..65).map(|number| number.to_string()).collect();
    for bad in [
        json!({}),
        json!({ "allowed_apps": [] }),
        json!({ "allowed_apps": [""] }),
        json!({ "allowed_apps": ["lab", "/"] }),
        json!({ "allowed_apps": ["x".repeat(257)] }),
        json!({ "allowed_apps": many }),
        json!({ "allowed_apps": "lab" }),
        json!({ "allowed_apps": ["lab"], "duration": 0 }),
        json!({ "allowed_apps": ["lab"], "duration": 86_401 }),
        json!({ "allowed_apps": ["lab"], "duration": -1 }),
        json!(null),
    ] {
        server.call("POST", "/rest/tokens/").json(&bad).send().await.is(400);
    }
}
