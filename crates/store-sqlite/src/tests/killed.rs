//! A process that is killed while it commits.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use fal_queue::{Key, store::Line};

use super::*;

/// Set for the process that is to be killed: the folder of its store.
const FOLDER: &str = "FAL_STORE_TEST_FOLDER";
/// Begins the line of an acknowledged batch; the number of its last request follows.
const TAKEN: &str = "taken ";
const BATCH: u128 = 8;

/// Not a test by itself: without the folder it has nothing to do.
#[test]
fn the_process_that_is_killed() {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its second process what to do")]
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = open(Path::new(&folder));
    let mut out = std::io::stdout().lock();
    for first in (1u128..).step_by(8) {
        let last = first + BATCH - 1;
        store.commit(NOW, (first..=last).map(submission).collect()).expect("a commit");
        // Rows of every kind change while the process dies.
        let leased = claimed(&mut store, 3, u64::try_from(first).unwrap());
        let noted = leased.iter().map(note).collect();
        store.commit(NOW, noted).expect("a commit");
        let settled = leased.iter().map(|leased| settle(leased, RESPONDED, Some(answer(leased))));
        store.commit(NOW, settled.collect()).expect("a commit");
        if writeln!(out, "\n{TAKEN}{last}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// Some have a key, some a webhook, and a few a large body.
fn submission(number: u128) -> Op {
    let key = Key { text: number.to_string(), digest: [7; 32] };
    let ticket = Ticket {
        key: number.is_multiple_of(3).then_some(key),
        webhook: number.is_multiple_of(2).then(|| "http://example.com/".to_owned()),
        ..ticket(number)
    };
    Op::Submit {
        ticket,
        content: Content { headers: Vec::new(), body: body(number) },
        max_ahead: None,
    }
}

fn body(number: u128) -> Vec<u8> {
    let size = if number.is_multiple_of(40) { 1024 * 1024 + 1 } else { 100 };
    vec![u8::try_from(number % 251).unwrap(); size]
}

fn answer(leased: &Ticket) -> Reply {
    reply(body(leased.id.bits() + 1))
}

fn lines() -> Vec<Line> {
    vec![Line { at: NOW, is_error: false, text: "printed".to_owned() }]
}

fn note(leased: &Ticket) -> Op {
    let State::Leased(lease) = leased.state else { panic!("{leased:?}") };
    let (request, lease, attempt) = (leased.id, lease.id, lease.attempt);
    Op::Note { request, lease, attempt, lines: lines() }
}

/// Everything that belongs to a request is there, or nothing of it; and those that have ended are
/// the first.
fn check_request(reader: &mut dyn fal_queue::store::Reader, ticket: &Ticket) {
    let (id, number) = (ticket.id, ticket.id.bits());
    let has_ended = match ticket.state {
        State::Done(_) => true,
        State::Waiting { .. } | State::Leased(_) => false,
    };
    let result = reader.reply(id).expect("it reads");
    assert!(result == has_ended.then(|| answer(ticket)), "{number}");
    let content = reader.content(id).expect("it reads").map(|content| content.body);
    assert!(content == (!has_ended).then(|| body(number)), "{number}");
    assert_eq!(reader.accounts(id).expect("it reads").len(), usize::from(has_ended), "{number}");
    assert_eq!(
        reader.webhook(id).expect("it reads").is_some(),
        has_ended && ticket.webhook.is_some()
    );
    let kept = reader.lines(id).expect("it reads");
    assert!(kept == lines() || (kept.is_empty() && !has_ended), "{number}");
    let submission = submission(number);
    let Op::Submit { ticket: submitted, .. } = submission else { panic!("{submission:?}") };
    assert_eq!((&ticket.key, &ticket.webhook), (&submitted.key, &submitted.webhook));
}

/// Kills a process after so many acknowledged batches, and returns the last request that it
/// acknowledged.
fn kill_after(folder: &Path, batches: usize) -> u128 {
    #[expect(clippy::disallowed_methods, reason = "the process under test is started again")]
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "tests::killed::the_process_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).split(b'\n');
    let mut taken = Vec::new();
    let mut number = |line: Vec<u8>| {
        let line = String::from_utf8(line).expect("its output is text");
        taken.extend(line.strip_prefix(TAKEN).map(|last| last.parse::<u128>().expect("a number")));
        taken.len()
    };
    while number(lines.next().expect("it goes on until it is killed").expect("its output"))
        < batches
    {}
    child.kill().expect("it runs");
    // What it had written before it died was acknowledged as well, if the line is whole.
    let mut rest: Vec<_> = lines.map(|line| line.expect("its output")).collect();
    rest.pop();
    for line in rest {
        number(line);
    }
    child.wait().expect("it has ended");
    taken.into_iter().max().unwrap_or_default()
}

//= docs/contract.md#queue-durable
//= type=test
//# A submit MUST NOT be answered before the request is durable.
//= docs/contract.md#queue-restart
//= type=test
//# Accepted requests MUST survive the platform's death, and go on after its next start.
#[test]
fn every_acknowledged_request_survives_a_kill() {
    for batches in [1, 5, 60, 300] {
        let folder = folder();
        let last = kill_after(folder.path(), batches);
        assert!(last >= BATCH * u128::try_from(batches).unwrap());
        let mut store = open(folder.path());
        let mut reader = store.reader().expect("a reader");
        let found = reader.recent(None, u32::MAX).expect("it reads");
        assert!(found.len() >= usize::try_from(last).unwrap(), "{} of {last}", found.len());
        assert_eq!(found.len() % 8, 0, "a batch is kept whole or not at all");
        for (number, ticket) in (1..).zip(found.iter().rev()) {
            assert_eq!(ticket.id.bits(), number, "one is lost");
            check_request(&mut *reader, ticket);
        }
        check_files(folder.path(), &found);
        check_counts(&store, folder.path());
        commit(&mut store, Op::Recover { node: NODE, leases: None });
        let left = found.iter().filter(|ticket| !matches!(ticket.state, State::Done(_)));
        let mut expected: Vec<_> = left.map(|ticket| ticket.id.bits()).collect();
        expected.reverse();
        assert!(found.len() - expected.len() >= 3 * (batches - 1), "{} have ended", expected.len());
        assert_eq!(ids(&claimed(&mut store, u32::MAX, 1_000_000)), expected);
    }
}

/// There are as many files as large bodies.
fn check_files(folder: &Path, found: &[Ticket]) {
    let has_file = |ticket: &&Ticket| match ticket.state {
        State::Done(_) => answer(ticket).body.len() > 100,
        State::Waiting { .. } | State::Leased(_) => body(ticket.id.bits()).len() > 100,
    };
    let files = std::fs::read_dir(folder.join("queue.sqlite-bodies")).expect("the folder").count();
    assert_eq!(files, found.iter().filter(has_file).count());
}
