//! Ending requests whose start deadline has passed, and removing results that are no longer kept.

use std::{sync::Arc, time::Duration};

use fal_queue::store::{Done, Op, Silent};

use crate::handle::Shared;

/// Requests that one sweep handles at most, so that it never holds up the queue.
const LIMIT: u32 = 500;
/// The longest pause between two sweeps.
const PAUSE: Duration = Duration::from_secs(30);
/// The same where other nodes may have died meanwhile.
const SHARED_PAUSE: Duration = Duration::from_secs(1);

//= docs/contract.md#start-deadline
//# A request that has not started by its start deadline MUST end with 504 and `X-Fal-Request-Timeout-Type: user`.
pub(crate) async fn keep(shared: Arc<Shared>) {
    loop {
        shared.known.clear(shared.clock.now());
        let silent = if is_unfair(&shared) { Silent::Spared } else { Silent::Dead };
        let next = match shared.journal.commit(Op::Sweep { limit: LIMIT, silent }).await {
            Ok(Done::Swept { deadlines, lost, removed: _, next }) => {
                if !deadlines.is_empty() {
                    shared.webhooks.notify_one();
                }
                if !lost.is_empty() {
                    take_over(&shared, lost.len()).await;
                }
                for request in deadlines.into_iter().chain(lost) {
                    shared.changed(request);
                }
                next
            }
            Ok(_) | Err(_) => None,
        };
        let pause = if shared.is_store_shared { SHARED_PAUSE } else { PAUSE };
        let latest = shared.clock.now() + pause;
        let wake = next.map_or(latest, |next| next.min(latest));
        tokio::select! {
            () = shared.deadlines.notified() => {}
            () = tokio::time::sleep_until(shared.clock.instant(wake)) => {}
        }
    }
}

/// Another node has died, and what it had waits again: perhaps for this one.
async fn take_over(shared: &Shared, requests: usize) {
    tracing::warn!(
        requests,
        "another node was silent for too long; what it had leased waits again"
    );
    let Some(apps) = shared.apps.upgrade() else { return };
    apps.look(|_| true).await;
}

/// Whether nodes that are silent have not had the time to be heard since this one is.
fn is_unfair(shared: &Shared) -> bool {
    shared.is_store_shared && shared.heard.is_unfair(shared.clock.now())
}
