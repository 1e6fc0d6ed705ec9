//! Reading an object.

use std::{fmt::Write as _, ops::Range, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use fal_objects::{About, Access, Error, Object, ObjectId, Reader};
use fal_types::Moment;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::{
    Options,
    cdn::range::{self, Wanted},
    params::Params,
    problem::{Problem, Result},
    rights,
};

/// How long others may keep what stays, in seconds: a year, which HTTP takes for ever.
const YEAR: u64 = 31_536_000;

/// What a page may do that somebody has uploaded: nothing, as if it were of a site of its own.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox",
);
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// One object, or what is asked for of it.
pub(crate) async fn read(
    State(options): State<Arc<Options>>,
    Params((id, name)): Params<(String, String)>,
    request: Request,
) -> Result<Response> {
    let id: ObjectId = id.parse().map_err(|_| Problem::no_object())?;
    let now = options.now();
    let found = options.store.find(id, now).await?;
    let object = found.filter(|object| object.about().safe_name() == name);
    let object = object.ok_or_else(Problem::no_object)?;
    let access = object.about().access;
    rights::may_read(&options, access, request.headers())?;

    let headers = describe(&object, now);
    let etag = format!("\"{}\"", object.etag());
    //= docs/contract.md#object-read
    //# A request that names the etag in `If-None-Match` MUST be answered with 304.
    let mut response = if range::is_known(request.headers(), &etag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        let asked = range::wanted(request.headers(), (object.length(), &etag));
        let is_head = request.method() == Method::HEAD;
        answer(&options, (&object, asked), is_head.then_some(Body::empty)).await?
    };
    response.headers_mut().extend(headers);
    Ok(response)
}

//= docs/contract.md#object-read
//# A request for a range of bytes MUST be answered with 206 and those bytes, and one for bytes beyond the end with 416.
/// The answer without what is said of every object. `instead` is a body for who wants none.
async fn answer(
    options: &Options,
    (object, asked): (&Object, Wanted),
    instead: Option<fn() -> Body>,
) -> Result<Response> {
    let length = object.length();
    let (status, range) = match asked {
        Wanted::Whole => (StatusCode::OK, 0..length),
        Wanted::Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => return Ok(beyond(length)),
    };
    let body = match instead {
        Some(instead) => instead(),
        None => body(options.store.read(object, range.clone())).await?,
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if status == StatusCode::PARTIAL_CONTENT {
        let Range { start, end } = range;
        insert(headers, header::CONTENT_RANGE, &format!("bytes {start}-{}/{length}", end - 1));
    }
    Ok(response)
}

fn beyond(length: u64) -> Response {
    let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
    insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
    response
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The first piece is read before anything is answered, so that what cannot be read is no 200.
async fn body(mut reader: Reader) -> Result<Body> {
    let first = reader.next().await?;
    let Some(first) = first else { return Ok(Body::empty()) };
    let rest = stream::try_unfold(reader, async |mut reader| {
        Ok::<_, Error>(reader.next().await?.map(|piece| (piece, reader)))
    });
    let rest = rest.inspect_err(|error| tracing::warn!(%error, "a download was cut short"));
    Ok(Body::from_stream(stream::once(async { Ok::<Bytes, Error>(first) }).chain(rest)))
}

//= docs/contract.md#object-read
//# An object MUST be answered with its content type, length, etag and name, with `nosniff`, and with `Cache-Control` that lets others keep it no longer than it is kept here.
fn describe(object: &Object, now: Moment) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let about = object.about();
    insert(&mut headers, header::CONTENT_TYPE, about.content_type());
    insert(&mut headers, header::ETAG, &format!("\"{}\"", object.etag()));
    insert(&mut headers, header::CACHE_CONTROL, &cache(object, now));
    insert(&mut headers, header::CONTENT_DISPOSITION, &disposition(about));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    // The URL is the secret.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    //= docs/contract.md#object-read
    //# What a browser could run MUST be answered with a content security policy that lets it do nothing.
    if !is_inert(about.content_type()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    }
    headers
}

fn cache(object: &Object, now: Moment) -> String {
    let age = object.expires().map_or(YEAR, |expires| expires.since(now).as_secs().min(YEAR));
    match object.about().access {
        Access::Allow => format!("public, max-age={age}, immutable"),
        Access::Forbid | Access::Hide => "private, no-store".to_owned(),
    }
}

/// The name, and where a header cannot carry it, also in escapes.
fn disposition(about: &About) -> String {
    let safe = about.safe_name();
    let mut text = format!("inline; filename=\"{safe}\"");
    if about.name() != safe {
        text.push_str("; filename*=UTF-8''");
        for byte in about.name().bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                text.push(char::from(byte));
            } else {
                // Writing to a text cannot fail.
                let _written = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// Whether a browser that shows this runs nothing of it.
fn is_inert(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.split_once('/') {
        Some(("image", image)) => !image.contains("svg") && !image.contains("xml"),
        Some(("audio" | "video", _)) => true,
        Some(_) | None => matches!(kind.as_str(), "text/plain" | "application/pdf"),
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // All of them are printable ASCII: content types and names were held to that.
    headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_runs_is_not_inert() {
        for inert in [
            "image/png",
            "IMAGE/JPEG; a=b",
            "video/mp4",
            "audio/wav",
            "text/plain",
            "application/pdf",
        ] {
            assert!(is_inert(inert), "{inert}");
        }
        for active in [
            "text/html",
            "image/svg+xml",
            "Image/SVG+XML",
            "application/xhtml+xml",
            "text/xml",
            "x",
            "application/json",
        ] {
            assert!(!is_inert(active), "{active}");
        }
    }

    #[test]
    fn a_name_is_given_as_a_header_can_carry_it() {
        let text = |name: &str| disposition(&About::new(name, "text/plain").unwrap());
        assert_eq!(text("a.txt"), "inline; filename=\"a.txt\"");
        let escaped = "inline; filename=\"a_b__.txt\"; filename*=UTF-8''a%20b%22%C3%BC.txt";
        assert_eq!(text("a b\"ü.txt"), escaped);
    }
}
