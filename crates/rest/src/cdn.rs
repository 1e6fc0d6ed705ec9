//! Where objects go in and out: `/cdn/files/...`.

pub(crate) mod parts;

mod range;
mod read;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use fal_objects::{About, ObjectId};
use http::request::Parts;

pub(crate) use crate::cdn::read::read;
use crate::{
    Options,
    arriving::{self, Arriving},
    base::Base,
    params::Params,
    preference,
    problem::{Problem, Result},
    rights::{self, Put},
    wire,
};

//= docs/contract.md#upload-direct
//# `POST /cdn/files/upload` MUST keep the body under the name of `X-Fal-File-Name` with the request's content type, and be answered with `access_url`.
pub(crate) async fn upload(
    State(options): State<Arc<Options>>,
    request: Request,
) -> Result<Json<wire::Stored>> {
    let (head, mut body) = arriving::split(request, &options);
    let stored = match rights::may_store(&options, &head.headers) {
        Ok(()) => new(&options, &head, &mut body).await,
        Err(problem) => Err(problem),
    };
    body.end(stored).await.map(Json)
}

async fn new(options: &Options, head: &Parts, body: &mut Arriving) -> Result<wire::Stored> {
    let about = preference::from_headers(&head.headers)?;
    keep(options, head, (options.store.new_id()?, about), body).await
}

/// An upload to a URL that was made for it.
pub(crate) async fn put(
    State(options): State<Arc<Options>>,
    Params((id, _)): Params<(String, String)>,
    request: Request,
) -> Result<Json<wire::Stored>> {
    let (head, mut body) = arriving::split(request, &options);
    let stored = match target(&options, &head, &id) {
        Ok(target) => keep(&options, &head, target, &mut body).await,
        Err(problem) => Err(problem),
    };
    body.end(stored).await.map(Json)
}

fn target(options: &Options, head: &Parts, id: &str) -> Result<(ObjectId, About)> {
    let id: ObjectId = id.parse().map_err(|_| Problem::no_object())?;
    match rights::put(options, head)? {
        Put::Object(allowed, about) if allowed == id => Ok((id, about)),
        Put::Object(..) | Put::Upload(_) => Err(rights::elsewhere()),
    }
}

async fn keep(
    options: &Options,
    head: &Parts,
    (id, about): (ObjectId, About),
    body: &mut Arriving,
) -> Result<wire::Stored> {
    let mut intake = options.store.intake(body.length()).await?;
    body.pour(&mut intake).await?;
    let object = options.store.keep(intake, (id, about), options.now()).await?;
    Ok(wire::Stored { access_url: Base::of(head, options).file(id, object.about()) })
}
