//! The store as its users see it.

use std::path::Path;

use fal_queue::{
    Ending, NodeId, Priority, Ruling, State, Ticket, Told,
    store::{Content, Done, Error, Op, Reply, Silent, Store as _},
};
use fal_types::{AppId, LeaseId, Moment, RequestId, Status};
use tempfile::TempDir;

use crate::{Options, Store, counts::Waiting, write::Writer};

mod backups;
mod failing;
mod fit;
mod killed;
mod large;
mod log;
mod migrated;
mod opening;
mod reopened;
mod space;

const NODE: NodeId = NodeId(1);
const NOW: Moment = Moment::from_micros(1_790_000_000_000_000);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn open(folder: &Path) -> Store {
    Store::open(&options(folder)).expect("the store opens")
}

fn options(folder: &Path) -> Options {
    Options::new(folder.join("queue.sqlite"))
}

fn app() -> AppId {
    "acme/sketch".parse().expect("an owner and an alias make an app id")
}

fn ticket(number: u128) -> Ticket {
    Ticket::new(RequestId::from_bits(number), app(), "/run", Priority::Normal, NOW)
}

fn low(number: u128) -> Ticket {
    Ticket { priority: Priority::Low, ..ticket(number) }
}

fn submit(ticket: Ticket) -> Op {
    let content = Content { headers: Vec::new(), body: ticket.id.bits().to_be_bytes().to_vec() };
    Op::Submit { ticket, content, max_ahead: None }
}

fn claim(max: u32, lease: u64) -> Op {
    Op::Claim { app: app(), max, node: NODE, leases_from: LeaseId::new(lease) }
}

#[track_caller]
fn commit(store: &mut Store, op: Op) -> Done {
    store.commit(NOW, vec![op]).expect("a commit succeeds").pop().expect("one answer")
}

fn settle(leased: &Ticket, ruling: Ruling, reply: Option<Reply>) -> Op {
    let State::Leased(lease) = leased.state else { panic!("{leased:?}") };
    let (request, told, lines) = (leased.id, Told::default(), Vec::new());
    Op::Settle { request, lease: lease.id, attempt: lease.attempt, ruling, told, lines, reply }
}

fn reply(body: Vec<u8>) -> Reply {
    Reply { status: Status::new(200), headers: Vec::new(), body }
}

const RESPONDED: Ruling = Ruling::Finish(Ending::Responded(Status::new(200)));

#[track_caller]
fn claimed(store: &mut Store, max: u32, lease: u64) -> Vec<Ticket> {
    let done = commit(store, claim(max, lease));
    let Done::Claimed { batch, .. } = done else { panic!("{done:?}") };
    batch.into_iter().map(|(ticket, _)| ticket).collect()
}

fn ids(tickets: &[Ticket]) -> Vec<u128> {
    tickets.iter().map(|ticket| ticket.id.bits()).collect()
}

fn writer(store: &Store) -> &Writer {
    store.writer.as_ref().expect("its device has not failed")
}

fn counted(store: &Store) -> Waiting {
    writer(store).counts.of(&app())
}

/// What a fresh count of the table says, against what the store has counted along.
#[track_caller]
fn check_counts(store: &Store, folder: &Path) {
    let again = open(folder);
    assert_eq!(counted(store), counted(&again));
}

/// The suite opens many stores; each gets a folder that lives as long as the test.
fn with_stores(test: impl FnOnce(&mut fal_conformance::Make<'_>)) {
    let mut folders = Vec::new();
    test(&mut || {
        let folder = folder();
        let store = open(folder.path());
        folders.push(folder);
        Box::new(store)
    });
}

//= docs/contract.md#queue-position
//= type=test
//# `queue_position` MUST be the number of waiting requests of the same app that will start
//# before this one.
//= docs/contract.md#queue-order
//= type=test
//# Requests of one app MUST start in the order of their submits within a priority, and `low`
//# ones after every `normal` one.
//= docs/contract.md#retention
//= type=test
//# After that it MUST be answered as unknown.
#[test]
fn every_case_of_the_suite_passes() {
    with_stores(|make| {
        for (name, case) in fal_conformance::cases() {
            println!("{name}");
            case(make);
        }
    });
}

#[test]
fn it_answers_as_the_model_does() {
    with_stores(|make| {
        for seed in 0..12 {
            fal_conformance::against_model(make, seed, 120);
        }
    });
}
