//! Files of older versions.

use fal_queue::store::CancelAnswer;
use fal_types::{Problem, Spent};
use rusqlite::Connection;

use super::*;
use crate::schema;

/// What the first version wrote: a request in each state, with what belongs to it.
fn first_version(folder: &Path) {
    let connection = Connection::open(folder.join("queue.sqlite")).expect("a database");
    let write = |text: &str| connection.execute_batch(text).expect("the statements are right");
    write("PRAGMA journal_mode = WAL");
    write(schema::FIRST);
    write("PRAGMA application_id = 0x66616c71; PRAGMA user_version = 1");
    let now = NOW.micros();
    let row = |number: u8, columns: &str, values: &str| {
        write(&format!(
            "INSERT INTO requests (seq, id, app, path, priority, submitted, no_retry, attempts, spent,
                spent_server_error, spent_timeout, spent_connection_error, cancel_requested,
                {columns})
            VALUES ({number}, x'{number:032x}', 'acme/sketch', '/run', 0, {now}, 0, 1, 0, 0, 0, 0, 0,
                {values})"
        ));
    };
    row(1, "state, not_before, hint", "0, 0, 'h'");
    row(2, "state, not_before", &format!("1, {}", now + 60_000_000));
    let leased = format!("2, 7, 1, 1, {now}, {now}");
    row(3, "state, lease, lease_attempt, lease_node, lease_since, started", &leased);
    let ended = format!("{now}, {now}, {}", now + 3_600_000_000);
    row(4, "state, status, started, finished, expires", &format!("3, 200, {ended}"));
    row(5, "state, problem, started, finished, expires", &format!("3, 'disconnected', {ended}"));
    row(6, "state, started, finished, expires", &format!("3, {ended}"));
    for number in 1..=3 {
        write(&format!("INSERT INTO contents VALUES ({number}, x'', x'{number:02x}')"));
    }
    write("INSERT INTO replies VALUES (4, 200, x'', x'0102')");
}

fn state_of(reader: &mut dyn fal_queue::store::Reader, number: u128) -> State {
    let found = reader.ticket(&app(), RequestId::from_bits(number)).expect("it reads");
    found.expect("it is kept").state
}

#[test]
fn a_file_of_the_first_version_goes_on() {
    let folder = folder();
    first_version(folder.path());
    let mut store = open(folder.path());
    let mut reader = store.reader().expect("a reader");
    let waiting = Ticket { attempts: 1, hint: Some("h".to_owned()), ..ticket(1) };
    assert_eq!(reader.ticket(&app(), waiting.id), Ok(Some(waiting)));
    assert!(matches!(state_of(&mut *reader, 2), State::Waiting { .. }));
    assert_eq!(state_of(&mut *reader, 4), State::Done(Ending::Responded(Status::new(200))));
    assert_eq!(state_of(&mut *reader, 5), State::Done(Ending::Failed(Problem::Disconnected)));
    assert_eq!(state_of(&mut *reader, 6), State::Done(Ending::Cancelled));
    assert_eq!(reader.reply(RequestId::from_bits(4)), Ok(Some(reply(vec![1, 2]))));
    assert_eq!(reader.reply(RequestId::from_bits(5)), Ok(None));

    let running = reader.find(RequestId::from_bits(3)).expect("it reads").expect("it is kept");
    assert_eq!(running.spent, Spent::default());
    let again = Ruling::Again { charge: None, not_before: NOW };
    assert!(matches!(commit(&mut store, settle(&running, again, None)), Done::Settled(_)));
    assert_eq!(reader.accounts(running.id).expect("it reads").len(), 1);
    let leased = claimed(&mut store, 9, 9);
    assert_eq!(ids(&leased), [1, 3], "in their places");
    commit(&mut store, settle(&leased[0], RESPONDED, Some(reply(vec![7]))));
    assert_eq!(reader.reply(leased[0].id), Ok(Some(reply(vec![7]))));
    let cancel = Op::Cancel { app: app(), request: RequestId::from_bits(2) };
    assert_eq!(commit(&mut store, cancel), Done::Cancelled(CancelAnswer::Cancelled));
    commit(&mut store, submit(ticket(7)));
    check_counts(&store, folder.path());
    assert_eq!(ids(&reader.recent(None, 9).expect("it reads")), [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_small_file_of_the_first_version_learns_to_shrink() {
    let folder = folder();
    first_version(folder.path());
    let mode = |store: &Store| -> i64 {
        let read = |row: &rusqlite::Row<'_>| row.get(0);
        writer(store).connection.pragma_query_value(None, "auto_vacuum", read).expect("a setting")
    };
    assert_eq!(mode(&open(folder.path())), 2);
    assert_eq!(mode(&open(folder.path())), 2);
}
