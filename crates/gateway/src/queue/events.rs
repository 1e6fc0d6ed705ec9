//! Following a request: one event for each change, until it is completed.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse,
    sse::{Event, KeepAlive, Sse},
};
use fal_node::{App, QueueError, State, Tracked, Watch};
use fal_types::RequestId;
use futures_util::stream;
use http::Response;

use crate::{
    body::Body,
    headers,
    queue::{self, Base, path::Logs, status},
};

/// How often a comment keeps the connection alive.
const COMMENT: Duration = Duration::from_secs(15);
/// How often a request is looked at that changes by what others do.
const POSITION: Duration = Duration::from_secs(1);
/// How soon it is looked at where the first event is what was told at its submit, which may be a little old.
const SECOND: Duration = Duration::from_millis(50);

//= docs/contract.md#queue-stream
//# The status stream MUST send one status object for each change and close after `COMPLETED`.
pub(crate) async fn events(app: App, base: Base, id: RequestId, logs: Logs) -> Response<Body> {
    let changes = app.watch(id);
    let (first, pause) = match app.told(id) {
        Some(told) => (Ok(Some(told)), SECOND),
        None => (app.track(id).await, POSITION),
    };
    let first = match first {
        Ok(Some(first)) => Some(first),
        Ok(None) => return queue::unknown(None, id),
        Err(error) => return queue::failed(&error, id),
    };
    let (last, ended) = (String::new(), false);
    let follower = Follower { app, base, id, logs, changes, first, pause, last, ended };
    let events = stream::unfold(follower, Follower::next);
    let keep_alive = KeepAlive::new().interval(COMMENT).text("ping");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response().map(Body::Axum);
    response.headers_mut().insert(headers::REQUEST_ID, headers::id(id));
    response
}

struct Follower {
    app: App,
    base: Base,
    id: RequestId,
    logs: Logs,
    changes: Watch,
    /// What the first look has found, until it is told.
    first: Option<Tracked>,
    /// How long nothing need be looked at unless it changes.
    pause: Duration,
    last: String,
    ended: bool,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while !self.ended {
            let found = match self.first.take() {
                Some(first) => Ok(Some(first)),
                None => {
                    self.changes.changed(self.pause).await;
                    self.changes.catch_up();
                    self.pause = POSITION;
                    self.app.track(self.id).await
                }
            };
            let tracked = match found {
                Ok(Some(tracked)) => tracked,
                Ok(None) | Err(QueueError::Stopping) => return None,
                // The store will be back.
                Err(_) => continue,
            };
            let Ok(lines) = status::lines(&self.app, self.id, self.logs).await else { continue };
            let object = status::object(&self.base, &tracked, lines);
            let text = serde_json::to_string(&object).ok()?;
            self.ended = matches!(tracked.ticket.state, State::Done(_));
            // What another node does is heard of in a hint, which may be lost.
            if !tracked.ticket.is_waiting() && !self.app.is_shared() {
                self.pause = COMMENT;
            }
            if text != self.last {
                self.last.clone_from(&text);
                return Some((Ok(Event::default().data(text)), self));
            }
        }
        None
    }
}
