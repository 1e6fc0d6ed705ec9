//! What is done to the database besides keeping requests: days, plans, and what is refused.

use std::time::Duration;

use fal_queue::{
    Ending, Key, NodeId, Ruling, Storage, Ticket,
    store::{Content, Done, Error, Fitness, Line, Op, Reply, Sent, Silent, Store as _},
};
use fal_store_postgres::{Options, Store, Time};
use fal_tests::{eventually, holds_for, postgres::Postgres};
use fal_types::{Moment, Status};

use crate::suite::{
    NODE, NOW, app, claim, claimed, commit, given, id, ids, lease_of, open, options, rule, settle,
    submit, ticket,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The days that have a partition.
fn days(server: &Postgres, database: &str) -> Vec<u64> {
    let found = server.run(
        database,
        "SELECT substr(relname, 8) FROM pg_class WHERE relname LIKE 'ended\\_d%' AND relkind = 'r' ORDER BY 1",
    );
    found.lines().map(|day| day.parse().expect("a day")).collect()
}

#[test]
fn days_that_have_passed_are_dropped_whole() {
    let server = Postgres::start();
    let name = server.database();
    let options = Options { time: Time::Given, ..Options::new(server.url(&name)) };
    let mut store = open(&options);
    let today = days(&server, &name)[0];
    let mut now = NOW;
    let mut at =
        |now: Moment, op| store.commit(now, vec![op]).expect("a commit succeeds").remove(0);
    for number in 0..3 {
        let long = Ticket { storage: Storage::Long, ..ticket(number + 10) };
        at(now, submit(ticket(number)));
        at(now, submit(long));
        for leased in claimed(at(now, claim(2, NODE, 1))) {
            at(now, settle(&leased));
        }
        now = now + DAY;
    }
    let first = NOW.micros() / 86_400_000_000;
    let expected: Vec<_> = [0, 1, 2, 30, 31, 32].into_iter().map(|later| first + later).collect();
    let mut found = days(&server, &name);
    // Opened by a clock of today, it has made partitions for that too.
    found.retain(|day| *day != today && *day != today + 1);
    assert_eq!(found, expected, "a day is made when something expires on it");
    at(now, Op::Sweep { limit: 9, silent: Silent::Dead });
    let left = days(&server, &name);
    assert!(left.contains(&(first + 3)) && left.contains(&(first + 4)), "those to come: {left:?}");
    assert!(!left.contains(&first) && !left.contains(&(first + 2)), "those that passed: {left:?}");
    assert!(left.contains(&(first + 30)), "those that have not: {left:?}");
    let mut reader = store.reader().expect("a reader");
    assert!(reader.find(id(1)).expect("it reads").is_none());
    assert!(reader.reply(id(11)).expect("it reads").is_some(), "what is kept for long is there");
}

fn note(leased: &Ticket, line: Line) -> Op {
    let lease = lease_of(leased);
    Op::Note { request: leased.id, lease: lease.id, attempt: lease.attempt, lines: vec![line] }
}

/// Everything that can be done, once each, on a store in which much waits.
fn everything(store: &mut Store) {
    let key = Some(Key { text: "a".to_owned(), digest: [0; 32] });
    let hook = Some("https://example.com/".to_owned());
    let numbers = 1_000_000..1_000_010;
    let new =
        numbers.map(|number| Ticket { key: key.clone(), webhook: hook.clone(), ..ticket(number) });
    store.commit(NOW, new.map(submit).collect()).expect("it submits");
    let beat = Op::Beat { node: NodeId(9), lasts: Duration::from_secs(60) };
    commit(store, beat);
    let leased = claimed(commit(store, claim(10, NodeId(9), 1)));
    let leased: [Ticket; 10] = leased.try_into().expect("more wait");
    let [first, second, third, fourth, ..] = &leased;
    let dead = Ruling::Exhaust(Ending::Responded(Status::new(503)));
    let again = Ruling::Again { charge: None, not_before: NOW + DAY };
    commit(store, rule(first, dead, None));
    commit(store, rule(second, again, None));
    commit(store, Op::Resubmit { request: first.id, heir: id(2_000_000) });
    commit(store, Op::Drop { request: first.id });
    let line = Line { at: NOW, is_error: false, text: "a".to_owned() };
    commit(store, note(third, line));
    commit(store, settle(third));
    commit(store, Op::Cancel { app: app(), request: fourth.id });
    commit(store, Op::Cancel { app: app(), request: id(20_000) });
    let collected = commit(store, Op::Collect { max: 9, hold: DAY });
    let deliveries =
        if let Done::Collected { deliveries, .. } = collected { deliveries } else { vec![] };
    for delivery in deliveries {
        let sent = Sent { number: delivery.number, at: NOW, took: DAY, answer: String::new() };
        commit(store, Op::Sent { request: delivery.request, sent, next: None });
        commit(store, Op::SendAgain { request: delivery.request });
    }
    commit(store, Op::Recover { node: NodeId(9), leases: None });
    commit(store, Op::Sweep { limit: 100, silent: Silent::Dead });
    let mut reader = store.reader().expect("a reader");
    let waits = reader.find(id(25_000)).expect("it reads").expect("it waits");
    assert!(reader.ahead(&waits).expect("it reads") > 20_000);
    assert!(reader.backlog(&app()).expect("it reads").waiting > 20_000);
    for of in [None, Some(&app())] {
        assert_eq!(reader.recent(of, 20).expect("it reads").len(), 20);
        reader.dead(of, 20).expect("it reads");
    }
    reader.reply(third.id).expect("it reads");
    reader.content(id(25_000)).expect("it reads");
    reader.accounts(third.id).expect("it reads");
    reader.lines(third.id).expect("it reads");
    reader.webhook(third.id).expect("it reads");
}

/// How many rows were read by each index, and from each table without any. A connection says so when it ends, or later.
fn settled(server: &Postgres, database: &str) -> Vec<(String, u64)> {
    let figures =
        "SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes WHERE idx_tup_read > 0
        UNION ALL SELECT relname, seq_tup_read FROM pg_stat_user_tables
            WHERE seq_tup_read > 0 AND relname NOT IN ('fal_version', 'nodes', 'marks') ORDER BY 1";
    let mut last = String::new();
    eventually("the figures stand still", || {
        holds_for(Duration::from_millis(300), "time passes", || true);
        let now = server.run(database, figures);
        let before = std::mem::replace(&mut last, now);
        (before == last).then_some(())
    });
    let figure = |line: &str| {
        let (name, rows) = line.split_once('|').expect("two columns");
        (name.to_owned(), rows.parse().expect("a number"))
    };
    last.lines().map(figure).collect()
}

#[test]
fn no_operation_walks_through_what_waits() {
    let server = Postgres::start();
    let name = server.database();
    let options = Options::new(server.url(&name));
    let mut store = open(&options);
    // What the server knows of the tables is that they are empty, which is the worst that it can know.
    server.run(&name, "ANALYZE");
    for first in (0..30_000).step_by(1_000) {
        let numbers = first..first + 1_000;
        store
            .commit(NOW, numbers.map(|number| submit(ticket(number))).collect())
            .expect("it submits");
    }
    for lease in 0..4 {
        let batch = claimed(commit(&mut store, claim(500, NODE, lease * 500)));
        store.commit(NOW, batch.iter().map(settle).collect()).expect("it settles");
    }
    commit(&mut store, claim(500, NODE, 2_000));
    drop(store);
    for known in ["SELECT 1", "ANALYZE"] {
        server.run(&name, known);
        settled(&server, &name);
        server.run(&name, "SELECT pg_stat_reset()");
        everything(&mut open(&options));
        let found = settled(&server, &name);
        // Thirty thousand wait. They are counted up to a bound of a thousand, a few times.
        let rows: u64 = found.iter().map(|(_, rows)| rows).sum();
        assert!(rows < 15_000, "after {known}, {rows} rows were read: {found:?}");
        server.run(&name, "DELETE FROM fal.live WHERE id > '00000000-0000-0000-0000-0000000f0000'");
        server.run(&name, "TRUNCATE fal.outbox, fal.deliveries, fal.keys");
    }
}

#[test]
fn large_bodies_of_one_batch_go_in_pieces() {
    let server = Postgres::start();
    let mut store = given(&server);
    let body = |number: u128| vec![u8::try_from(number).expect("it is small"); 5 * 1024 * 1024];
    let large = |number| {
        let content = Content { headers: Vec::new(), body: body(number) };
        Op::Submit { ticket: ticket(number), content, max_ahead: None }
    };
    store.commit(NOW, (0..9).map(large).collect()).expect("it submits");
    let done = commit(&mut store, claim(9, NODE, 1));
    let batch = if let Done::Claimed { batch, .. } = done { batch } else { vec![] };
    assert_eq!(batch.len(), 9);
    let settled = batch.iter().map(|(leased, content)| {
        assert!(content.body == body(leased.id.bits()), "{}", leased.id);
        let (status, headers) = (Status::new(200), Vec::new());
        let reply = Reply { status, headers, body: body(leased.id.bits()) };
        rule(leased, Ruling::Finish(Ending::Responded(status)), Some(reply))
    });
    store.commit(NOW, settled.collect()).expect("it settles");
    let mut reader = store.reader().expect("a reader");
    for number in 0..9 {
        let reply = reader.reply(id(number)).expect("it reads").expect("it has one");
        assert!(reply.body == body(number), "{number}");
    }
}

//= docs/contract.md#doctor
//= type=test
//# A store whose settings could lose what it has acknowledged MUST be refused, by `fal-server doctor` and at the start.
#[test]
fn what_would_lose_requests_is_refused() {
    let mut server = Postgres::start();
    let options = options(&server);
    let mut store = open(&options);
    let found = store.check().expect("it looks");
    assert_eq!(found.iter().map(|found| found.fitness).max(), Some(Fitness::Fit), "{found:?}");
    let refused = || Store::open(&options).map(drop);
    server.run("postgres", "ALTER ROLE postgres SET synchronous_commit = off");
    assert!(matches!(refused(), Err(Error::Unfit(text)) if text.contains("synchronous_commit")));
    let mut lane = store.lane().expect("a lane").expect("it has lanes");
    let failed = lane.commit(NOW, vec![submit(ticket(1))]);
    assert!(matches!(failed, Err(Error::Unfit(_))), "each connection is looked at: {failed:?}");
    server.run("postgres", "ALTER ROLE postgres RESET synchronous_commit");
    server.set("fsync", "off");
    server.restart();
    assert!(matches!(refused(), Err(Error::Unfit(text)) if text.contains("fsync")));
    let failed = store.commit(NOW, vec![submit(ticket(1))]);
    assert!(matches!(failed, Err(Error::Unfit(_))), "after a restart too: {failed:?}");
    let worst = store.check().expect("it looks").remove(0);
    assert_eq!(worst.fitness, Fitness::Unfit);
}

#[test]
fn an_ordinary_user_of_its_own_database_is_enough() {
    let server = Postgres::start();
    let name = server.database();
    server
        .run("postgres", &format!("CREATE ROLE plain LOGIN; ALTER DATABASE {name} OWNER TO plain"));
    let options = Options::new(server.url(&name).replace("postgres@", "plain@"));
    let mut store = open(&options);
    commit(&mut store, submit(ticket(1)));
    let leased = claimed(commit(&mut store, claim(1, NODE, 1)));
    assert_eq!(ids(&leased), [1]);
    commit(&mut store, settle(&leased[0]));
    let worst = store.check().expect("it looks").remove(0);
    assert_eq!(worst.fitness, Fitness::Fit, "{worst:?}");
    // Over the socket as well.
    drop(open(&Options::new(server.socket_url(&name))));
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let server = Postgres::start();
    let name = server.database();
    let options = Options::new(server.url(&name));
    let refused = || Store::open(&options).map(drop);
    server.run(&name, "CREATE SCHEMA fal; CREATE TABLE fal.theirs ()");
    assert!(matches!(refused(), Err(Error::Corrupt(_))));
    server.run(&name, "DROP SCHEMA fal CASCADE");
    drop(given(&server));
    drop(open(&options));
    server.run(&name, "UPDATE fal.fal_version SET version = 99");
    assert!(matches!(refused(), Err(Error::NewerSchema { found: 99, known: 1 })));
    let nowhere = Options::new(server.url("nowhere"));
    assert!(matches!(Store::open(&nowhere).map(drop), Err(Error::Misuse(_))));
}
