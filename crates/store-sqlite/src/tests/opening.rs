//! What is opened, and what is refused.

use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use super::*;

#[track_caller]
fn refused(options: &Options) -> Error {
    Store::open(options).expect_err("it is refused")
}

/// Makes a database at the store's place with these statements.
fn prepared(folder: &Path, statements: &str) -> Options {
    let options = options(folder);
    let connection = Connection::open(&options.path).expect("a database");
    connection.execute_batch(statements).expect("the statements are right");
    options
}

#[test]
fn a_new_file_is_its_owners_alone() {
    let folder = folder();
    let mut store = open(folder.path());
    commit(&mut store, submit(ticket(1)));
    for name in ["queue.sqlite", "queue.sqlite-wal", "queue.sqlite-shm"] {
        let found = std::fs::metadata(folder.path().join(name)).expect(name);
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = folder();
    drop(open(folder.path()));
    let options = prepared(folder.path(), "PRAGMA user_version = 7");
    let before = std::fs::read(&options.path).expect("the file");
    assert_eq!(refused(&options), Error::NewerSchema { found: 7, known: 2 });
    assert!(std::fs::read(&options.path).expect("the file") == before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = folder();
    let options = options(folder.path());
    let text = "not a database, ".repeat(1_000);
    std::fs::write(&options.path, &text).expect("a file");
    let error = refused(&options);
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    assert!(std::fs::read(&options.path).expect("the file") == text.as_bytes());
}

#[test]
fn a_database_of_another_program_is_refused() {
    for statements in ["CREATE TABLE t (x)", "PRAGMA application_id = 5; CREATE TABLE t (x)"] {
        let folder = folder();
        let error = refused(&prepared(folder.path(), statements));
        assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    }
}

#[test]
fn a_place_that_cannot_hold_a_file_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let below_a_file = Options::new(file.join("queue.sqlite"));
    let nowhere = Options::new(folder.path().join("missing/queue.sqlite"));
    for options in [below_a_file, nowhere, Options::new(folder.path())] {
        let Error::ReadOnly(text) = refused(&options) else { panic!("another error") };
        assert!(text.contains(&options.path.display().to_string()), "{text}");
    }
}

#[test]
fn a_store_that_cannot_be_written_says_so() {
    let folder = folder();
    let mut store = open(folder.path());
    commit(&mut store, submit(ticket(1)));
    writer(&store).connection.pragma_update(None, "query_only", true).expect("a setting");
    let error = store.commit(NOW, vec![submit(ticket(2))]).expect_err("it is refused");
    assert!(matches!(error, Error::ReadOnly(_)), "{error:?}");
    writer(&store).connection.pragma_update(None, "query_only", false).expect("a setting");
    assert_eq!(commit(&mut store, submit(ticket(3))), Done::Submitted { ahead: 1 });
}

#[test]
fn a_damaged_file_is_reported_as_damaged() {
    let folder = folder();
    let mut store = open(folder.path());
    store.commit(NOW, (0..500).map(|number| submit(ticket(number))).collect()).expect("a commit");
    drop(store);
    let options = options(folder.path());
    let mut bytes = std::fs::read(&options.path).expect("the file");
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0xa5);
    std::fs::write(&options.path, bytes).expect("the file");
    let error = refused(&options);
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[test]
fn a_file_that_was_not_closed_is_looked_through() {
    let folder = folder();
    let mut store = open(folder.path());
    store.commit(NOW, (0..500).map(|number| submit(ticket(number))).collect()).expect("a commit");
    drop(store);
    let mut store = open(folder.path());
    commit(&mut store, submit(ticket(500)));
    // What lies there while the store is open is what lies there when its process has died.
    let died = self::folder();
    for end in ["", "-wal"] {
        let name = format!("queue.sqlite{end}");
        std::fs::copy(folder.path().join(&name), died.path().join(&name)).expect("a copy");
    }
    let database = died.path().join("queue.sqlite");
    let mut bytes = std::fs::read(&database).expect("the file");
    // The middle of some table or index that opening alone does not read.
    bytes.iter_mut().skip(20 * 4_096).take(4_096).for_each(|byte| *byte = 0xa5);
    std::fs::write(&database, bytes).expect("the file");
    let Error::Corrupt(text) = refused(&options(died.path())) else { panic!("another error") };
    assert!(text.contains("backup") && text.contains(".recover"), "{text}");
}

#[test]
fn commits_are_flushed_and_the_file_is_not_mapped() {
    let folder = folder();
    let store = open(folder.path());
    let read = |name| {
        let value = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
        writer(&store).connection.pragma_query_value(None, name, value).expect(name)
    };
    assert_eq!(read("journal_mode"), "wal".to_owned().into());
    assert_eq!(read("synchronous"), 2.into());
    assert_eq!(read("mmap_size"), 0.into());
    assert_eq!(read("locking_mode"), "normal".to_owned().into());
}

#[test]
fn another_writer_is_an_error_and_not_a_loss() {
    let folder = folder();
    let mut store = open(folder.path());
    writer(&store).connection.busy_timeout(std::time::Duration::ZERO).expect("a setting");
    let other = Connection::open(&store.options.path).expect("a second connection");
    other.execute_batch("BEGIN IMMEDIATE").expect("it takes the file");
    let error = store.commit(NOW, vec![submit(ticket(1))]).expect_err("the file is taken");
    assert!(matches!(error, Error::Locked(_)), "{error:?}");
    other.execute_batch("COMMIT").expect("it gives the file back");
    assert_eq!(commit(&mut store, submit(ticket(1))), Done::Submitted { ahead: 0 });
}
