//! Streams that take their time, and break.

use std::{process, time::Duration};

use fal_app::EventStream;
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time;

use crate::end::{Crash, end};

/// What `POST /stream` takes; see the program's text.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StreamInput {
    events: u64,
    delay_ms: u64,
    panic_at: Option<u64>,
    crash_at: Option<u64>,
}

/// One event of the stream.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Event {
    number: u64,
    pid: u32,
}

impl StreamInput {
    /// The events, each after the delay, as far as the stream gets.
    pub(crate) fn events(self) -> EventStream<Event> {
        EventStream::new(stream::unfold(0, move |number| self.event(number)))
    }

    fn event(&self, number: u64) -> impl Future<Output = Option<(Event, u64)>> + use<> {
        let more = number < self.events;
        let (panics, crashes) = (self.panic_at == Some(number), self.crash_at == Some(number));
        let delay = Duration::from_millis(self.delay_ms);
        async move {
            time::sleep(delay).await;
            assert!(!panics, "as asked at event {number}");
            if crashes {
                end(Crash::Kill);
            }
            more.then(|| (Event { number, pid: process::id() }, number + 1))
        }
    }
}
