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
    wire,
};

/// How often a comment keeps the connection alive.
const COMMENT: Duration = Duration::from_secs(15);
/// How often a request is looked at that changes by what others do.
const POSITION: Duration = Duration::from_secs(1);
/// How soon it is looked at for the second time: the first look may find what is a little old.
const SECOND: Duration = Duration::from_millis(50);

//= docs/contract.md#queue-stream
//# The status stream MUST send one status object for each change and close after `COMPLETED`.
pub(crate) async fn events(app: App, base: Base, id: RequestId, logs: Logs) -> Response<Body> {
    let changes = app.watch(id);
    let pause = if app.is_shared() { SECOND } else { POSITION };
    let mut follower = Follower {
        app,
        base,
        id,
        logs,
        changes,
        seen: None,
        pause,
        last: String::new(),
        ended: false,
    };
    let first = follower.app.glance(id).await;
    match follower.seen(first).await {
        Ok(Some(seen)) => follower.seen = Some(seen),
        Ok(None) => return queue::unknown(None, id),
        Err(error) => return queue::failed(&error, id),
    }
    let events = stream::unfold(follower, Follower::next);
    let keep_alive = KeepAlive::new().interval(COMMENT).text("ping");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response().map(Body::Axum);
    response.headers_mut().insert(headers::REQUEST_ID, headers::id(id));
    response
}

/// What a status is made of.
type Seen = (Tracked, Option<Vec<wire::LogLine>>);

struct Follower {
    app: App,
    base: Base,
    id: RequestId,
    logs: Logs,
    changes: Watch,
    /// What the first look has found, until it is told.
    seen: Option<Seen>,
    /// How long nothing need be looked at unless it changes.
    pause: Duration,
    last: String,
    ended: bool,
}

impl Follower {
    /// What was found, with what the runners printed.
    async fn seen(
        &self,
        found: Result<Option<Tracked>, QueueError>,
    ) -> Result<Option<Seen>, QueueError> {
        let Some(tracked) = found? else { return Ok(None) };
        let lines = status::lines(&self.app, self.id, self.logs).await?;
        Ok(Some((tracked, lines)))
    }

    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while !self.ended {
            let found = match self.seen.take() {
                Some(first) => Ok(Some(first)),
                None => {
                    self.changes.changed(self.pause).await;
                    self.changes.catch_up();
                    self.pause = POSITION;
                    let found = self.app.track(self.id).await;
                    self.seen(found).await
                }
            };
            let (tracked, lines) = match found {
                Ok(Some(seen)) => seen,
                Ok(None) | Err(QueueError::Stopping) => return None,
                // The store will be back.
                Err(_) => continue,
            };
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
