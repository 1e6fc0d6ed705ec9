//! Ending requests whose start deadline has passed, and removing results that are no longer kept.

use std::{sync::Arc, time::Duration};

use fal_queue::store::{Done, Op};

use crate::handle::Shared;

/// Requests that one sweep handles at most, so that it never holds up the queue.
const LIMIT: u32 = 500;
/// The longest pause between two sweeps.
const PAUSE: Duration = Duration::from_secs(30);

//= docs/contract.md#start-deadline
//# A request that has not started by its start deadline MUST end with 504 and `X-Fal-Request-Timeout-Type: user`.
pub(crate) async fn keep(shared: Arc<Shared>) {
    loop {
        let next = match shared.journal.commit(Op::Sweep { limit: LIMIT }).await {
            Ok(Done::Swept { deadlines, removed: _, next }) => {
                for request in deadlines {
                    shared.watchers.notify(request);
                }
                next
            }
            Ok(_) | Err(_) => None,
        };
        let latest = shared.clock.now() + PAUSE;
        let wake = next.map_or(latest, |next| next.min(latest));
        tokio::select! {
            () = shared.deadlines.notified() => {}
            () = tokio::time::sleep_until(shared.clock.instant(wake)) => {}
        }
    }
}
