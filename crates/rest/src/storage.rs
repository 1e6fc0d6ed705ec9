//! Where a caller with a key begins to upload: `/rest/storage/...`.

pub(crate) mod parts;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use fal_access::Right;
use http::request::Parts;

use crate::{
    Options,
    arriving::{self, Arriving},
    base::Base,
    params, preference,
    problem::{Problem, Result},
    rights::{self, Put},
    time, wire,
};

/// The kinds of storage that clients name. They differ in how parts are uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cdn,
    Gcs,
}

//= docs/contract.md#upload-token
//# `POST /rest/storage/auth/token` MUST be answered with `token`, `token_type`, `base_url` and `expires_at`, and the token MUST allow to store objects below that URL and nothing else.
pub(crate) async fn token(
    State(options): State<Arc<Options>>,
    request: Request,
) -> Result<Json<wire::StoreToken>> {
    let (head, body) = arriving::split(request, &options);
    let made = kind(&head).map(|_| {
        let expires = options.now() + rights::STORE;
        wire::StoreToken {
            token: rights::mint(&options, &Right::Store, expires),
            token_type: "Bearer",
            base_url: Base::of(&head, &options).cdn(),
            expires_at: time::iso(expires),
        }
    });
    body.end(made).await.map(Json)
}

//= docs/contract.md#upload-initiate
//# `POST /rest/storage/upload/initiate` MUST be answered with `upload_url`, to which the bytes are PUT without any other right, and `file_url`, where they are then.
pub(crate) async fn initiate(
    State(options): State<Arc<Options>>,
    request: Request,
) -> Result<Json<wire::Initiated>> {
    let (head, mut body) = arriving::split(request, &options);
    let made = one(&options, &head, &mut body).await;
    body.end(made).await.map(Json)
}

async fn one(options: &Options, head: &Parts, body: &mut Arriving) -> Result<wire::Initiated> {
    kind(head)?;
    let wire::Initiate { file_name, content_type } = body.json().await?;
    let about = preference::about(&head.headers, (file_name, content_type))?;
    let id = options.store.new_id()?;
    let file_url = Base::of(head, options).file(id, &about);
    let right = rights::query(options, &Put::Object(id, about), rights::PUT);
    Ok(wire::Initiated { upload_url: format!("{file_url}?{right}"), file_url })
}

fn kind(head: &Parts) -> Result<Kind> {
    match params::query(head, "storage_type") {
        None | Some("fal-cdn-v3") => Ok(Kind::Cdn),
        Some("gcs") => Ok(Kind::Gcs),
        Some(other) => {
            Err(Problem::bad(format!("storage_type must be fal-cdn-v3 or gcs, and is `{other}`")))
        }
    }
}
