//! What is kept beside a ticket: its attempts, what was printed, its input.

use std::time::Duration;

use fal_queue::{
    Account, Lease, Ruling, Storage, Ticket, Told,
    store::{Done, Line, Op},
};
use fal_types::{Attempt, RequestId};

use super::{
    Make,
    bench::{
        Bench, NODE, app, content, id, lease_of, line, reply, responded, settlement, ticket, told,
    },
};

fn accounts(bench: &mut Bench, request: RequestId) -> Vec<Account> {
    bench.reader().accounts(request).expect("attempts can be read")
}

fn lines(bench: &mut Bench, request: RequestId) -> Vec<Line> {
    bench.reader().lines(request).expect("lines can be read")
}

//= docs/contract.md#attempts
//= type=test
//# Of every attempt the runner, the start, the end, the outcome and the verdict MUST be kept for
//# as long as the request is.
pub(super) fn every_attempt_is_kept(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let mut expected = Vec::new();
    for number in 1..=3_u16 {
        let started = bench.now;
        let leased = bench.claim_one();
        assert_eq!(accounts(&mut bench, id(1)), expected, "one that runs is not over");
        bench.wait(1);
        let ended = bench.now;
        let not_before = ended + Duration::from_secs(5);
        let (ruling, next) = match number {
            3 => (responded(200), None),
            _ => (Ruling::Again { charge: None, not_before }, Some(not_before)),
        };
        bench.settle(&leased, ruling, None);
        let told = told(u32::from(number));
        let attempt = Attempt::new(number);
        expected.push(Account { attempt, node: NODE, started, ended, next, told });
        bench.wait(5);
    }
    assert_eq!(accounts(&mut bench, id(1)), expected);
    assert_eq!(accounts(&mut bench, id(2)), []);
}

pub(super) fn a_lost_attempt_is_kept(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let started = bench.now;
    bench.claim_one();
    bench.wait(9);
    bench.commit(Op::Recover { node: NODE, leases: None });
    let account = Account {
        attempt: Attempt::FIRST,
        node: NODE,
        started,
        ended: bench.now,
        next: Some(bench.now),
        told: Told::lost(),
    };
    assert_eq!(accounts(&mut bench, id(1)), [account]);
}

fn note(leased: &Ticket, lines: Vec<Line>) -> Op {
    let Lease { id: lease, attempt, .. } = lease_of(leased);
    Op::Note { request: leased.id, lease, attempt, lines }
}

fn with_lines(leased: &Ticket, ruling: Ruling, lines: Vec<Line>) -> Op {
    settlement(leased, ruling, lines, None)
}

pub(super) fn lines_are_kept_in_order(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    let leased = bench.claim_one();
    assert_eq!(lines(&mut bench, id(1)), []);
    let texts = ["a\tb", "", "größe \u{fffd}\r", "\\n"];
    let all: Vec<_> = (0..).zip(texts).map(|(seconds, text)| line(seconds, text)).collect();
    let (first, last) = all.split_at(2);
    assert_eq!(bench.commit(note(&leased, first.to_vec())), Done::Noted);
    assert_eq!(lines(&mut bench, id(1)), first);
    assert_eq!(bench.commit(note(&leased, vec![])), Done::Noted);
    let not_before = bench.now;
    let again = Ruling::Again { charge: None, not_before };
    bench.commit(with_lines(&leased, again, last.to_vec()));
    let leased = bench.claim_one();
    bench.commit(with_lines(&leased, responded(200), first.to_vec()));
    assert_eq!(lines(&mut bench, id(1)), [first, last, first].concat());
    assert_eq!(lines(&mut bench, id(2)), []);
}

//= docs/contract.md#queue-fencing
//= type=test
//# A result of an attempt whose lease is no longer current MUST change nothing.
pub(super) fn a_late_line_changes_nothing(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let late = bench.claim_one();
    bench.commit(Op::Recover { node: NODE, leases: None });
    assert_eq!(bench.commit(note(&late, vec![line(1, "late")])), Done::Stale);
    let leased = bench.claim_one();
    assert_eq!(bench.commit(note(&late, vec![line(2, "late")])), Done::Stale);
    assert_eq!(bench.commit(with_lines(&late, responded(200), vec![line(3, "late")])), Done::Stale);
    bench.commit(with_lines(&leased, responded(200), vec![line(4, "in time")]));
    assert_eq!(bench.commit(note(&leased, vec![line(5, "after the end")])), Done::Stale);
    assert_eq!(lines(&mut bench, id(1)), [line(4, "in time")]);
    assert_eq!(accounts(&mut bench, id(1)).len(), 2, "the lost one and the last one");
}

pub(super) fn the_input_is_kept_where_it_is_wanted(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let stored = Ticket { storage: Storage::Long, ..ticket(2) };
    bench.submit(ticket(1));
    bench.submit(stored);
    let read = |bench: &mut Bench, number| {
        bench.reader().content(id(number)).expect("an input can be read")
    };
    assert_eq!(read(&mut bench, 1), Some(content(1)), "while it waits");
    for (leased, _) in bench.claim(2).batch {
        bench.settle(&leased, responded(200), Some(reply(200, b"1")));
    }
    assert_eq!(read(&mut bench, 1), None);
    assert_eq!(read(&mut bench, 2), Some(content(2)));
    assert_eq!(read(&mut bench, 3), None);
    let kept = fal_queue::Keep::default().stored;
    assert_eq!(bench.ticket(2).expires, Some(bench.now + kept));
    bench.now = bench.now + kept;
    bench.sweep(9);
    assert_eq!(bench.find(&app(), id(2)), None);
}
