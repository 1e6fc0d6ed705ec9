//! A process that is killed while it commits.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

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
        store.commit(NOW, (first..=last).map(ticket).map(submit).collect()).expect("a commit");
        // A claim in between, so that rows move while the process dies.
        claimed(&mut store, 3, u64::try_from(first).unwrap());
        if writeln!(out, "\n{TAKEN}{last}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
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
        for number in 1..=last {
            let found = reader.ticket(&app(), RequestId::from_bits(number)).expect("it reads");
            assert!(found.is_some(), "{number} of {last} is lost");
        }
        let found = reader.recent(None, u32::MAX).expect("it reads").len();
        assert_eq!(found % 8, 0, "a batch is kept whole or not at all");
        check_counts(&store, folder.path());
        commit(&mut store, Op::Recover { node: NODE });
        let expected: Vec<_> = (1..=u128::try_from(found).unwrap()).collect();
        assert_eq!(ids(&claimed(&mut store, u32::MAX, 1_000_000)), expected);
    }
}
