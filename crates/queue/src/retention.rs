//! How long the result of an ended request is kept.

use std::time::Duration;

use crate::ticket::{State, Storage, Ticket};

/// How long results are kept after their request has ended. Large ones are kept for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Keep {
    /// For results below `large_from`, and for requests that ended without one.
    pub small: Duration,
    /// For results of `large_from` and above.
    pub large: Duration,
    /// The size of the body, in bytes, from which a result is large.
    pub large_from: usize,
    /// For results, of any size, whose caller wants them stored.
    pub stored: Duration,
    /// For requests that have had all their retries, whatever their result.
    pub dead: Duration,
}

//= docs/contract.md#retention
//# A completed request MUST be found for an hour after its end, or for six minutes when its
//# result has 10 KB or more.
impl Default for Keep {
    fn default() -> Self {
        Self {
            small: Duration::from_secs(60 * 60),
            large: Duration::from_secs(6 * 60),
            large_from: 10 * 1024,
            stored: Duration::from_secs(30 * 24 * 60 * 60),
            dead: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

impl Keep {
    /// How long a result with a body of `bytes` is kept.
    #[must_use]
    pub const fn retention(&self, bytes: usize) -> Duration {
        if bytes >= self.large_from { self.large } else { self.small }
    }

    /// How long this ticket is kept, whose result has `bytes`.
    //= docs/contract.md#dead-letters
    //# It MUST be found for seven days after its end.
    //= docs/contract.md#store-io
    //# With `X-Fal-Store-IO: 1` the input and the result MUST be kept for 30 days.
    fn of(&self, ticket: &Ticket, bytes: usize) -> Duration {
        let usual = match ticket.storage {
            Storage::Usual => self.retention(bytes),
            Storage::Long => self.stored,
        };
        if ticket.is_dead { usual.max(self.dead) } else { usual }
    }

    /// Gives a ticket that has just ended the expiry of its result, whose body has `bytes` (0
    /// where there is none). A ticket that has not ended, or has an expiry, stays as it is; so a
    /// store may call this after every step.
    pub fn stamp(&self, ticket: &mut Ticket, bytes: usize) {
        if let (State::Done(_), Some(finished), None) =
            (ticket.state, ticket.finished, ticket.expires)
        {
            ticket.expires = Some(finished + self.of(ticket, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use fal_types::{LeaseId, Moment, RequestId, Status};

    use super::*;
    use crate::{
        event::{Event, Ruling},
        ticket::{Ending, Lease, NodeId, Priority},
    };

    const ENDED: Moment = Moment::from_micros(1_000_000);

    fn leased() -> Ticket {
        let app = "acme/sketch".parse().unwrap();
        let id = RequestId::from_bits(1);
        let mut ticket = Ticket::new(id, app, "", Priority::Normal, Moment::from_micros(1));
        let claimed = Event::Claimed { lease: LeaseId::new(1), node: NodeId(1) };
        let _moved = ticket.step(Moment::from_micros(2), &claimed);
        ticket
    }

    fn ended() -> Ticket {
        let mut ticket = leased();
        let State::Leased(Lease { id: lease, attempt, .. }) = ticket.state else {
            panic!("{ticket:?}")
        };
        let ruling = Ruling::Finish(Ending::Responded(Status::new(200)));
        let _moved = ticket.step(ENDED, &Event::Settled { lease, attempt, ruling });
        ticket
    }

    #[track_caller]
    fn check(bytes: usize, expected: Duration) {
        let mut ticket = ended();
        Keep::default().stamp(&mut ticket, bytes);
        assert_eq!(ticket.expires, Some(ENDED + expected), "{bytes} bytes");
        assert!(ticket.is_expired(ENDED + expected));
        assert!(!ticket.is_expired(Moment::from_micros((ENDED + expected).micros() - 1)));
        assert_eq!(ticket.next_deadline(), ticket.expires);
    }

    //= docs/contract.md#retention
    //= type=test
    //# A completed request MUST be found for an hour after its end, or for six minutes when its
    //# result has 10 KB or more.
    #[test]
    fn a_result_is_kept_for_an_hour_and_a_large_one_for_six_minutes() {
        check(0, Duration::from_secs(3_600));
        check(10_239, Duration::from_secs(3_600));
        check(10_240, Duration::from_secs(360));
        check(usize::MAX, Duration::from_secs(360));
    }

    #[test]
    fn a_ticket_that_has_not_ended_gets_no_expiry() {
        let mut ticket = leased();
        Keep::default().stamp(&mut ticket, 0);
        assert_eq!((ticket.expires, ticket.next_deadline()), (None, None));
    }

    #[test]
    fn an_expiry_stays_as_it_is() {
        let mut ticket = ended();
        Keep::default().stamp(&mut ticket, 0);
        let before = ticket.clone();
        Keep::default().stamp(&mut ticket, usize::MAX);
        assert_eq!(ticket, before);
    }
}
