//! Objects that come in parts.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use fal_objects::{Error, Listed, ObjectId, Part, PartNumber};
use http::{HeaderValue, StatusCode, header, request::Parts};

use crate::{
    Options,
    arriving::{self, Arriving},
    base::Base,
    params::Params,
    preference,
    problem::{Problem, Result},
    rights, wire,
};

//= docs/contract.md#upload-parts
//# `POST /cdn/files/upload/multipart` MUST be answered with `access_url` and `uploadId`; part N is then PUT to `{access_url}/multipart/{uploadId}/N`.
pub(crate) async fn begin(
    State(options): State<Arc<Options>>,
    request: Request,
) -> Result<Json<wire::Begun>> {
    let (head, body) = arriving::split(request, &options);
    let begun = new(&options, &head).await;
    body.end(begun).await.map(Json)
}

async fn new(options: &Options, head: &Parts) -> Result<wire::Begun> {
    rights::may_store(options, &head.headers)?;
    let about = preference::from_headers(&head.headers)?;
    let id = options.store.new_id()?;
    let access_url = Base::of(head, options).file(id, &about);
    options.store.begin(id, about, options.now()).await?;
    Ok(wire::Begun { access_url, upload_id: id.to_string() })
}

//= docs/contract.md#upload-parts
//# The answer to a part MUST have its etag in the header `ETag` and, with its number, in the body as `{"partNumber", "etag"}`.
pub(crate) async fn put(
    State(options): State<Arc<Options>>,
    Params((id, _, upload, number)): Params<(String, String, String, String)>,
    request: Request,
) -> Result<Response> {
    let (head, mut body) = arriving::split(request, &options);
    let stored = match target(&options, &head, (&id, &upload)) {
        Ok(id) => keep(&options, (id, &number), &mut body).await,
        Err(problem) => Err(problem),
    };
    let part = body.end(stored).await?;
    let etag = format!("\"{}\"", part.etag());
    // An etag of ours is letters and digits.
    let header = HeaderValue::from_str(&etag).ok();
    let part_number = part.number().number();
    let mut response = Json(wire::PartStored { part_number, etag }).into_response();
    response.headers_mut().extend(header.map(|etag| (header::ETAG, etag)));
    Ok(response)
}

async fn keep(
    options: &Options,
    (id, number): (ObjectId, &str),
    body: &mut Arriving,
) -> Result<Part> {
    let number: PartNumber = number.parse()?;
    // Before anything comes, as nothing of it could be kept.
    options.store.upload(id).ok_or(Error::NoUpload)?;
    let mut intake = options.store.intake(body.length()).await?;
    body.pour(&mut intake).await?;
    Ok(options.store.keep_part(intake, id, number).await?)
}

/// All parts are there.
pub(crate) async fn complete(
    State(options): State<Arc<Options>>,
    Params((id, _, upload)): Params<(String, String, String)>,
    request: Request,
) -> Result<Json<wire::Stored>> {
    let (head, mut body) = arriving::split(request, &options);
    let done = match target(&options, &head, (&id, &upload)) {
        Ok(id) => put_together(&options, &head, (id, &mut body)).await,
        Err(problem) => Err(problem),
    };
    body.end(done).await.map(Json)
}

/// Makes an object of the parts that the body lists.
pub(crate) async fn put_together(
    options: &Options,
    head: &Parts,
    (id, body): (ObjectId, &mut Arriving),
) -> Result<wire::Stored> {
    let wire::Complete { parts } = body.json().await?;
    let listed = |part: wire::ListedPart| {
        let etag = part.etag.trim_matches('"').to_owned();
        Ok(Listed { number: part.number.try_into()?, etag })
    };
    let listed = parts.into_iter().map(listed).collect::<std::result::Result<_, Error>>()?;
    let object = options.store.complete(id, listed, options.now()).await?;
    Ok(wire::Stored { access_url: Base::of(head, options).file(id, object.about()) })
}

/// The upload is given up.
pub(crate) async fn abort(
    State(options): State<Arc<Options>>,
    Params((id, _, upload)): Params<(String, String, String)>,
    request: Request,
) -> Result<StatusCode> {
    let (head, body) = arriving::split(request, &options);
    let aborted = match target(&options, &head, (&id, &upload)) {
        Ok(id) => options.store.abort(id).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let was_there = body.end(aborted).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NoUpload.into()) }
}

/// The upload that a URL names, where its caller may write to it.
fn target(options: &Options, head: &Parts, (id, upload): (&str, &str)) -> Result<ObjectId> {
    let id: ObjectId = id.parse().map_err(|_| Problem::from(Error::NoUpload))?;
    rights::may_write(options, head, id)?;
    if upload.parse::<ObjectId>().is_ok_and(|upload| upload == id) {
        Ok(id)
    } else {
        Err(Error::NoUpload.into())
    }
}
