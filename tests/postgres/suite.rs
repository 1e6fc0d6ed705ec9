//! What the tests have in common.

use fal_queue::{
    Ending, Lease, NodeId, Priority, Ruling, State, Ticket, Told,
    store::{self, Content, Done, Error, Op, Reply, Store as _},
};
use fal_store_postgres::{Options, Store, Time};
use fal_tests::postgres::Postgres;
use fal_types::{AppId, LeaseId, Moment, RequestId, Status};

pub(crate) const NOW: Moment = Moment::from_micros(1_790_000_000_000_000);

pub(crate) const NODE: NodeId = NodeId(1);

/// A new database.
#[track_caller]
pub(crate) fn options(server: &Postgres) -> Options {
    Options::new(server.url(&server.database()))
}

#[track_caller]
pub(crate) fn open(options: &Options) -> Store {
    Store::open(options).expect("the store opens")
}

/// A store in a database of its own, which goes by the moments that it is given.
#[track_caller]
pub(crate) fn given(server: &Postgres) -> Store {
    open(&Options { time: Time::Given, ..options(server) })
}

/// Another way in.
#[track_caller]
pub(crate) fn lane(store: &Store) -> Box<dyn store::Store> {
    store.lane().expect("there is another way in").expect("it has lanes")
}

pub(crate) fn app() -> AppId {
    "acme/sketch".parse().expect("an owner and an alias make an app id")
}

pub(crate) const fn id(number: u128) -> RequestId {
    RequestId::from_bits(number)
}

pub(crate) fn ticket(number: u128) -> Ticket {
    Ticket::new(id(number), app(), "/run", Priority::Normal, NOW)
}

pub(crate) fn submit(ticket: Ticket) -> Op {
    let content = Content { headers: Vec::new(), body: ticket.id.bits().to_be_bytes().to_vec() };
    Op::Submit { ticket, content, max_ahead: None }
}

pub(crate) fn claim(max: u32, node: NodeId, lease: u64) -> Op {
    Op::Claim { app: app(), max, node, leases_from: LeaseId::new(lease) }
}

/// The lease of a ticket that was claimed.
#[track_caller]
pub(crate) fn lease_of(leased: &Ticket) -> Lease {
    let lease = match leased.state {
        State::Leased(lease) => Some(lease),
        State::Waiting { .. } | State::Done(_) => None,
    };
    lease.expect("it is leased")
}

/// The settlement of a ticket that was claimed: its runner has answered.
#[track_caller]
pub(crate) fn settle(leased: &Ticket) -> Op {
    let status = Status::new(200);
    let reply =
        Reply { status, headers: Vec::new(), body: leased.id.bits().to_be_bytes().to_vec() };
    rule(leased, Ruling::Finish(Ending::Responded(status)), Some(reply))
}

#[track_caller]
pub(crate) fn rule(leased: &Ticket, ruling: Ruling, reply: Option<Reply>) -> Op {
    let lease = lease_of(leased);
    Op::Settle {
        request: leased.id,
        lease: lease.id,
        attempt: lease.attempt,
        ruling,
        told: Told::default(),
        lines: Vec::new(),
        reply,
    }
}

/// Commits one operation at the moment of the tests.
#[track_caller]
pub(crate) fn commit(store: &mut dyn store::Store, op: Op) -> Done {
    try_commit(store, op).expect("a commit succeeds")
}

pub(crate) fn try_commit(store: &mut dyn store::Store, op: Op) -> Result<Done, Error> {
    Ok(store.commit(NOW, vec![op])?.pop().expect("one answer"))
}

/// The tickets that a claim has handed out.
#[track_caller]
pub(crate) fn claimed(done: Done) -> Vec<Ticket> {
    let batch = if let Done::Claimed { batch, .. } = done { Some(batch) } else { None };
    let batch = batch.expect("a claim is answered as one");
    batch.into_iter().map(|(ticket, _)| ticket).collect()
}

pub(crate) fn ids(tickets: &[Ticket]) -> Vec<u128> {
    tickets.iter().map(|ticket| ticket.id.bits()).collect()
}
