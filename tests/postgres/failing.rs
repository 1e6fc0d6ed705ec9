//! A server that dies, goes away and comes back.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use fal_queue::{
    Ending, NodeId, State,
    store::{self, Done, Error, Leases, Op, Store as _},
};
use fal_store_postgres::{Options, Standbys, Store};
use fal_tests::{Over, Timer, eventually, postgres::Postgres};
use fal_types::LeaseId;
use parking_lot::Mutex;

use crate::suite::{
    NODE, NOW, app, claim, claimed, commit, id, ids, lane, open, options, settle, submit, ticket,
    try_commit,
};

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    submitted: Vec<u128>,
    settled: Vec<u128>,
    /// Commits that may or may not have happened.
    unknown: usize,
}

/// Submits until it is over. The numbers of each submitter are its own.
fn submits(
    mut store: Box<dyn store::Store>,
    first: u128,
    over: &AtomicBool,
    log: &Mutex<Acknowledged>,
) {
    let mut next = first;
    while !over.load(Ordering::SeqCst) {
        let numbers: Vec<_> = (next..next + 8).collect();
        next += 8;
        let ops = numbers.iter().map(|number| submit(ticket(*number))).collect();
        let done = store.commit(NOW, ops);
        let mut log = log.lock();
        let Ok(done) = done else {
            assert!(matches!(done, Err(Error::Unreachable(_))), "{done:?}");
            log.unknown += 1;
            continue;
        };
        let is_kept = |done: &&Done| matches!(done, Done::Submitted { .. } | Done::Duplicate);
        assert_eq!(done.iter().filter(is_kept).count(), 8, "{done:?}");
        log.submitted.extend(numbers);
    }
}

/// Claims and settles until it is over.
fn works(
    mut store: Box<dyn store::Store>,
    node: NodeId,
    over: &AtomicBool,
    log: &Mutex<Acknowledged>,
) {
    let mut lease = 1;
    while !over.load(Ordering::SeqCst) {
        let Ok(done) = try_commit(&mut *store, claim(8, node, lease)) else { continue };
        lease += 8;
        let batch = claimed(done);
        if batch.is_empty() {
            continue;
        }
        let Ok(done) = store.commit(NOW, batch.iter().map(settle).collect()) else { continue };
        let settled = done.iter().zip(&batch).filter(|(done, _)| matches!(done, Done::Settled(_)));
        log.lock().settled.extend(settled.map(|(_, ticket)| ticket.id.bits()));
    }
}

/// Everything that was acknowledged must be there.
#[track_caller]
fn check(store: &Store, log: &Acknowledged) {
    let mut reader = store.reader().expect("a reader");
    for number in &log.submitted {
        let found = reader.find(id(*number)).expect("it reads");
        assert!(found.is_some(), "{number} is lost");
    }
    for number in &log.settled {
        let found = reader.find(id(*number)).expect("it reads").expect("it is kept");
        assert!(matches!(found.state, State::Done(Ending::Responded(_))), "{found:?}");
        assert!(reader.reply(id(*number)).expect("it reads").is_some(), "{number} has no result");
    }
}

/// Load on a store while `act` does something to the server, and what was acknowledged meanwhile.
fn under_load(store: &Store, act: impl FnOnce()) -> Acknowledged {
    let (over, log) = (AtomicBool::new(false), Mutex::new(Acknowledged::default()));
    thread::scope(|scope| {
        let ends = Over(&over);
        for number in 1..=2_u32 {
            let (first, node) = (u128::from(number) << 64, NodeId(number.into()));
            let (submitter, worker) = (lane(store), lane(store));
            let (over, log) = (&over, &log);
            scope.spawn(move || submits(submitter, first, over, log));
            scope.spawn(move || works(worker, node, over, log));
        }
        act();
        drop(ends);
    });
    log.into_inner()
}

//= docs/contract.md#queue-durable
//= type=test
//# A submit MUST NOT be answered before the request is durable.
//= docs/contract.md#queue-restart
//= type=test
//# Accepted requests MUST survive the platform's death, and go on after its next start.
#[test]
fn every_acknowledged_request_survives_a_kill_of_the_server() {
    let mut server = Postgres::start();
    let options = Options { patience: Duration::from_secs(25), ..options(&server) };
    let store = open(&options);
    let log = under_load(&store, || {
        for _ in 0..3 {
            load_for(300);
            server.kill();
            server.launch();
        }
        load_for(300);
    });
    assert!(log.submitted.len() > 100 && log.settled.len() > 100, "there was load");
    assert_eq!(log.unknown, 0, "what became of a commit is found out");
    check(&store, &log);
    check(&open(&options), &log);
}

/// A while of load.
fn load_for(millis: u64) {
    let timer = Timer::start();
    eventually("there was load", || {
        (timer.elapsed() > Duration::from_millis(millis)).then_some(())
    });
}

#[test]
fn connections_that_are_cut_are_made_anew() {
    let server = Postgres::start();
    let store = open(&options(&server));
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'fal-rs'";
    let log = under_load(&store, || {
        for _ in 0..10 {
            load_for(60);
            server.run("postgres", cut);
        }
    });
    assert!(log.submitted.len() > 100 && log.settled.len() > 100, "there was load");
    assert_eq!(log.unknown, 0, "what became of a commit is found out");
    check(&store, &log);
}

#[test]
fn a_server_that_stays_away_is_said_to_be_unreachable() {
    let mut server = Postgres::start();
    let options = Options { patience: Duration::from_millis(400), ..options(&server) };
    let mut store = open(&options);
    let mut reader = store.reader().expect("a reader");
    commit(&mut store, submit(ticket(1)));
    assert_eq!(reader.backlog(&app()).expect("it reads").waiting, 1);
    server.stop();
    let failed = try_commit(&mut store, submit(ticket(2)));
    assert!(matches!(failed, Err(Error::Unreachable(_))), "{failed:?}");
    let failed = reader.backlog(&app());
    assert!(matches!(failed, Err(Error::Unreachable(_))), "{failed:?}");
    let failed = Store::open(&options).map(drop);
    assert!(matches!(failed, Err(Error::Unreachable(_))), "{failed:?}");
    server.launch();
    assert_eq!(ids(&claimed(commit(&mut store, claim(9, NODE, 1)))), [1]);
    assert_eq!(reader.backlog(&app()).expect("it reads").waiting, 0);
}

#[test]
fn what_undoes_a_claim_comes_behind_it_where_its_answer_was_lost() {
    let mut server = Postgres::start();
    let patience = Duration::from_millis(400);
    let mut store = open(&Options { patience, standbys: Standbys::Any, ..options(&server) });
    commit(&mut store, submit(ticket(1)));
    // Commits are kept, and not answered: they wait for somebody who never comes.
    server.set("synchronous_standby_names", "'nobody'");
    server.reload();
    let (mut store, failed) = thread::scope(|scope| {
        let claims = scope.spawn(move || {
            let failed = try_commit(&mut store, claim(9, NODE, 7));
            (store, failed)
        });
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        eventually("the claim is kept", || {
            (server.run("postgres", waiting).trim() == "1").then_some(())
        });
        server.kill();
        claims.join().expect("the claim ends")
    });
    assert!(matches!(failed, Err(Error::Unreachable(_))), "{failed:?}");
    server.set("synchronous_standby_names", "''");
    server.launch();
    let leases = Leases { app: app(), from: LeaseId::new(7), count: 9 };
    commit(&mut store, Op::Recover { node: NODE, leases: Some(leases) });
    let again = claimed(commit(&mut store, claim(9, NODE, 20)));
    assert_eq!((ids(&again), again[0].attempts), (vec![1], 2));
}

#[test]
fn nothing_is_lost_with_a_server_that_a_synchronous_standby_follows() {
    let mut server = Postgres::start();
    let name = server.database();
    let mut standby = server.standby("second");
    let url = server.url(&name);
    let refused = Store::open(&Options::new(url.clone())).map(drop);
    assert!(matches!(refused, Err(Error::Unfit(_))), "nobody waits for it: {refused:?}");
    let any = Options { standbys: Standbys::Any, ..Options::new(url.clone()) };
    drop(open(&any));
    server.set("synchronous_standby_names", "'second'");
    server.reload();
    let both = format!("{url}?target_session_attrs=read-write");
    let store = eventually("it is waited for", || Store::open(&Options::new(both.clone())).ok());
    let log = under_load(&store, || load_for(700));
    assert!(log.submitted.len() > 100 && log.settled.len() > 100, "there was load");
    server.kill();
    standby.set("synchronous_standby_names", "''");
    standby.reload();
    standby.promote();
    let heir = open(&Options::new(standby.url(&name)));
    check(&heir, &log);
    standby.stop();
}

#[test]
fn a_snapshot_that_is_held_does_not_stop_it() {
    let server = Postgres::start();
    let name = server.database();
    let mut store = open(&Options::new(server.url(&name)));
    let mut session = server.session(&name);
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    session.run("SELECT count(*) FROM fal.live");
    let mut next = 0;
    // Batches that wait, run and end at once, while the server may clear away nothing of it.
    let mut cycles = |count: u32| {
        let timer = Timer::start();
        for _ in 0..count {
            let numbers = next..next + 64;
            next += 64;
            store
                .commit(NOW, numbers.map(|number| submit(ticket(number))).collect())
                .expect("it submits");
            let batch = claimed(commit(&mut store, claim(64, NODE, 1)));
            assert_eq!(batch.len(), 64);
            store.commit(NOW, batch.iter().map(settle).collect::<Vec<_>>()).expect("it settles");
        }
        timer.elapsed()
    };
    // The best of some: what else the machine does in one of them is nothing of the store's.
    let mut best = || (0..3).map(|_| cycles(20)).min().expect("some were timed");
    best();
    let before = best();
    for _ in 0..5 {
        best();
    }
    let after = best();
    assert!(after < before * 3, "it gets slower and slower: {before:?} became {after:?}");
}
