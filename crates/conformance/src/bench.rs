//! One store under test, with what every case does to it.

use std::time::Duration;

use fal_types::{AppId, LeaseId, Moment, RequestId, Status};

use crate::{
    Ending, Lease, NodeId, Priority, Ruling, State, Ticket,
    store::{Backlog, CancelAnswer, Content, Done, Op, Reader, Reply, Store, conformance::Make},
};

/// The node that claims, where a case does not say otherwise.
pub(super) const NODE: NodeId = NodeId(1);

/// When every case begins: some time in 2026.
pub(super) const START: Moment = Moment::from_micros(1_790_000_000_000_000);

/// A store, one reader of it that lives throughout the case, and the time.
pub(super) struct Bench {
    store: Box<dyn Store>,
    reader: Box<dyn Reader>,
    pub(super) now: Moment,
    leases: u64,
}

/// What a claim answered.
pub(super) struct Claimed {
    pub(super) batch: Vec<(Ticket, Content)>,
    pub(super) deadlines: Vec<RequestId>,
    pub(super) backlog: Backlog,
}

impl Claimed {
    pub(super) fn ids(&self) -> Vec<RequestId> {
        self.batch.iter().map(|(ticket, _)| ticket.id).collect()
    }
}

pub(super) fn app() -> AppId {
    "acme/sketch".parse().expect("an owner and an alias make an app id")
}

pub(super) fn other_app() -> AppId {
    "acme/other".parse().expect("an owner and an alias make an app id")
}

pub(super) const fn id(number: u128) -> RequestId {
    RequestId::from_bits(number)
}

pub(super) fn ticket(number: u128) -> Ticket {
    Ticket::new(id(number), app(), "/run", Priority::Normal, START)
}

pub(super) fn content(number: u128) -> Content {
    Content {
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        body: format!(r#"{{"number":{number}}}"#).into_bytes(),
    }
}

pub(super) fn reply(code: u16, body: &[u8]) -> Reply {
    Reply {
        status: Status::new(code),
        headers: vec![("x-number".to_owned(), b"1".to_vec())],
        body: body.to_vec(),
    }
}

/// The ruling on an attempt that was answered with `code`.
pub(super) const fn responded(code: u16) -> Ruling {
    Ruling::Finish(Ending::Responded(Status::new(code)))
}

/// The lease of a ticket that a claim has just handed out.
#[track_caller]
pub(super) fn lease_of(ticket: &Ticket) -> Lease {
    let lease = match ticket.state {
        State::Leased(lease) => Some(lease),
        State::Waiting { .. } | State::Done(_) => None,
    };
    lease.expect("a ticket that was handed out is leased")
}

/// Fails the case: the store answered another operation than it was asked.
#[track_caller]
#[expect(clippy::panic, reason = "a case fails by panicking")]
fn unexpected(done: &Done) -> ! {
    panic!("an answer that does not belong to the operation: {done:?}")
}

impl Bench {
    pub(super) fn new(make: &mut Make<'_>) -> Self {
        let store = make();
        let reader = store.reader().expect("a store has a reader");
        Self { store, reader, now: START, leases: 1 }
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// Commits a batch, which must be answered one for one.
    #[track_caller]
    pub(super) fn batch(&mut self, ops: Vec<Op>) -> Vec<Done> {
        let expected = ops.len();
        let answers = self.store.commit(self.now, ops).expect("a commit succeeds");
        assert_eq!(answers.len(), expected, "one answer for each operation");
        answers
    }

    #[track_caller]
    pub(super) fn commit(&mut self, op: Op) -> Done {
        self.batch(vec![op]).pop().expect("a batch of one has one answer")
    }

    /// Submits a ticket that must be taken, and returns how many are ahead of it.
    #[track_caller]
    pub(super) fn submit(&mut self, ticket: Ticket) -> u64 {
        let content = content(ticket.id.bits());
        let done = self.commit(Op::Submit { ticket, content, max_ahead: None });
        let Done::Submitted { ahead } = done else { unexpected(&done) };
        ahead
    }

    /// Submits ordinary tickets with these numbers.
    #[track_caller]
    pub(super) fn submit_all(&mut self, numbers: impl IntoIterator<Item = u128>) {
        for number in numbers {
            self.submit(ticket(number));
        }
    }

    #[track_caller]
    pub(super) fn claim_for(&mut self, app: AppId, max: u32, node: NodeId) -> Claimed {
        let leases_from = LeaseId::new(self.leases);
        let done = self.commit(Op::Claim { app, max, node, leases_from });
        let Done::Claimed { batch, deadlines, backlog } = done else { unexpected(&done) };
        self.leases += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        Claimed { batch, deadlines, backlog }
    }

    #[track_caller]
    pub(super) fn claim(&mut self, max: u32) -> Claimed {
        self.claim_for(app(), max, NODE)
    }

    /// Claims exactly one ticket.
    #[track_caller]
    pub(super) fn claim_one(&mut self) -> Ticket {
        let (ticket, _) = self.claim(1).batch.pop().expect("a request is due");
        ticket
    }

    /// Settles the attempt that `leased` stands for.
    #[track_caller]
    pub(super) fn settle(&mut self, leased: &Ticket, ruling: Ruling, reply: Option<Reply>) -> Done {
        let lease = lease_of(leased);
        let (request, attempt) = (leased.id, lease.attempt);
        self.commit(Op::Settle { request, lease: lease.id, attempt, ruling, reply })
    }

    /// Settles with a retry that may start after so many seconds.
    #[track_caller]
    pub(super) fn requeue(&mut self, leased: &Ticket, seconds: u64) {
        let not_before = self.now + Duration::from_secs(seconds);
        let done = self.settle(leased, Ruling::Again { charge: None, not_before }, None);
        assert!(matches!(done, Done::Settled(_)), "the current attempt is settled: {done:?}");
    }

    #[track_caller]
    pub(super) fn cancel(&mut self, app: AppId, request: RequestId) -> CancelAnswer {
        let done = self.commit(Op::Cancel { app, request });
        let Done::Cancelled(answer) = done else { unexpected(&done) };
        answer
    }

    #[track_caller]
    pub(super) fn sweep(&mut self, limit: u32) -> (Vec<RequestId>, u64, Option<Moment>) {
        let done = self.commit(Op::Sweep { limit });
        let Done::Swept { deadlines, removed, next } = done else { unexpected(&done) };
        (deadlines, removed, next)
    }

    #[track_caller]
    pub(super) fn find(&mut self, app: &AppId, id: RequestId) -> Option<Ticket> {
        self.reader.ticket(app, id).expect("a ticket can be read")
    }

    /// The ticket with this number, which must be there.
    #[track_caller]
    pub(super) fn ticket(&mut self, number: u128) -> Ticket {
        self.find(&app(), id(number)).expect("the ticket is kept")
    }

    #[track_caller]
    pub(super) fn ahead(&mut self, number: u128) -> u64 {
        let ticket = self.ticket(number);
        self.reader.ahead(&ticket).expect("a position can be read")
    }

    #[track_caller]
    pub(super) fn reply(&mut self, number: u128) -> Option<Reply> {
        self.reader.reply(id(number)).expect("a reply can be read")
    }

    #[track_caller]
    pub(super) fn backlog(&mut self, app: &AppId) -> Backlog {
        self.reader.backlog(app).expect("a backlog can be read")
    }

    #[track_caller]
    pub(super) fn recent(&mut self, app: Option<&AppId>, limit: u32) -> Vec<RequestId> {
        let found = self.reader.recent(app, limit).expect("the list can be read");
        found.into_iter().map(|ticket| ticket.id).collect()
    }
}
