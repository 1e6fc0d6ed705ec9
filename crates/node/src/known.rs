//! What this node itself has just made durable. Whoever asks next, and most callers ask at once, is answered from here
//! and not by the store.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use fal_queue::{Ending, State, Ticket, store::Reply};
use fal_types::{AppId, Moment, RequestId};
use parking_lot::Mutex;

/// How long it is known what was leased or answered here. No other node can end what was leased within this time: a node
/// that the store has heard has its leases for several times as long.
const KNOWN: Duration = Duration::from_secs(1);
/// How long a new request is said to wait where its place was told when it was submitted. Other nodes may take it
/// meanwhile.
const NEW: Duration = Duration::from_millis(50);
/// Requests that are known at most.
const REQUESTS: usize = 8_192;
/// Bytes of results that are known at most; a result of more than a sixteenth of it is not.
const BYTES: usize = 16 * 1024 * 1024;

/// The requests that are new, those that run here, and those that a runner of this node has answered.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Book>);

/// A request as it is, with its result where it has one.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) stand: Stand,
    until: Moment,
}

/// What is known of a request besides.
#[derive(Debug, Clone)]
pub(crate) enum Stand {
    /// It was submitted with so many ahead of it.
    New(u64),
    Leased,
    Answered(Arc<Reply>),
}

#[derive(Debug, Default)]
struct Book {
    facts: BTreeMap<RequestId, Fact>,
    /// When each became known, the oldest first. What is known anew stands here twice.
    order: VecDeque<(Moment, RequestId)>,
    bytes: usize,
}

impl Known {
    /// A request of this app; none where only the store knows.
    pub(crate) fn get(&self, app: &AppId, request: RequestId, now: Moment) -> Option<Fact> {
        let book = self.0.lock();
        let fact = book.facts.get(&request).filter(|fact| fact.ticket.app == *app)?;
        (now < fact.until && !fact.ticket.is_expired(now)).then(|| fact.clone())
    }

    /// It was submitted, by a commit that was begun at this moment. What is known of it already has happened later.
    pub(crate) fn submitted(&self, begun: Moment, ticket: Ticket, ahead: u64) {
        let mut book = self.0.lock();
        if !book.facts.contains_key(&ticket.id) {
            book.learn(begun, ticket, Stand::New(ahead));
        }
    }

    /// These were leased to this node, by a commit that was begun at this moment.
    pub(crate) fn leased<'t>(&self, begun: Moment, tickets: impl Iterator<Item = &'t Ticket>) {
        let mut book = self.0.lock();
        for ticket in tickets {
            book.learn(begun, ticket.clone(), Stand::Leased);
        }
    }

    /// What became of an attempt, now that it is durable. Only an answer that nobody will take back is kept: dead letters
    /// can be dropped, and what waits again can be leased elsewhere.
    pub(crate) fn settled(&self, now: Moment, ticket: Ticket, reply: Option<Reply>) {
        let is_answered = matches!(ticket.state, State::Done(Ending::Responded(_)));
        let reply = reply.map(|reply| Stand::Answered(Arc::new(reply)));
        let reply = reply.filter(|reply| reply.bytes() <= BYTES / 16);
        let mut book = self.0.lock();
        match reply {
            Some(reply) if is_answered && !ticket.is_dead => book.learn(now, ticket, reply),
            Some(_) | None => book.forget(ticket.id),
        }
    }

    /// The store has shown it like this to somebody. Another node may have taken it, and nobody is to hear after it that
    /// it is new.
    pub(crate) fn shown(&self, ticket: &Ticket) {
        if !ticket.is_waiting() {
            self.moved(ticket.id);
        }
    }

    /// Somebody was told that it waits no more.
    pub(crate) fn moved(&self, request: RequestId) {
        let mut book = self.0.lock();
        match book.facts.get(&request).map(|fact| &fact.stand) {
            Some(Stand::New(_)) => book.forget(request),
            Some(Stand::Leased | Stand::Answered(_)) | None => {}
        }
    }

    /// Makes room of what is not known any more.
    pub(crate) fn clear(&self, now: Moment) {
        self.0.lock().clear(now);
    }

    /// Something has happened to a request that only the store can tell of.
    pub(crate) fn forget(&self, request: RequestId) {
        self.0.lock().forget(request);
    }
}

impl Book {
    fn learn(&mut self, at: Moment, ticket: Ticket, stand: Stand) {
        let (request, until) = (ticket.id, at + stand.lasts());
        self.forget(request);
        let fact = Fact { ticket: Arc::new(ticket), stand, until };
        self.bytes += fact.bytes();
        self.facts.insert(request, fact);
        self.order.push_back((until, request));
        self.clear(at);
    }

    fn clear(&mut self, now: Moment) {
        while let Some((until, request)) = self.order.front().copied()
            && (until <= now || self.order.len() > REQUESTS || self.bytes > BYTES)
        {
            self.order.pop_front();
            // It may have become known anew since.
            if self.facts.get(&request).is_some_and(|fact| fact.until <= until) {
                self.forget(request);
            }
        }
    }

    fn forget(&mut self, request: RequestId) {
        let bytes = self.facts.remove(&request).map_or(0, |fact| fact.bytes());
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Stand {
    const fn lasts(&self) -> Duration {
        match self {
            Self::New(_) => NEW,
            Self::Leased | Self::Answered(_) => KNOWN,
        }
    }

    /// What its result takes.
    fn bytes(&self) -> usize {
        let Self::Answered(reply) = self else { return 0 };
        let headers = reply.headers.iter().map(|(name, value)| name.len() + value.len());
        headers.sum::<usize>() + reply.body.capacity()
    }
}

impl Fact {
    fn bytes(&self) -> usize {
        self.ticket.path.len() + self.stand.bytes()
    }
}

#[cfg(test)]
mod tests {
    use fal_queue::{Event, NodeId, Priority, Ruling};
    use fal_types::{LeaseId, Problem, Status};

    use super::*;

    const BEGUN: Moment = Moment::from_micros(1_000_000);

    fn app() -> AppId {
        "acme/sketch".parse().unwrap()
    }

    fn new(request: u128) -> Ticket {
        Ticket::new(RequestId::from_bits(request), app(), "", Priority::Normal, BEGUN)
    }

    fn leased(request: u128) -> Ticket {
        let mut ticket = new(request);
        let claimed = Event::Claimed { lease: LeaseId::new(1), node: NodeId(1) };
        let _moved = ticket.step(BEGUN, &claimed);
        ticket
    }

    fn settled(request: u128, ruling: Ruling) -> Ticket {
        let mut ticket = leased(request);
        let State::Leased(held) = ticket.state else { panic!("{ticket:?}") };
        let event = Event::Settled { lease: held.id, attempt: held.attempt, ruling };
        let _moved = ticket.step(BEGUN, &event);
        ticket
    }

    fn answered(request: u128) -> Ticket {
        settled(request, Ruling::Finish(Ending::Responded(Status::new(200))))
    }

    fn reply(bytes: usize) -> Reply {
        Reply { status: Status::new(200), headers: Vec::new(), body: vec![b'x'; bytes] }
    }

    /// What is known of a request at a moment, in one word.
    #[track_caller]
    fn check(known: &Known, request: u128, after: Duration, expected: &str) {
        let fact = known.get(&app(), RequestId::from_bits(request), BEGUN + after);
        let found = match fact.map(|fact| (fact.stand, fact.ticket.state)) {
            Some((Stand::New(_), State::Waiting { .. })) => "new",
            Some((Stand::Leased, State::Leased(_))) => "leased",
            Some((Stand::Answered(_), State::Done(_))) => "answered",
            Some(found) => panic!("{found:?}"),
            None => "unknown",
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_request_is_known_for_a_while_as_it_was_last() {
        let known = Known::default();
        known.submitted(BEGUN, new(1), 7);
        check(&known, 1, NEW - Duration::from_micros(1), "new");
        check(&known, 1, NEW, "unknown");
        known.leased(BEGUN, [leased(1)].iter());
        check(&known, 1, Duration::ZERO, "leased");
        known.submitted(BEGUN, new(1), 7);
        check(&known, 1, KNOWN - Duration::from_micros(1), "leased");
        check(&known, 1, KNOWN, "unknown");
        known.settled(BEGUN + KNOWN, answered(1), Some(reply(1)));
        check(&known, 1, KNOWN, "answered");
        known.forget(RequestId::from_bits(1));
        check(&known, 1, KNOWN, "unknown");
        assert_eq!(known.0.lock().bytes, 0);
    }

    #[test]
    fn nobody_hears_that_it_is_new_after_it_was_taken() {
        let (known, one) = (Known::default(), RequestId::from_bits(1));
        known.submitted(BEGUN, new(1), 7);
        known.shown(&new(1));
        check(&known, 1, Duration::ZERO, "new");
        known.shown(&leased(1));
        check(&known, 1, Duration::ZERO, "unknown");
        known.leased(BEGUN, [leased(1)].iter());
        known.moved(one);
        check(&known, 1, Duration::ZERO, "leased");
        known.settled(BEGUN, answered(1), Some(reply(1)));
        known.moved(one);
        check(&known, 1, Duration::ZERO, "answered");
        known.clear(BEGUN + KNOWN);
        assert!(known.0.lock().facts.is_empty());
    }

    #[test]
    fn nobody_hears_of_another_apps_request_or_of_an_expired_one() {
        let known = Known::default();
        known.leased(BEGUN, [leased(1)].iter());
        let other = "acme/other".parse().unwrap();
        assert!(known.get(&other, RequestId::from_bits(1), BEGUN).is_none());
        let expires = Some(BEGUN + Duration::from_micros(5));
        known.settled(BEGUN, Ticket { expires, ..answered(1) }, Some(reply(1)));
        check(&known, 1, Duration::from_micros(4), "answered");
        check(&known, 1, Duration::from_micros(5), "unknown");
    }

    #[test]
    fn what_may_still_change_is_not_known() {
        let again = Ruling::Again { charge: None, not_before: BEGUN };
        let failed = Ruling::Finish(Ending::Failed(Problem::Internal));
        let dead = Ruling::Exhaust(Ending::Responded(Status::new(503)));
        for ruling in [again, failed, dead] {
            let known = Known::default();
            known.leased(BEGUN, [leased(1)].iter());
            known.settled(BEGUN, settled(1, ruling), Some(reply(1)));
            check(&known, 1, Duration::ZERO, "unknown");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let known = Known::default();
        known.settled(BEGUN, answered(1), Some(reply(BYTES / 16 + 1)));
        check(&known, 1, Duration::ZERO, "unknown");
        for request in 1..=20 {
            known.settled(BEGUN, answered(request), Some(reply(BYTES / 16)));
            // What is known anew does not stand for what was known before.
            known.settled(BEGUN, answered(request), Some(reply(BYTES / 16)));
        }
        assert!(known.0.lock().bytes <= BYTES);
        check(&known, 4, Duration::ZERO, "unknown");
        check(&known, 20, Duration::ZERO, "answered");
        let many: Vec<_> = (0..20_000).map(leased).collect();
        known.leased(BEGUN, many.iter());
        let book = known.0.lock();
        assert!(book.facts.len() <= REQUESTS && book.order.len() <= REQUESTS);
        assert_eq!(book.bytes, 0);
    }
}
