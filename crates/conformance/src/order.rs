//! Submission, order and counting.

use std::time::Duration;

use fal_queue::{
    Priority, Ticket,
    store::{Backlog, Done, Op},
};
use fal_types::{Attempt, LeaseId};

use super::{
    Make,
    bench::{Bench, NODE, START, app, content, id, other_app, responded, ticket, told},
};

fn low(number: u128) -> Ticket {
    Ticket { priority: Priority::Low, ..ticket(number) }
}

fn foreign(number: u128) -> Ticket {
    Ticket { app: other_app(), ..ticket(number) }
}

fn submission(ticket: Ticket, max_ahead: Option<u64>) -> Op {
    let content = content(ticket.id.bits());
    Op::Submit { ticket, content, max_ahead }
}

//= docs/contract.md#queue-position
//= type=test
//# `queue_position` MUST be the number of waiting requests of the same app that will start
//# before this one.
pub(super) fn a_submit_counts_those_ahead(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    assert_eq!(bench.submit(ticket(1)), 0);
    assert_eq!(bench.submit(low(2)), 1, "a low one stands behind an ordinary one");
    assert_eq!(bench.submit(ticket(3)), 1, "an ordinary one stands before every low one");
    assert_eq!(bench.submit(low(4)), 3);
    assert_eq!((bench.ahead(1), bench.ahead(3), bench.ahead(2), bench.ahead(4)), (0, 1, 2, 3));
    assert_eq!(bench.claim(1).ids(), [id(1)]);
    assert_eq!(bench.submit(ticket(5)), 1, "one that runs is not ahead");
    assert_eq!((bench.ahead(1), bench.ahead(3), bench.ahead(2), bench.ahead(4)), (0, 0, 2, 3));
}

//= docs/contract.md#queue-submit
//= type=test
//# With `fal_max_queue_length` a submit MUST get 429 when more requests than that are waiting.
pub(super) fn a_full_queue_refuses(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    bench.submit(low(3));
    let full = bench.commit(submission(ticket(4), Some(2)));
    assert_eq!(full, Done::QueueFull { waiting: 3 }, "those that it would overtake count too");
    assert_eq!(bench.find(&app(), id(4)), None, "what is refused is not kept");
    assert_eq!(bench.recent(None, 9), [id(3), id(2), id(1)]);
    bench.claim(1);
    let taken = bench.commit(submission(ticket(4), Some(2)));
    assert_eq!(taken, Done::Submitted { ahead: 1 }, "as many as allowed may wait");
    let full = bench.commit(submission(low(5), Some(2)));
    assert_eq!(full, Done::QueueFull { waiting: 3 });
    let empty = bench.commit(submission(foreign(5), Some(0)));
    assert_eq!(empty, Done::Submitted { ahead: 0 }, "another app's queue is its own");
}

pub(super) fn an_id_is_taken_once(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let before = bench.ticket(1);
    assert_eq!(bench.commit(submission(low(1), None)), Done::Duplicate);
    assert_eq!(bench.commit(submission(foreign(1), None)), Done::Duplicate, "in another app too");
    assert_eq!(bench.commit(submission(ticket(1), Some(0))), Done::Duplicate, "before it is full");
    assert_eq!(bench.ticket(1), before);
    assert_eq!(bench.find(&other_app(), id(1)), None);
    assert_eq!(bench.recent(None, 9), [id(1)]);
    let twice = bench.batch(vec![submission(ticket(2), None), submission(ticket(2), None)]);
    assert_eq!(twice, [Done::Submitted { ahead: 1 }, Done::Duplicate]);
    let leased = bench.claim_one();
    bench.settle(&leased, responded(200), None);
    assert_eq!(bench.commit(submission(ticket(1), None)), Done::Duplicate, "and after its end");
}

//= docs/contract.md#queue-order
//= type=test
//# Requests of one app MUST start in the order of their submits within a priority, and `low`
//# ones after every `normal` one.
pub(super) fn first_in_first_out(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    // Neither the ids nor the moments of submission say the order.
    bench.submit_all([7, 3]);
    bench.submit(Ticket { submitted: START + Duration::from_secs(9), ..ticket(5) });
    bench.submit_all([1, 9]);
    assert_eq!(bench.claim(3).ids(), [id(7), id(3), id(5)]);
    assert_eq!(bench.claim(9).ids(), [id(1), id(9)]);
    assert_eq!(bench.claim(9).ids(), []);
}

//= docs/contract.md#queue-order
//= type=test
//# Requests of one app MUST start in the order of their submits within a priority, and `low`
//# ones after every `normal` one.
pub(super) fn low_priority_goes_last(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(low(1));
    bench.submit(ticket(2));
    bench.submit(low(3));
    bench.submit(ticket(4));
    assert_eq!(bench.claim(3).ids(), [id(2), id(4), id(1)]);
    bench.submit(ticket(5));
    assert_eq!(bench.claim(9).ids(), [id(5), id(3)], "a new ordinary one overtakes");
}

//= docs/contract.md#retry-backoff
//= type=test
//# A request that waits for its retry MUST be `IN_QUEUE`.
pub(super) fn what_is_not_due_is_passed_over(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    let leased = bench.claim_one();
    bench.requeue(&leased, 10);
    assert_eq!(bench.claim(1).ids(), [id(2)]);
    bench.wait(9);
    assert_eq!(bench.claim(1).ids(), []);
    bench.wait(1);
    assert_eq!(bench.claim(1).ids(), [id(1)], "it is due from that very moment");
}

//= docs/contract.md#queue-order
//= type=test
//# A request that goes again keeps the place that its submit gave it.
pub(super) fn a_retry_keeps_its_place(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    let leased = bench.claim_one();
    assert_eq!((bench.ahead(2), bench.ahead(3)), (0, 1));
    bench.requeue(&leased, 5);
    assert_eq!((bench.ahead(1), bench.ahead(2), bench.ahead(3)), (0, 1, 2));
    bench.wait(5);
    assert_eq!(bench.claim(9).ids(), [id(1), id(2), id(3)]);
}

pub(super) fn operations_of_a_batch_apply_in_order(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let (lease, request, attempt) = (LeaseId::new(50), id(1), Attempt::FIRST);
    let claim = Op::Claim { app: app(), max: 1, node: NODE, leases_from: lease };
    let ruling = responded(200);
    let (told, lines) = (told(1), Vec::new());
    let settle = Op::Settle { request, lease, attempt, ruling, told, lines, reply: None };
    let cancel = Op::Cancel { app: app(), request: id(2) };
    let answers = bench.batch(vec![
        submission(ticket(1), None),
        settle.clone(),
        claim.clone(),
        submission(ticket(2), Some(0)),
        settle.clone(),
        settle,
        cancel,
        claim,
    ]);
    let names: Vec<_> = answers.iter().map(name).collect();
    let expected = "submitted stale claimed:1 submitted settled stale cancelled claimed:0";
    assert_eq!(names.join(" "), expected);
}

fn name(done: &Done) -> String {
    match done {
        Done::Submitted { .. } => "submitted".to_owned(),
        Done::QueueFull { .. } => "full".to_owned(),
        Done::Duplicate => "duplicate".to_owned(),
        Done::Repeated { .. } => "repeated".to_owned(),
        Done::KeyTaken { .. } => "taken".to_owned(),
        Done::Noted => "noted".to_owned(),
        Done::Beaten { .. } => "beaten".to_owned(),
        Done::Collected { .. } => "collected".to_owned(),
        Done::Claimed { batch, .. } => format!("claimed:{}", batch.len()),
        Done::Settled(_) => "settled".to_owned(),
        Done::Stale => "stale".to_owned(),
        Done::Cancelled(_) => "cancelled".to_owned(),
        Done::Recovered { .. } => "recovered".to_owned(),
        Done::Swept { .. } => "swept".to_owned(),
    }
}

pub(super) fn a_large_batch_is_one_commit(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    assert_eq!(bench.batch(Vec::new()), []);
    let answers = bench.batch((0..600).map(|number| submission(ticket(number), None)).collect());
    let expected: Vec<_> = (0..600).map(|ahead| Done::Submitted { ahead }).collect();
    assert_eq!(answers, expected);
    let claimed = bench.claim(1_000);
    assert_eq!(claimed.ids(), (0..600).map(id).collect::<Vec<_>>());
    assert_eq!(claimed.backlog, Backlog::default());
}

pub(super) fn apps_do_not_touch_each_other(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let overdue = Some(START);
    bench.submit(ticket(1));
    assert_eq!(bench.submit(foreign(2)), 0);
    bench.submit(Ticket { start_deadline: overdue, ..foreign(3) });
    let claimed = bench.claim(9);
    assert_eq!((claimed.ids(), claimed.deadlines), (vec![id(1)], vec![]));
    assert_eq!(claimed.backlog, Backlog::default());
    assert_eq!(bench.backlog(&other_app()).waiting, 2);
    let claimed = bench.claim_for(other_app(), 9, NODE);
    assert_eq!((claimed.ids(), claimed.deadlines), (vec![id(2)], vec![id(3)]));
    assert_eq!(bench.find(&app(), id(2)), None);
    assert_eq!(bench.recent(Some(&app()), 9), [id(1)]);
    assert_eq!(bench.recent(Some(&other_app()), 9), [id(3), id(2)]);
}

pub(super) fn the_backlog_is_what_waits(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    assert_eq!(bench.backlog(&app()), Backlog::default());
    bench.submit_all([1, 2]);
    let backlog = bench.backlog(&app());
    assert_eq!(backlog.waiting, 2);
    assert!(backlog.next_due.is_some_and(|due| due <= bench.now), "a new request is due at once");
    let claimed = bench.claim(2);
    assert_eq!(claimed.backlog, Backlog::default());
    for ((ticket, _), seconds) in claimed.batch.iter().zip([30, 20]) {
        bench.requeue(ticket, seconds);
    }
    let next_due = Some(bench.now + Duration::from_secs(20));
    assert_eq!(bench.backlog(&app()), Backlog { waiting: 2, next_due });
    assert_eq!(bench.claim(9).backlog, Backlog { waiting: 2, next_due }, "and so a claim says");
    bench.cancel(app(), id(2));
    let next_due = Some(bench.now + Duration::from_secs(30));
    assert_eq!(bench.backlog(&app()), Backlog { waiting: 1, next_due });
}

pub(super) fn recent_shows_the_newest_first(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    assert_eq!(bench.recent(None, 9), []);
    bench.submit_all([5, 3]);
    bench.submit(foreign(4));
    bench.submit(low(8));
    let leased = bench.claim_one();
    bench.settle(&leased, responded(200), None);
    assert_eq!(bench.recent(None, 9), [id(8), id(4), id(3), id(5)], "whatever their state");
    assert_eq!(bench.recent(None, 2), [id(8), id(4)]);
    assert_eq!(bench.recent(Some(&app()), 2), [id(8), id(3)]);
    assert_eq!(bench.recent(None, 0), []);
}
