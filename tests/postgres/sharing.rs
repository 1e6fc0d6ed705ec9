//! Several stores on one database.

use std::{collections::BTreeMap, thread, time::Duration};

use fal_queue::{
    NodeId, Ruling, State, Ticket,
    store::{Done, Op, Silent, Store as _, Wake},
};
use fal_store_postgres::{Options, Store};
use fal_tests::{eventually, postgres::Postgres};
use fal_types::{LeaseId, Moment};

use crate::suite::{
    NODE, NOW, app, claim, claimed, commit, given, id, ids, lane, open, options, rule, settle,
    submit, ticket,
};

const REQUESTS: u128 = 2_000;

/// Claims and settles until everything has ended; answers what it claimed, and how many settlements counted.
fn work(mut store: Store, node: NodeId, retry: u128) -> (Vec<u128>, usize) {
    let (mut found, mut settled, mut lease) = (Vec::new(), 0, 1);
    let mut idle = 0;
    while idle < 50 {
        let batch = claimed(commit(&mut store, claim(32, node, lease)));
        lease += 32;
        if batch.is_empty() {
            idle += 1;
            continue;
        }
        idle = 0;
        found.extend(ids(&batch));
        // Some go again, so that their place is given out a second time.
        let ops = batch.iter().map(|leased| {
            let again = Ruling::Again { charge: None, not_before: Moment::default() };
            let is_first = leased.attempts == 1 && leased.id.bits() % retry == 0;
            if is_first { rule(leased, again, None) } else { settle(leased) }
        });
        let done = store.commit(NOW, ops.collect()).expect("a commit succeeds");
        assert!(
            done.iter().all(|done| matches!(done, Done::Settled(_))),
            "only one has it: {done:?}"
        );
        let ended = |done: &&Done| matches!(done, Done::Settled(ticket) if matches!(ticket.state, State::Done(_)));
        settled += done.iter().filter(ended).count();
    }
    (found, settled)
}

#[test]
fn two_stores_never_claim_the_same_attempt() {
    let server = Postgres::start();
    let options = options(&server);
    let mut first = open(&options);
    for chunk in (0..REQUESTS).collect::<Vec<_>>().chunks(250) {
        let ops = chunk.iter().map(|number| submit(ticket(*number))).collect();
        first.commit(NOW, ops).expect("a commit succeeds");
    }
    let second = open(&options);
    let mut reader = first.reader().expect("a reader");
    let other = thread::spawn(move || work(second, NodeId(2), 10));
    let (mut found, settled) = work(first, NodeId(1), 10);
    let (theirs, settled_there) = other.join().expect("no thread fails");
    assert!(!theirs.is_empty() && !found.is_empty(), "both took part");
    found.extend(theirs);
    let mut times: BTreeMap<u128, u32> = BTreeMap::new();
    for number in found {
        *times.entry(number).or_default() += 1;
    }
    for number in 0..REQUESTS {
        let expected = if number % 10 == 0 { 2 } else { 1 };
        assert_eq!(times.get(&number), Some(&expected), "request {number}");
        let ended = reader.find(id(number)).expect("it reads").expect("it is kept");
        assert!(matches!(ended.state, State::Done(_)), "{ended:?}");
    }
    assert_eq!(u128::try_from(settled + settled_there), Ok(REQUESTS));
}

//= docs/contract.md#many-nodes
//= type=test
//# A node that has not said that it lives for as long as its lease lasts MUST lose what it had leased, and those requests
//# wait again without being charged.
#[test]
fn a_late_word_of_a_node_that_was_silent_changes_nothing() {
    let server = Postgres::start();
    let options = options(&server);
    let (mut lost, mut heir) = (open(&options), open(&options));
    let beat = |node, millis| Op::Beat { node, lasts: Duration::from_millis(millis) };
    commit(&mut lost, submit(ticket(1)));
    commit(&mut lost, beat(NodeId(1), 50));
    let leased = claimed(commit(&mut lost, claim(1, NodeId(1), 1)));
    commit(&mut heir, beat(NodeId(2), 60_000));
    eventually("the silent node is taken for dead", || {
        let done = commit(&mut heir, Op::Sweep { limit: 9, silent: Silent::Dead });
        let Done::Swept { lost, .. } = done else { panic!("{done:?}") };
        (lost == [id(1)]).then_some(())
    });
    let again = claimed(commit(&mut heir, claim(1, NodeId(2), 1)));
    assert_eq!(ids(&again), [1]);
    assert_eq!(commit(&mut lost, settle(&leased[0])), Done::Stale);
    let Done::Settled(_) = commit(&mut heir, settle(&again[0])) else { panic!("it has the lease") };
    let Done::Beaten { lapsed, .. } = commit(&mut lost, beat(NodeId(1), 50)) else { panic!() };
    assert!(lapsed, "and learns of it");
}

//= docs/contract.md#many-nodes
//= type=test
//# All nodes MUST go by the clock of the store.
#[test]
fn the_servers_clock_counts_and_not_the_callers() {
    let server = Postgres::start();
    let mut store = open(&options(&server));
    let there = store.clock().expect("it tells").expect("it has a clock");
    // A caller whose clock is an hour behind.
    let here = Moment::from_micros(there.micros() - 3_600_000_000);
    let mut at = |op| store.commit(here, vec![op]).expect("a commit succeeds").remove(0);
    let hurried = Ticket { start_deadline: Some(here + Duration::from_secs(60)), ..ticket(1) };
    at(submit(Ticket { submitted: here, ..hurried }));
    let leased = claimed(at(claim(1, NODE, 1)));
    let near = |found: Moment, expected: Moment| {
        let off = found.since(expected).max(expected.since(found));
        assert!(off < Duration::from_secs(30), "{found:?} is not about {expected:?}");
    };
    near(leased[0].submitted, there);
    near(leased[0].start_deadline.expect("it has one"), there + Duration::from_secs(60));
    let again = Ruling::Again { charge: None, not_before: here + Duration::from_secs(100) };
    at(rule(&leased[0], again, None));
    let done = at(claim(1, NODE, 2));
    let Done::Claimed { batch, backlog, .. } = done else { panic!("{done:?}") };
    assert_eq!((batch.len(), backlog.waiting), (0, 1));
    near(backlog.next_due.expect("it is due"), here + Duration::from_secs(100));
}

#[test]
fn hints_reach_the_others() {
    let server = Postgres::start();
    let options = options(&server);
    let (mut one, other) = (open(&options), open(&options));
    let mut own = one.wakes().expect("it listens").expect("others can");
    let mut theirs = other.wakes().expect("it listens").expect("others can");
    let soon = Duration::from_secs(5);
    assert_eq!(own.next(soon).expect("it listens"), [Wake::Missed], "what was before is lost");
    assert_eq!(theirs.next(soon).expect("it listens"), [Wake::Missed]);
    commit(&mut one, submit(ticket(1)));
    assert_eq!(theirs.next(soon).expect("it listens"), [Wake::Waiting(app())]);
    commit(&mut one, claim(1, NODE, 1));
    assert_eq!(theirs.next(soon).expect("it listens"), [Wake::Changed(id(1))]);
    let mut lane = lane(&other);
    commit(&mut *lane, Op::Cancel { app: app(), request: id(1) });
    assert_eq!(own.next(soon).expect("it listens"), [Wake::Changed(id(1))], "and not its own");
    assert_eq!(theirs.next(Duration::from_millis(100)).expect("it listens"), []);
}

#[test]
fn one_of_several_that_open_at_once_makes_the_tables() {
    let server = Postgres::start();
    let url = server.url(&server.database());
    let open_at = |url: String| thread::spawn(move || Store::open(&Options::new(url)).map(drop));
    let openings: Vec<_> = (0..4).map(|_| open_at(url.clone())).collect();
    for opening in openings {
        opening.join().expect("no thread fails").expect("the store opens");
    }
    // Beside it, in a schema of its own.
    let mut beside = open(&Options::new(format!("{url}?options=-csearch_path%3Dbeside")));
    let mut store = open(&Options::new(url));
    commit(&mut beside, submit(ticket(1)));
    assert_eq!(claimed(commit(&mut store, claim(9, NODE, 1))), []);
    assert_eq!(ids(&claimed(commit(&mut beside, claim(9, NODE, 1)))), [1]);
}

#[test]
fn a_secret_is_kept_once_for_all() {
    let server = Postgres::start();
    let options = options(&server);
    let (mut one, mut other) = (open(&options), open(&options));
    assert_eq!(one.secret("key", vec![1, 2]), Ok(vec![1, 2]));
    assert_eq!(other.secret("key", vec![3]), Ok(vec![1, 2]));
    assert_eq!(other.secret("other", vec![3]), Ok(vec![3]));
}

#[test]
fn a_caller_who_drives_a_runtime_may_use_it_too() {
    let server = Postgres::start();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut store = given(&server);
        commit(&mut store, submit(ticket(1)));
        let mut reader = store.reader().expect("a reader");
        assert_eq!(reader.backlog(&app()).expect("it reads").waiting, 1);
        let leases_from = LeaseId::new(1);
        commit(&mut store, Op::Claim { app: app(), max: 1, node: NODE, leases_from });
    });
}
