//! Results, cancellation, deadlines and retention.

use std::time::Duration;

use fal_queue::{
    Ending, Keep, Ruling, State, Ticket,
    store::{CancelAnswer, Done},
};
use fal_types::{Moment, Problem, Status};

use super::{
    Make,
    bench::{Bench, START, app, id, other_app, reply, responded, ticket},
};

const CANCELLED: State = State::Done(Ending::Cancelled);
const OVERDUE: State = State::Done(Ending::Failed(Problem::StartDeadline));

/// A ticket that may not start any more after so many seconds.
fn hurried(number: u128, seconds: u64) -> Ticket {
    Ticket { start_deadline: Some(START + Duration::from_secs(seconds)), ..ticket(number) }
}

fn expiry(finished: Moment, bytes: usize) -> Option<Moment> {
    Some(finished + Keep::default().retention(bytes))
}

pub(super) fn a_reply_comes_back(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let mut odd = reply(999, &every_byte);
    odd.headers = vec![
        ("X-Twice".to_owned(), every_byte),
        ("x-twice".to_owned(), Vec::new()),
        ("X-Twice".to_owned(), b"2".to_vec()),
    ];
    let mut empty = reply(204, b"");
    empty.headers.clear();
    let replies = [odd, empty, reply(200, &vec![7; 300_000])];
    for ((number, reply), (leased, _)) in (1..).zip(&replies).zip(bench.claim(9).batch) {
        assert_eq!(bench.reply(number), None, "there is none before the end");
        let ruling = Ruling::Finish(Ending::Responded(reply.status));
        let done = bench.settle(&leased, ruling, Some(reply.clone()));
        assert!(bench.reply(number).as_ref() == Some(reply), "bytes, order and spelling");
        let ticket = bench.ticket(number);
        assert_eq!(ticket.state, State::Done(Ending::Responded(reply.status)));
        assert_eq!(ticket.expires, expiry(bench.now, reply.body.len()));
        assert_eq!(done, Done::Settled(Box::new(ticket)));
    }
    assert_eq!(bench.reply(4), None, "nor for an unknown request");
}

pub(super) fn a_reply_without_an_answer_is_not_kept(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    let given = Some(reply(503, b"try again"));
    let leased = bench.claim_one();
    let again = Ruling::Again { charge: None, not_before: bench.now };
    bench.settle(&leased, again, given.clone());
    assert_eq!(bench.reply(1), None);
    let leased = bench.claim_one();
    bench.settle(&leased, Ruling::Finish(Ending::Failed(Problem::Disconnected)), None);
    assert_eq!(bench.reply(1), None);
    let ticket = bench.ticket(1);
    assert_eq!(ticket.state, State::Done(Ending::Failed(Problem::Disconnected)));
    assert_eq!(ticket.expires, expiry(bench.now, 0));
    let leased = bench.claim_one();
    bench.cancel(app(), id(2));
    bench.settle(&leased, again, given);
    assert_eq!((bench.ticket(2).state, bench.reply(2)), (CANCELLED, None));
}

pub(super) fn what_the_platform_says_of_a_failure_is_kept(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1]);
    let leased = bench.claim_one();
    let said = Some(reply(503, b"two runners died with it"));
    bench.settle(&leased, Ruling::Finish(Ending::Failed(Problem::Disconnected)), said.clone());
    assert_eq!(bench.reply(1), said);
}

//= docs/contract.md#queue-cancel
//= type=test
//# A waiting request that is cancelled MUST NOT start, and its result is 499
//# `client_cancelled`.
pub(super) fn a_waiting_request_is_cancelled(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    bench.wait(3);
    assert_eq!(bench.cancel(app(), id(2)), CancelAnswer::Cancelled);
    let ticket = bench.ticket(2);
    assert_eq!((ticket.state, ticket.cancel_requested), (CANCELLED, true));
    assert_eq!((ticket.finished, ticket.expires), (Some(bench.now), expiry(bench.now, 0)));
    let ahead = (bench.ahead(1), bench.ahead(2), bench.ahead(3));
    assert_eq!(ahead, (0, 0, 1), "it waits for nobody and is in nobody's way");
    assert_eq!(bench.claim(9).ids(), [id(1), id(3)], "it never runs");
}

pub(super) fn a_running_request_is_signalled(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let leased = bench.claim_one();
    assert_eq!(bench.cancel(app(), id(1)), CancelAnswer::Signalled);
    let asked = Ticket { cancel_requested: true, ..leased.clone() };
    assert_eq!(bench.ticket(1), asked);
    assert_eq!(bench.cancel(app(), id(1)), CancelAnswer::Signalled, "and again");
    assert_eq!(bench.ticket(1), asked);
    let answer = reply(200, b"done all the same");
    bench.settle(&leased, responded(200), Some(answer.clone()));
    assert_eq!(bench.ticket(1).state, State::Done(Ending::Responded(Status::new(200))));
    assert_eq!(bench.reply(1), Some(answer), "the runner's answer stands");
}

//= docs/contract.md#queue-cancel
//= type=test
//# A cancelled request MUST NOT be retried.
pub(super) fn a_cancelled_request_never_starts_again(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let leased = bench.claim_one();
    bench.cancel(app(), id(1));
    bench.requeue(&leased, 0);
    let ticket = bench.ticket(1);
    assert_eq!((ticket.state, ticket.finished), (CANCELLED, Some(bench.now)));
    assert_eq!(ticket.spent, leased.spent, "a retry that is not made is not charged");
    assert_eq!(bench.claim(9).ids(), []);
}

pub(super) fn an_ended_request_is_not_cancelled(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    let leased = bench.claim_one();
    bench.settle(&leased, responded(200), Some(reply(200, b"1")));
    bench.cancel(app(), id(2));
    let before = (bench.ticket(1), bench.ticket(2));
    bench.wait(1);
    assert_eq!(bench.cancel(app(), id(1)), CancelAnswer::AlreadyCompleted);
    assert_eq!(bench.cancel(app(), id(2)), CancelAnswer::AlreadyCompleted);
    assert_eq!((bench.ticket(1), bench.ticket(2)), before);
    assert_eq!(bench.reply(1), Some(reply(200, b"1")));
}

pub(super) fn an_unknown_request_is_not_cancelled(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    assert_eq!(bench.cancel(app(), id(2)), CancelAnswer::Unknown);
    assert_eq!(bench.find(&app(), id(2)), None);
}

pub(super) fn another_apps_request_is_unknown(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    bench.claim(1);
    let before = (bench.ticket(1), bench.ticket(2));
    for number in [1, 2] {
        assert_eq!(bench.cancel(other_app(), id(number)), CancelAnswer::Unknown);
        assert_eq!(bench.find(&other_app(), id(number)), None);
    }
    assert_eq!((bench.ticket(1), bench.ticket(2)), before);
}

pub(super) fn a_claim_ends_what_is_overdue(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    for ticket in [hurried(1, 10), ticket(2), hurried(3, 11), hurried(4, 10), hurried(5, 10)] {
        bench.submit(ticket);
    }
    bench.wait(10);
    let claimed = bench.claim(2);
    assert_eq!((claimed.ids(), claimed.deadlines), (vec![id(2), id(3)], vec![id(1)]));
    assert_eq!(claimed.backlog.waiting, 2, "those behind the last one are left to the next claim");
    let leases: Vec<_> = claimed.batch.iter().map(|(ticket, _)| ticket.started).collect();
    assert_eq!(leases, [Some(bench.now); 2]);
    let ended = bench.ticket(1);
    assert_eq!((ended.state, ended.attempts), (OVERDUE, 0));
    assert_eq!((ended.finished, ended.expires), (Some(bench.now), expiry(bench.now, 0)));
    let claimed = bench.claim(1);
    assert_eq!((claimed.ids(), claimed.deadlines), (vec![], vec![id(4), id(5)]));
    assert_eq!(claimed.backlog.waiting, 0);
}

//= docs/contract.md#start-deadline
//= type=test
//# A request that has not started by its start deadline MUST end with 504 and `X-Fal-Request-Timeout-Type: user`.
pub(super) fn a_sweep_ends_what_is_overdue(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let foreign = Ticket { app: other_app(), ..hurried(4, 4) };
    for ticket in [hurried(1, 5), hurried(2, 9), hurried(3, 5), foreign, ticket(5)] {
        bench.submit(ticket);
    }
    let at = |seconds| Some(START + Duration::from_secs(seconds));
    bench.sweep_checked(9, &(vec![], 0, at(4)));
    bench.wait(5);
    bench.sweep_checked(9, &(vec![id(4), id(1), id(3)], 0, at(9)));
    let ended = bench.ticket(1);
    assert_eq!((ended.state, ended.finished), (OVERDUE, Some(bench.now)));
    assert_eq!(ended.expires, expiry(bench.now, 0));
    bench.wait(4);
    bench.sweep_checked(9, &(vec![id(2)], 0, ended.expires));
    assert_eq!(bench.claim(9).ids(), [id(5)]);
}

//= docs/contract.md#start-deadline
//= type=test
//# A start deadline MUST NOT touch a runner and is never retried.
pub(super) fn a_deadline_spares_what_runs(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(hurried(1, 5));
    let leased = bench.claim_one();
    bench.wait(5);
    bench.sweep_checked(9, &(vec![], 0, None));
    assert_eq!(bench.ticket(1), leased);
    bench.requeue(&leased, 10);
    let at = Some(START + Duration::from_secs(5));
    assert_eq!(bench.claim(9).deadlines, [], "one that is not due is not on the way of a claim");
    assert_eq!(bench.ticket(1).next_deadline(), at);
    let (deadlines, ..) = bench.sweep(9);
    assert_eq!(deadlines, [id(1)], "the time of its attempts counts");
    assert_eq!((bench.ticket(1).state, bench.ticket(1).attempts), (OVERDUE, 1));
}

//= docs/contract.md#retention
//= type=test
//# After that it MUST be answered as unknown.
pub(super) fn expired_results_are_removed(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    let claimed = bench.claim(2).batch;
    for (leased, _) in &claimed {
        bench.settle(leased, responded(200), Some(reply(200, b"1")));
        bench.wait(60);
    }
    let (first, second) = (bench.ticket(1), bench.ticket(2));
    bench.now = first.expires.expect("it has ended");
    bench.sweep_checked(9, &(vec![], 1, second.expires));
    assert_eq!((bench.find(&app(), id(1)), bench.reply(1)), (None, None));
    assert_eq!(bench.ticket(2), second);
    assert!(bench.reply(2).is_some(), "the other's result is still there");
    assert_eq!(bench.cancel(app(), id(1)), CancelAnswer::Unknown);
    bench.wait(600_000);
    bench.sweep_checked(9, &(vec![], 1, None));
    assert_eq!(bench.recent(None, 9), [id(3)]);
}

pub(super) fn large_results_expire_sooner(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let keep = Keep::default();
    bench.submit_all([1, 2]);
    let claimed = bench.claim(2).batch;
    for ((leased, _), bytes) in claimed.iter().zip([keep.large_from - 1, keep.large_from]) {
        bench.settle(leased, responded(200), Some(reply(200, &vec![b'x'; bytes])));
    }
    assert_eq!(bench.ticket(1).expires, Some(bench.now + keep.small));
    assert_eq!(bench.ticket(2).expires, Some(bench.now + keep.large));
    bench.now = bench.now + keep.large;
    let next = bench.ticket(1).expires;
    bench.sweep_checked(9, &(vec![], 1, next));
    assert_eq!(bench.recent(None, 9), [id(1)]);
}

pub(super) fn a_sweep_keeps_to_its_limit(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    // The one that must end first was submitted last.
    for number in 1..=3 {
        bench.submit(hurried(number, 10 - u64::try_from(number).unwrap_or(0)));
    }
    bench.submit_all([4, 5, 6]);
    bench.wait(2);
    for number in [6, 4, 5] {
        bench.cancel(app(), id(number));
        bench.wait(1);
    }
    bench.wait(60);
    bench.sweep_checked(0, &(vec![], 0, hurried(3, 7).start_deadline));
    bench.sweep_checked(2, &(vec![id(3), id(2)], 0, hurried(1, 9).start_deadline));
    let next = bench.ticket(5).expires;
    bench.wait(60 * 60);
    bench.sweep_checked(2, &(vec![id(1)], 2, next));
    assert_eq!(bench.recent(None, 9), [id(1)]);
}
