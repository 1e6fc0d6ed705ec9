//! Copies of a store in use.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use rusqlite::Connection;

use super::*;
use crate::backup;

fn content(number: u128) -> Content {
    let size = if number.is_multiple_of(50) { 1024 * 1024 + 1 } else { 500 };
    let byte = u8::try_from(number % 251).expect("a byte");
    Content { headers: Vec::new(), body: vec![byte; size] }
}

fn submission(number: u128) -> Op {
    Op::Submit { ticket: ticket(number), content: content(number), max_ahead: None }
}

/// Every request of the copy is whole, and they are the first ones, without a gap.
#[track_caller]
fn check_copy(path: &Path, least: u128) {
    let mut store = Store::open(&Options::new(path)).expect("the copy opens");
    let check = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let found = writer(&store).connection.query_row("PRAGMA integrity_check", [], check);
    assert_eq!(found.as_deref(), Ok("ok"));
    let Done::Claimed { batch, .. } = commit(&mut store, claim(u32::MAX, 1)) else {
        panic!("not claimed")
    };
    assert!(batch.len() >= usize::try_from(least).expect("it fits"), "{}", batch.len());
    for (number, (ticket, found)) in (1..).zip(batch) {
        assert_eq!(ticket.id.bits(), number);
        assert!(found == content(number), "{number}");
    }
}

#[test]
fn a_store_in_use_is_copied_at_one_moment() {
    let folder = folder();
    let mut store = open(folder.path());
    let database = folder.path().join("queue.sqlite");
    store.commit(NOW, (1..=200).map(submission).collect()).expect("a commit");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 200;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                commit(&mut store, submission(number));
            }
        });
        for number in 1..=3 {
            let copy = folder.path().join(format!("copy-{number}"));
            let report = backup(&database, &copy).expect("it is copied");
            assert!(report.requests >= 200 && report.bodies >= 4, "{report:?}");
            assert_eq!(report.bytes, fs::metadata(&copy).expect("it is there").len());
            check_copy(&copy, 200);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_body_that_a_copy_names_outlives_its_request() {
    let folder = folder();
    let mut store = open(folder.path());
    commit(&mut store, submission(50));
    let bodies = folder.path().join("queue.sqlite-bodies");
    let lock = fs::File::open(&bodies).expect("the folder");
    lock.lock_shared().expect("a backup locks it so");
    let cancel = |number| Op::Cancel { app: app(), request: RequestId::from_bits(number) };
    commit(&mut store, cancel(50));
    let files = || fs::read_dir(&bodies).expect("the folder").count();
    assert_eq!(files(), 1);
    drop(lock);
    commit(&mut store, submission(1));
    assert_eq!(files(), 0, "it is removed with the next commit");
}

#[test]
fn what_lies_at_the_target_stays_as_it_is() {
    let folder = folder();
    drop(open(folder.path()));
    let (from, to) = (folder.path().join("queue.sqlite"), folder.path().join("copy"));
    for taken in ["copy", "copy-bodies"] {
        let taken = folder.path().join(taken);
        fs::write(&taken, "mine").expect("a file");
        let error = backup(&from, &to).expect_err("it is refused");
        assert!(matches!(error, Error::Misuse(_)), "{error:?}");
        assert_eq!(fs::read_to_string(&taken).expect("the file"), "mine");
        fs::remove_file(&taken).expect("the file");
    }
    fs::write(folder.path().join("copy.part"), "of a backup that was killed").expect("a file");
    backup(&from, &to).expect("it is copied");
    check_copy(&to, 0);
}

#[test]
fn what_is_no_store_is_not_copied_and_leaves_nothing() {
    let folder = folder();
    let (empty, foreign) = (folder.path().join("empty"), folder.path().join("foreign"));
    fs::write(&empty, "").expect("a file");
    let connection = Connection::open(&foreign).expect("a database");
    connection.execute_batch("CREATE TABLE t (x)").expect("a table");
    drop(connection);
    let before = fs::read_dir(folder.path()).expect("the folder").count();
    for from in [empty, foreign, folder.path().join("missing")] {
        let to = folder.path().join("copy");
        let error = backup(&from, &to).expect_err("it is refused");
        assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), before);
    }
}
