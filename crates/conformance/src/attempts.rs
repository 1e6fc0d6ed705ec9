//! Leases: what they carry, and what they fence off.

use std::time::Duration;

use fal_queue::{
    CallerRules, Ending, Key, Lease, NodeId, Priority, Ruling, State, Storage, Ticket,
    store::{Content, Done, Op},
};
use fal_types::{Attempt, Condition, LeaseId, Moment, PerCondition, Spent, Status};

use super::{
    Make,
    bench::{
        Bench, NODE, START, app, content, id, lease_of, line, other_app, reply, responded, ticket,
        told,
    },
};

pub(super) fn every_field_comes_back(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let budgets = PerCondition { server_error: Some(0), timeout: None, connection_error: Some(9) };
    let full = Ticket {
        start_deadline: Some(START + Duration::from_micros(1_234_567)),
        caller: CallerRules { no_retry: true, budgets: Some(budgets) },
        key: Some(Key { text: "größe\n'".to_owned(), digest: [7; 32] }),
        webhook: Some("https://example.com/hook?a=b".to_owned()),
        storage: Storage::Long,
        hint: Some("größe, \t and \"quotes\"".to_owned()),
        ..Ticket::new(id(u128::MAX), app(), "/a b/%20?", Priority::Low, START)
    };
    let caller = CallerRules { no_retry: false, budgets: Some(PerCondition::default()) };
    let bare = Ticket { path: String::new(), caller, hint: Some(String::new()), ..ticket(0) };
    bench.submit(full.clone());
    bench.submit(bare.clone());
    bench.submit(ticket(7));
    assert_eq!(bench.find(&app(), full.id), Some(full.clone()));
    assert_eq!(bench.find(&app(), bare.id), Some(bare.clone()));
    assert_eq!(bench.ticket(7), ticket(7));
    let claimed = bench.claim(9).batch;
    let back: Vec<_> = claimed.into_iter().map(|(ticket, _)| unleased(ticket)).collect();
    assert_eq!(back, [bare, ticket(7), full], "a claim hands out the same");
}

/// What a ticket of one attempt was before it was claimed.
fn unleased(ticket: Ticket) -> Ticket {
    let state = State::Waiting { not_before: Moment::from_micros(0) };
    Ticket { state, attempts: 0, started: None, ..ticket }
}

pub(super) fn what_is_forwarded_comes_back(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let contents = [
        Content::default(),
        Content { headers: Vec::new(), body: every_byte.clone() },
        Content {
            headers: vec![
                ("X-Twice".to_owned(), b"1".to_vec()),
                ("x-twice".to_owned(), every_byte),
                ("X-Twice".to_owned(), Vec::new()),
            ],
            body: vec![0; 300_000],
        },
    ];
    for (number, content) in (1..).zip(contents.clone()) {
        let ticket = ticket(number);
        let done = bench.commit(Op::Submit { ticket, content, max_ahead: None });
        assert!(matches!(done, Done::Submitted { .. }), "{done:?}");
    }
    let claimed = bench.claim(9).batch;
    let back: Vec<_> = claimed.iter().map(|(_, content)| content.clone()).collect();
    assert!(back == contents, "bytes, order and spelling stay as they were");
    let (first, _) = claimed.into_iter().nth(1).expect("three were claimed");
    bench.requeue(&first, 0);
    let again = bench.claim(9).batch.pop().map(|(_, content)| content);
    assert!(again.as_ref() == contents.get(1), "and a retry gets the same");
}

pub(super) fn a_claim_leases(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    bench.wait(5);
    let (node, leases_from) = (NodeId(u64::MAX), LeaseId::new(70));
    let done = bench.commit(Op::Claim { app: app(), max: 2, node, leases_from });
    let batch = if let Done::Claimed { batch, .. } = done { batch } else { Vec::new() };
    assert_eq!(batch.len(), 2);
    for ((number, lease), (leased, forwarded)) in [(1, 70), (2, 71)].into_iter().zip(&batch) {
        let (lease, attempt, since) = (LeaseId::new(lease), Attempt::FIRST, bench.now);
        let expected = Lease { id: lease, attempt, node, since };
        assert_eq!(lease_of(leased), expected);
        assert_eq!((leased.id, leased.attempts), (id(number), 1));
        assert_eq!((leased.started, leased.finished), (Some(bench.now), None));
        assert_eq!(*forwarded, content(number));
        assert_eq!(bench.ticket(number), *leased, "a reader sees the same ticket");
    }
    assert_eq!(bench.claim(0).ids(), [], "no slot, no ticket");
    assert_eq!(bench.claim(9).ids(), [id(3)], "what is leased is not handed out again");
}

//= docs/contract.md#queue-fencing
//= type=test
//# A result of an attempt whose lease is no longer current MUST change nothing.
pub(super) fn a_stale_settlement_changes_nothing(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    let leased = bench.claim_one();
    let held = lease_of(&leased);
    let (lease, attempt, ruling) = (held.id, held.attempt, responded(200));
    let settle = |request, lease, attempt| {
        let (told, lines) = (told(1), vec![line(1, "late")]);
        Op::Settle { request, lease, attempt, ruling, told, lines, reply: None }
    };
    for (name, op) in [
        ("another lease", settle(id(1), LeaseId::new(lease.number() + 1), attempt)),
        ("another attempt", settle(id(1), lease, attempt.next())),
        ("a request that waits", settle(id(2), lease, attempt)),
        ("an unknown request", settle(id(3), lease, attempt)),
    ] {
        assert_eq!(bench.commit(op), Done::Stale, "{name}");
        assert_eq!(bench.ticket(1), leased, "{name}");
        assert_eq!(bench.ticket(2), ticket(2), "{name}");
    }
    let done = bench.settle(&leased, ruling, None);
    assert!(matches!(done, Done::Settled(_)), "{done:?}");
    let ended = bench.ticket(1);
    assert_eq!(bench.settle(&leased, responded(500), None), Done::Stale, "settled already");
    assert_eq!(bench.ticket(1), ended);
}

//= docs/contract.md#queue-fencing
//= type=test
//# A result of an attempt whose lease is no longer current MUST change nothing.
pub(super) fn an_old_attempt_changes_nothing(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let first = bench.claim_one();
    bench.requeue(&first, 0);
    let late = reply(200, b"late");
    assert_eq!(bench.settle(&first, responded(200), Some(late.clone())), Done::Stale);
    let second = bench.claim_one();
    assert_eq!(lease_of(&second).attempt, Attempt::new(2));
    assert_eq!(bench.settle(&first, responded(200), Some(late)), Done::Stale);
    assert_eq!((bench.ticket(1), bench.reply(1)), (second, None));
}

//= docs/contract.md#retry-budget
//= type=test
//# Every automatic retry MUST count against the budget, whatever caused it.
pub(super) fn a_retry_is_charged(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(ticket(1));
    let charges = [Some(Condition::ServerError), None, Some(Condition::Timeout)];
    let mut expected = Spent::default();
    for charge in charges {
        let leased = bench.claim_one();
        let not_before = bench.now + Duration::from_secs(1);
        let done = bench.settle(&leased, Ruling::Again { charge, not_before }, None);
        expected = expected.charge(charge);
        let ticket = bench.ticket(1);
        assert_eq!(ticket.spent, expected);
        assert_eq!(ticket.state, State::Waiting { not_before });
        assert_eq!((ticket.started, ticket.finished), (leased.started, None));
        assert_eq!(done, Done::Settled(Box::new(ticket)), "the answer is the ticket since");
        bench.wait(1);
    }
    let leased = bench.claim_one();
    assert_eq!((leased.attempts, leased.spent), (4, expected));
    bench.wait(1);
    bench.settle(&leased, responded(503), None);
    let ended = bench.ticket(1);
    assert_eq!(ended.state, State::Done(Ending::Responded(Status::new(503))));
    assert_eq!((ended.attempts, ended.spent), (4, expected));
    assert_eq!((ended.started, ended.finished), (leased.started, Some(bench.now)));
}

pub(super) fn an_attempt_given_back_is_not_charged(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    let leased = bench.claim_one();
    let done = bench.settle(&leased, Ruling::GiveBack, None);
    let back = bench.ticket(1);
    assert!(back.is_due(bench.now), "it need not wait");
    assert_eq!((back.attempts, back.spent), (1, Spent::default()));
    assert_eq!(done, Done::Settled(Box::new(back)));
    assert_eq!(bench.settle(&leased, responded(200), None), Done::Stale);
    let again = bench.claim_one();
    assert_eq!(again.id, id(1), "it keeps its place");
    bench.cancel(app(), id(1));
    bench.settle(&again, Ruling::GiveBack, None);
    assert_eq!(bench.ticket(1).state, State::Done(Ending::Cancelled));
}

//= docs/contract.md#queue-restart
//= type=test
//# An attempt that the platform's own death cut MUST NOT be charged to its request.
pub(super) fn a_lost_attempt_is_not_charged(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    let claimed = bench.claim(2).batch;
    bench.cancel(app(), id(2));
    bench.wait(1);
    assert_eq!(
        bench.commit(Op::Recover { node: NODE, leases: None }),
        Done::Recovered { tickets: 2 }
    );
    let back = bench.ticket(1);
    assert!(back.is_due(bench.now), "it need not wait");
    assert_eq!((back.attempts, back.spent), (1, Spent::default()));
    assert_eq!(bench.ticket(2).state, State::Done(Ending::Cancelled), "its caller gave it up");
    for (lost, _) in &claimed {
        assert_eq!(bench.settle(lost, responded(200), None), Done::Stale);
    }
    assert_eq!(
        bench.commit(Op::Recover { node: NODE, leases: None }),
        Done::Recovered { tickets: 0 }
    );
    let again = bench.claim_one();
    assert_eq!(again.id, id(1), "it keeps its place");
    assert_eq!(lease_of(&again).attempt, Attempt::new(2), "the lost attempt keeps its number");
}

pub(super) fn recovery_leaves_other_nodes_alone(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    bench.submit(Ticket { app: other_app(), ..ticket(3) });
    bench.claim_for(app(), 1, NodeId(2));
    bench.claim_for(app(), 1, NODE);
    bench.claim_for(other_app(), 1, NODE);
    let kept = bench.ticket(1);
    assert_eq!(
        bench.commit(Op::Recover { node: NodeId(3), leases: None }),
        Done::Recovered { tickets: 0 }
    );
    let recovered = bench.commit(Op::Recover { node: NODE, leases: None });
    assert_eq!(recovered, Done::Recovered { tickets: 2 }, "in every app");
    assert_eq!(bench.ticket(1), kept);
    assert_eq!(bench.claim(9).ids(), [id(2)]);
}
