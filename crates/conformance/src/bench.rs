//! One store under test, with what every case does to it.

use std::time::Duration;

use fal_queue::{
    Ending, Lease, NodeId, Priority, Ruling, State, Ticket, Told,
    store::{
        Backlog, CancelAnswer, Content, Done, Line, Op, Reader, Removal, Reply, Silent, Store,
    },
};
use fal_types::{AppId, LeaseId, Moment, RequestId, RunnerId, Status};

use crate::Make;

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

/// How an attempt went on the runner with this number.
pub(super) fn told(number: u32) -> Told {
    Told {
        runner: Some(RunnerId::new(7, number)),
        outcome: format!("responded {number}").into(),
        verdict: "again after_death".into(),
        clause: "retry-table".into(),
        fate: "terminated status_503".into(),
        fate_clause: "status-503".into(),
    }
}

/// A line that a runner printed some seconds after the start.
pub(super) fn line(seconds: u64, text: &str) -> Line {
    let at = START + Duration::from_secs(seconds);
    Line { at, is_error: seconds % 2 == 1, text: text.to_owned() }
}

/// Says how the attempt ended that `leased` stands for.
pub(super) fn settlement(
    leased: &Ticket,
    ruling: Ruling,
    lines: Vec<Line>,
    reply: Option<Reply>,
) -> Op {
    let Lease { id: lease, attempt, .. } = lease_of(leased);
    let told = told(u32::from(attempt.number()));
    Op::Settle { request: leased.id, lease, attempt, ruling, told, lines, reply }
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
pub(super) fn unexpected(done: &Done) -> ! {
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
        self.commit(settlement(leased, ruling, Vec::new(), reply))
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
        let done = self.commit(Op::Sweep { limit, silent: Silent::Dead });
        let Done::Swept { deadlines, removed, next, .. } = done else { unexpected(&done) };
        (deadlines, removed, next)
    }

    /// Sweeps, and checks what the sweep did. What is removed in larger pieces is not counted.
    #[track_caller]
    pub(super) fn sweep_checked(
        &mut self,
        limit: u32,
        expected: &(Vec<RequestId>, u64, Option<Moment>),
    ) {
        let found = self.sweep(limit);
        match self.store.caps().removal {
            Removal::Single => assert_eq!(found, *expected),
            Removal::Daily => assert_eq!(found.0, expected.0),
        }
    }

    /// The questions themselves.
    pub(super) fn reader(&mut self) -> &mut dyn Reader {
        &mut *self.reader
    }

    /// Submits one that must be taken, claims it, and ends its only attempt with this ruling.
    #[track_caller]
    pub(super) fn end(&mut self, ticket: Ticket, ruling: Ruling, reply: Option<Reply>) {
        let number = ticket.id;
        self.submit(ticket);
        let leased = self.claim_one();
        assert_eq!(leased.id, number, "nothing else waits");
        let done = self.settle(&leased, ruling, reply);
        assert!(matches!(done, Done::Settled(_)), "the current attempt is settled: {done:?}");
    }

    #[track_caller]
    pub(super) fn find(&mut self, app: &AppId, id: RequestId) -> Option<Ticket> {
        let found = self.reader.ticket(app, id).expect("a ticket can be read");
        found.filter(|ticket| !ticket.is_expired(self.now))
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
        let present = found.into_iter().filter(|ticket| !ticket.is_expired(self.now));
        present.map(|ticket| ticket.id).collect()
    }
}
