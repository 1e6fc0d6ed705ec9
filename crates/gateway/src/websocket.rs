//! Sessions: `GET /run/{owner}/{alias}[/path]` that asks for WebSocket.
//!
//! The handshake is answered before there is a runner, as fal does, because clients wait only seconds for it. Then the
//! runner's own handshake is made, and frames pass untouched in both directions. Only the end is the platform's: who
//! broke is told to the other side by a close, where the framing allows it.

mod caller;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use fal_node::{App, Connected, DirectCall, Refusal, Session, SessionEnd};
use fal_relay::{Due, Early, End, Flow, Towards};
use fal_types::RequestId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

use self::caller::{Caller, Watch};
use crate::{Gateway, body::Body, direct, headers, problem, serve::closed};

const EXTENSIONS: HeaderName = header::SEC_WEBSOCKET_EXTENSIONS;
const KEY: HeaderName = header::SEC_WEBSOCKET_KEY;
const PROTOCOL: HeaderName = header::SEC_WEBSOCKET_PROTOCOL;
const VERSION: HeaderName = header::SEC_WEBSOCKET_VERSION;
/// What is hashed with a caller's key (RFC 6455, section 1.3).
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How long one side may take to close after the other has.
const FAREWELL: Duration = Duration::from_secs(5);

const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const BROKEN: u16 = 1011;
/// What fal says of a session that its runner did not take or did not finish.
const FORWARDING: &str = "Error while forwarding the request";
const STOPPING: &str = "The platform is stopping";
const TIME_IS_UP: &str = "The session has lasted request_timeout";

/// What a request for a session brings.
pub(crate) struct Handshake {
    upgrade: OnUpgrade,
    key: HeaderValue,
}

/// Whether a request asks for WebSocket, and what is wrong where it does so badly.
pub(crate) fn wanted(request: &mut Request<Incoming>) -> Result<Option<Handshake>, &'static str> {
    let headers = request.headers();
    if request.method() != Method::GET || !has(headers, &header::UPGRADE, "websocket") {
        return Ok(None);
    }
    if !has(headers, &header::CONNECTION, "upgrade") {
        return Err("A WebSocket handshake has the header `Connection: Upgrade`");
    }
    if headers.get(VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        return Err("Of WebSocket only version 13 is spoken here");
    }
    let key = headers.get(KEY).cloned();
    let is_key = |key: &HeaderValue| BASE64_STANDARD.decode(key).is_ok_and(|key| key.len() == 16);
    let key = key.filter(is_key).ok_or("`Sec-WebSocket-Key` is 16 bytes in base64")?;
    Ok(Some(Handshake { upgrade: hyper::upgrade::on(request), key }))
}

fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// Everything that a session of ours has, before it has a runner.
pub(crate) struct Opening {
    pub(crate) app: App,
    pub(crate) call: DirectCall,
    pub(crate) closing: watch::Receiver<bool>,
}

//= docs/contract.md#sessions
//# A WebSocket handshake MUST be answered with 101 without waiting for a runner, unless the caller offers subprotocols, of which the runner picks one.
/// Answers the handshake and leaves the session to a task of its own.
pub(crate) async fn open(
    gateway: &Gateway,
    handshake: Handshake,
    mut opening: Opening,
) -> Response<Body> {
    let Handshake { upgrade, key } = handshake;
    let id = opening.call.request;
    let seen = &mut opening.call.headers;
    seen.remove(EXTENSIONS);
    seen.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    seen.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    seen.insert(VERSION, HeaderValue::from_static("13"));
    seen.insert(KEY, key.clone());
    let mut response = switching(&key, id);
    if !opening.call.headers.contains_key(PROTOCOL) {
        tokio::spawn(attend(upgrade, opening));
        return response;
    }
    let Opening { app, call, closing } = opening;
    // Nothing is promised yet, so whoever is refused sees why.
    let session = match app.connect(call).await {
        Ok(Connected::Session(session)) => session,
        Ok(Connected::Answered(answer, runner)) => {
            return direct::answered((answer, runner), headers::id(id));
        }
        Err(refusal) => return direct::refused(gateway, &refusal, id),
    };
    if let Some(protocol) = session.head.headers.get(PROTOCOL) {
        response.headers_mut().insert(PROTOCOL, protocol.clone());
    }
    tokio::spawn(async move {
        match upgrade.await {
            Ok(caller) => drop(run(Caller::new(caller), *session, Vec::new(), closing).await),
            Err(_) => session.end(SessionEnd::CallerLeft),
        }
    });
    response
}

fn switching(key: &HeaderValue, id: RequestId) -> Response<Body> {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key.as_bytes(), MAGIC].concat());
    let accept = headers::text(&BASE64_STANDARD.encode(hash));
    let mut response = Response::new(Body::whole(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(headers::REQUEST_ID, headers::id(id));
    response
}

/// The refusal of a handshake that is none.
pub(crate) fn malformed(detail: &str, id: RequestId) -> Response<Body> {
    let mut response = problem::plain(StatusCode::BAD_REQUEST, detail, id);
    response.headers_mut().insert(VERSION, HeaderValue::from_static("13"));
    response
}

/// A session from its handshake to its end.
async fn attend(upgrade: OnUpgrade, opening: Opening) {
    let Opening { app, call, mut closing } = opening;
    let Ok(caller) = upgrade.await else { return };
    let mut caller = Caller::new(caller);
    let watch = caller.watch();
    let mut early = Early::default();
    let connected = tokio::select! {
        connected = app.connect(call) => connected,
        () = listen(&mut caller, &mut early) => return end(caller, (NORMAL, "")).await,
        () = leaves(&watch) => return,
        () = closed(&mut closing) => {
            return end(caller, (GOING_AWAY, STOPPING)).await;
        }
    };
    drop(watch);
    join(caller, connected, early.into_bytes(), closing).await;
}

/// Returns when the caller has left. Until then it is heard and its pings are answered; what is for the runner is kept,
/// and when much is, nothing more is read.
async fn listen(caller: &mut Caller, early: &mut Early) {
    let mut buffer = vec![0; 4096];
    loop {
        match early.due() {
            Some(Due::Answer(answer)) => {
                if caller.write_all(&answer).await.is_err() {
                    return;
                }
                continue;
            }
            Some(Due::Closed) => return,
            None => {}
        }
        let room = early.room().min(buffer.len());
        if room == 0 {
            return std::future::pending().await;
        }
        match caller.read(buffer.get_mut(..room).unwrap_or_default()).await {
            Ok(0) | Err(_) => return,
            Ok(read) => early.push(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// Joins a caller to what its call came to.
async fn join(
    caller: Caller,
    connected: Result<Connected, Refusal>,
    early: Vec<u8>,
    closing: watch::Receiver<bool>,
) {
    match connected {
        Ok(Connected::Session(session)) => {
            let request = session.request();
            let how = run(caller, *session, early, closing).await;
            tracing::debug!(%request, ?how, "a session has ended");
        }
        //= docs/contract.md#sessions
        //# A session that finds no runner, or whose runner does not take it, MUST be closed with 1011.
        Ok(Connected::Answered(response, _)) => {
            let status = response.status().as_u16();
            tracing::debug!(status, "the runner has not taken a session");
            end(caller, (BROKEN, FORWARDING)).await;
        }
        Err(refusal) if refusal.runner.is_some() => end(caller, (BROKEN, FORWARDING)).await,
        Err(refusal) => end(caller, (BROKEN, refusal.problem.detail())).await,
    }
}

async fn end(mut caller: Caller, why: (u16, &str)) {
    Flow::new(Vec::new()).close(&mut caller, why, Towards::Caller).await;
    fal_relay::linger(&mut caller).await;
}

/// Passes frames on until the session ends.
async fn run(
    caller: Caller,
    mut session: Session,
    early: Vec<u8>,
    mut closing: watch::Receiver<bool>,
) -> SessionEnd {
    let watch = caller.watch();
    let (mut caller_reads, mut caller_writes) = tokio::io::split(caller);
    let deadline = session.deadline;
    let (mut runner_reads, mut runner_writes) = tokio::io::split(&mut session);
    let (mut up, mut down) = (Flow::new(early), Flow::new(Vec::new()));
    let first = tokio::select! {
        end = up.run(&mut caller_reads, &mut runner_writes) => First::Up(end),
        end = down.run(&mut runner_reads, &mut caller_writes) => First::Down(end),
        () = leaves(&watch) => First::Up(End::SenderGone),
        () = tokio::time::sleep_until(deadline) => First::Platform(TIME_IS_UP),
        () = closed(&mut closing) => First::Platform(STOPPING),
    };
    let how = match first {
        First::Up(End::Closed) => {
            let rest = down.run(&mut runner_reads, &mut caller_writes);
            let _either = tokio::time::timeout(FAREWELL, rest).await;
            SessionEnd::Closed
        }
        First::Down(End::Closed) => {
            let rest = up.run(&mut caller_reads, &mut runner_writes);
            let _either = tokio::time::timeout(FAREWELL, rest).await;
            SessionEnd::Closed
        }
        First::Up(End::SenderGone) | First::Down(End::ReceiverGone) => SessionEnd::CallerLeft,
        // What the runner said last is still to be read.
        First::Up(End::ReceiverGone) => {
            let rest = down.run(&mut runner_reads, &mut caller_writes);
            match tokio::time::timeout(FAREWELL, rest).await {
                Ok(End::Closed) => SessionEnd::Closed,
                Ok(End::SenderGone | End::ReceiverGone) | Err(_) => SessionEnd::RunnerBroke,
            }
        }
        First::Down(End::SenderGone) => SessionEnd::RunnerBroke,
        First::Platform(_) => SessionEnd::Closed,
    };
    let why = match (first, how) {
        (First::Platform(why), _) => (GOING_AWAY, why),
        // The caller has closed, and its runner has left without a word.
        (First::Up(_) | First::Down(_), SessionEnd::Closed) => (NORMAL, ""),
        (First::Up(_) | First::Down(_), SessionEnd::CallerLeft | SessionEnd::RunnerBroke) => {
            (BROKEN, FORWARDING)
        }
    };
    if how != SessionEnd::CallerLeft {
        down.close(&mut caller_writes, why, Towards::Caller).await;
    }
    if matches!(first, First::Platform(_)) {
        up.close(&mut runner_writes, why, Towards::Runner).await;
        fal_relay::linger(&mut runner_reads).await;
    }
    drop((runner_reads, runner_writes));
    session.end(how);
    if how != SessionEnd::CallerLeft {
        fal_relay::linger(&mut caller_reads).await;
    }
    how
}

/// What ended first.
#[derive(Debug, Clone, Copy)]
enum First {
    /// The way from the caller to the runner.
    Up(End),
    /// The way from the runner to the caller.
    Down(End),
    /// The platform's patience.
    Platform(&'static str),
}

/// Resolves when a caller has left and what it sent before has had time to be taken. A runner that does not read would
/// otherwise hide that nobody is there any more.
async fn leaves(watch: &Watch) {
    watch.left().await;
    tokio::time::sleep(FAREWELL).await;
}
