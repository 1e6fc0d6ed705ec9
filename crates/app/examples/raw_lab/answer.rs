//! What a call asks for, and the answer, however broken.

use std::{collections::BTreeMap, io, process, time::Duration};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::{Request, Response, StatusCode, header, request::Parts};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use tokio::time;

use crate::{
    Lab,
    end::{Crash, end},
};

type Pieces = BoxStream<'static, io::Result<Frame<Bytes>>>;

/// How large the pieces of a body are, in bytes.
const PIECE: usize = 64 * 1024;

/// What is written before a cut must be on its way before the connection goes.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// What a call takes; see the program's text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own, and all combine")]
struct Wish {
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_bytes: Option<usize>,
    truncate_at: Option<usize>,
    chunked: bool,
    sleep_ms: u64,
    drop: bool,
    crash: Option<Crash>,
    close_port: bool,
    first_n: Option<usize>,
}

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the call asked for it")]
    Asked,
    #[error("the call's body broke off")]
    Body(#[source] hyper::Error),
    #[error("the journal failed")]
    Journal(#[source] io::Error),
    #[error("this is no answer")]
    Answer(#[source] http::Error),
}

/// Answers one call, or closes its connection.
pub(crate) async fn answer(
    request: Request<Incoming>,
    lab: &Lab,
) -> Result<Response<StreamBody<Pieces>>, Refused> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(Refused::Body)?.to_bytes();
    let id = text(&parts, "x-fal-request-id");
    let call = lab.journal.call(id, parts.uri.path()).map_err(Refused::Journal)?;
    let mut wish: Wish = serde_json::from_slice(&body).unwrap_or_default();
    if wish.first_n.is_some_and(|first| call > first) {
        wish = Wish::default();
    }
    time::sleep(Duration::from_millis(wish.sleep_ms)).await;
    if let Some(crash) = wish.crash {
        end(crash);
    }
    if wish.close_port {
        lab.close_port.notify_one();
    }
    if wish.drop {
        return Err(Refused::Asked);
    }
    let usual = usual(&parts, call, body.len());
    respond(wish, usual).map_err(Refused::Answer)
}

fn text<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    parts.headers.get(name)?.to_str().ok()
}

fn usual(parts: &Parts, call: usize, received: usize) -> String {
    let headers: BTreeMap<_, _> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    json!({
        "pid": process::id(),
        "request_id": text(parts, "x-fal-request-id"),
        "call": call,
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query(),
        "headers": headers,
        "received": received,
    })
    .to_string()
}

fn respond(wish: Wish, usual: String) -> Result<Response<StreamBody<Pieces>>, http::Error> {
    let mut response =
        Response::builder().status(StatusCode::from_u16(wish.status.unwrap_or(200))?);
    let body = match (wish.body_bytes, wish.body) {
        (Some(bytes), _) => Bytes::from(vec![b'x'; bytes]),
        (None, Some(text)) => Bytes::from(text),
        (None, None) => {
            response = response.header(header::CONTENT_TYPE, "application/json");
            Bytes::from(usual)
        }
    };
    if !wish.chunked {
        response = response.header(header::CONTENT_LENGTH, body.len());
    }
    for (name, value) in wish.headers {
        response = response.header(name, value);
    }
    response.body(StreamBody::new(pieces(body, wish.truncate_at)))
}

fn pieces(body: Bytes, truncate_at: Option<usize>) -> Pieces {
    let sent = truncate_at.map_or(body.len(), |at| at.min(body.len()));
    let ends = (0..sent).step_by(PIECE).map(move |start| (start, sent.min(start + PIECE)));
    let whole = stream::iter(ends.map(move |(start, end)| Ok(Frame::data(body.slice(start..end)))));
    if truncate_at.is_none() {
        return whole.boxed();
    }
    let cut = stream::once(async {
        time::sleep(BEFORE_CUT).await;
        Err(io::Error::other("cut as asked"))
    });
    whole.chain(cut).boxed()
}
