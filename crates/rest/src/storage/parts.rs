//! Uploads in parts that begin with a key.
//!
//! Of the two kinds of storage that clients name, `fal-cdn-v3` gives them one URL for all parts, which carries the
//! right; with `gcs` they ask for each part's URL, with their key.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use fal_objects::{ObjectId, PartNumber};
use http::request::Parts;

use crate::{
    Options,
    arriving::{self, Arriving},
    base::Base,
    cdn,
    params::Params,
    preference,
    problem::{Problem, Result},
    rights::{self, Put},
    storage::{self, Kind},
    wire,
};

//= docs/contract.md#upload-parts
//# `POST /rest/storage/upload/initiate-multipart` MUST be answered with `upload_url` and `file_url`: for `fal-cdn-v3` part N is PUT to the path of the first with `/N` after it and the same query, and for `gcs` a POST to it is answered with the `upload_url` of the part.
pub(crate) async fn initiate(
    State(options): State<Arc<Options>>,
    request: Request,
) -> Result<Json<wire::Initiated>> {
    let (head, mut body) = arriving::split(request, &options);
    let made = begin(&options, &head, &mut body).await;
    body.end(made).await.map(Json)
}

async fn begin(options: &Options, head: &Parts, body: &mut Arriving) -> Result<wire::Initiated> {
    let kind = storage::kind(head)?;
    let wire::Initiate { file_name, content_type } = body.json().await?;
    let about = preference::about(&head.headers, (file_name, content_type))?;
    let id = options.store.new_id()?;
    options.store.begin(id, about.clone(), options.now()).await?;
    let base = Base::of(head, options);
    let file_url = base.file(id, &about);
    let upload_url = match kind {
        Kind::Cdn => {
            let lasts = options.store.options().unfinished;
            let right = rights::query(options, &Put::Upload(id), lasts);
            format!("{file_url}/multipart/{id}?{right}")
        }
        Kind::Gcs => base.rest(&format!("storage/upload/multipart/{id}")),
    };
    Ok(wire::Initiated { upload_url, file_url })
}

/// Where one part goes.
pub(crate) async fn part(
    State(options): State<Arc<Options>>,
    Params((id, number)): Params<(String, String)>,
    request: Request,
) -> Result<Json<wire::PartTarget>> {
    let (head, body) = arriving::split(request, &options);
    let made = target(&options, &head, (&id, &number));
    body.end(made).await.map(Json)
}

fn target(options: &Options, head: &Parts, (id, number): (&str, &str)) -> Result<wire::PartTarget> {
    let (id, number): (ObjectId, PartNumber) = (id.parse()?, number.parse()?);
    let about = options.store.upload(id).ok_or(fal_objects::Error::NoUpload)?;
    let right = rights::query(options, &Put::Upload(id), rights::PUT);
    let file_url = Base::of(head, options).file(id, &about);
    Ok(wire::PartTarget { upload_url: format!("{file_url}/multipart/{id}/{number}?{right}") })
}

/// All parts are there.
pub(crate) async fn complete(
    State(options): State<Arc<Options>>,
    Params(id): Params<String>,
    request: Request,
) -> Result<Json<wire::Stored>> {
    let (head, mut body) = arriving::split(request, &options);
    let done = match id.parse() {
        Ok(id) => cdn::parts::put_together(&options, &head, (id, &mut body)).await,
        Err(error) => Err(Problem::from(error)),
    };
    body.end(done).await.map(Json)
}
