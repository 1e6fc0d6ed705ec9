//! The write-ahead log, which must not grow for ever.

use super::*;

/// Commits `commits` times as many requests with bodies of so many bytes.
fn commit_many(store: &mut Store, commits: u128, operations: u128, bytes: usize) {
    let content = Content { headers: Vec::new(), body: vec![7; bytes] };
    for commit in 0..commits {
        let numbers = (commit * operations)..((commit + 1) * operations);
        let submission = |number| Op::Submit {
            ticket: ticket(number),
            content: content.clone(),
            max_ahead: None,
        };
        store.commit(NOW, numbers.map(submission).collect()).expect("a commit");
    }
}

/// The size of the log's file, in MiB.
fn log(folder: &Path) -> u64 {
    let log = std::fs::metadata(folder.join("queue.sqlite-wal")).expect("the log");
    log.len() / (1024 * 1024)
}

#[test]
fn the_log_of_small_commits_begins_anew() {
    let folder = folder();
    let mut store = open(folder.path());
    commit_many(&mut store, 100, 1, 400_000);
    assert!(log(folder.path()) < 24, "{} MiB of 40", log(folder.path()));
}

#[test]
fn the_log_of_large_commits_begins_anew() {
    let folder = folder();
    let mut store = open(folder.path());
    commit_many(&mut store, 100, 16, 50_000);
    assert!(log(folder.path()) < 50, "{} MiB of 80", log(folder.path()));
}

#[test]
fn the_log_begins_anew_once_nobody_reads_an_old_state() {
    let folder = folder();
    let mut store = open(folder.path());
    let reader = rusqlite::Connection::open(folder.path().join("queue.sqlite")).expect("opens");
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    reader.execute_batch("BEGIN").expect("it begins");
    reader.query_row("SELECT count(*) FROM requests", [], read).expect("it reads");
    commit_many(&mut store, 100, 1, 400_000);
    let held = log(folder.path());
    assert!(held > 36, "{held} MiB of 40");
    reader.execute_batch("COMMIT").expect("it ends");
    let store_of = |folder: &TempDir| open(folder.path());
    drop(store);
    let mut store = store_of(&folder);
    commit(&mut store, submit(ticket(1_000)));
    check_counts(&store, folder.path());
}
