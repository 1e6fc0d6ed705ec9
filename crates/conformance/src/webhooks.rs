//! Webhooks: when each is due, and who may say how it went.

use std::time::Duration;

use fal_queue::{
    Keep, Ticket,
    store::{CancelAnswer, Delivery, Done, Op, Sent, Webhook},
};
use fal_types::{Moment, RequestId};

use super::{
    Make,
    bench::{Bench, app, id, reply, responded, ticket, unexpected},
};

const URL: &str = "https://example.com/hook";

const HOLD: Duration = Duration::from_secs(20);

fn hooked(number: u128) -> Ticket {
    Ticket { webhook: Some(URL.to_owned()), ..ticket(number) }
}

fn collect(bench: &mut Bench, max: u32) -> (Vec<(RequestId, u32, u32)>, Option<Moment>) {
    let done = bench.commit(Op::Collect { max, hold: HOLD });
    let Done::Collected { deliveries, next } = done else { unexpected(&done) };
    let short = |delivery: Delivery| {
        assert_eq!((delivery.app, delivery.url.as_str()), (app(), URL));
        (delivery.request, delivery.number, delivery.before)
    };
    (deliveries.into_iter().map(short).collect(), next)
}

fn sent(bench: &Bench, number: u32, answer: &str) -> Sent {
    let took = Duration::from_micros(1_500);
    Sent { number, at: bench.now, took, answer: answer.to_owned() }
}

fn webhook(bench: &mut Bench, number: u128) -> Option<Webhook> {
    bench.reader().webhook(id(number)).expect("a webhook can be read")
}

//= docs/contract.md#webhook-durable
//= type=test
//# A webhook MUST become durable together with the end that it tells of.
pub(super) fn a_webhook_is_due_with_the_end(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(hooked(1));
    assert_eq!((collect(&mut bench, 9), webhook(&mut bench, 1)), ((vec![], None), None));
    let leased = bench.claim_one();
    bench.requeue(&leased, 0);
    let current = bench.claim_one();
    assert_eq!(bench.settle(&leased, responded(200), None), Done::Stale);
    assert_eq!(webhook(&mut bench, 1), None, "one of an old attempt is none");
    bench.settle(&current, responded(200), Some(reply(200, b"1")));
    let due = Webhook { url: URL.to_owned(), next: Some(bench.now), number: 0, sent: vec![] };
    assert!(!due.is_under_way(bench.now));
    assert_eq!(webhook(&mut bench, 1), Some(due));
    bench.end(ticket(2), responded(200), None);
    assert_eq!((collect(&mut bench, 9).0, webhook(&mut bench, 2)), (vec![(id(1), 1, 0)], None));
}

/// Whether the webhook of the first request is being sent.
fn is_under_way(bench: &mut Bench) -> bool {
    let now = bench.now;
    webhook(bench, 1).is_some_and(|webhook| webhook.is_under_way(now))
}

/// Ends the request with this number and a webhook.
fn ended(bench: &mut Bench, number: u128) {
    bench.end(hooked(number), responded(200), Some(reply(200, b"1")));
}

pub(super) fn a_delivery_is_held_until_it_is_reported(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    ended(&mut bench, 1);
    let until = bench.now + HOLD;
    assert_eq!(collect(&mut bench, 9), (vec![(id(1), 1, 0)], Some(until)));
    assert_eq!(collect(&mut bench, 9), (vec![], Some(until)));
    assert!(is_under_way(&mut bench), "it was handed out");
    bench.now = until;
    assert!(!is_under_way(&mut bench), "nothing was heard of it for too long");
    let (found, _) = collect(&mut bench, 9);
    assert_eq!(found, [(id(1), 2, 1)], "whoever had it has died");
    let next = bench.now + Duration::from_secs(5);
    let second = sent(&bench, 2, "500");
    let report = |sent: &Sent, next| Op::Sent { request: id(1), sent: sent.clone(), next };
    assert!(is_under_way(&mut bench));
    assert_eq!(bench.commit(report(&second, Some(next))), Done::Noted);
    assert!(!is_under_way(&mut bench), "it was heard of, and goes again later");
    assert_eq!(collect(&mut bench, 9), (vec![], Some(next)));
    bench.now = next;
    assert_eq!(collect(&mut bench, 9).0, [(id(1), 3, 2)]);
    let third = sent(&bench, 3, "200 größe");
    assert_eq!(bench.commit(report(&third, None)), Done::Noted);
    assert_eq!(collect(&mut bench, 9), (vec![], None));
    let kept = Webhook { url: URL.to_owned(), next: None, number: 3, sent: vec![second, third] };
    assert_eq!(webhook(&mut bench, 1), Some(kept));
    bench.now = bench.now + Keep::default().small;
    bench.sweep(9);
    assert_eq!(bench.commit(Op::SendAgain { request: id(1) }), Done::Stale, "it has expired");
}

pub(super) fn an_old_delivery_changes_nothing(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    ended(&mut bench, 1);
    bench.end(ticket(2), responded(200), None);
    collect(&mut bench, 9);
    bench.now = bench.now + HOLD;
    collect(&mut bench, 9);
    for (request, number) in [(1, 1), (1, 3), (2, 1), (3, 1)] {
        let sent = sent(&bench, number, "200");
        let report = Op::Sent { request: id(request), sent, next: None };
        assert_eq!(bench.commit(report), Done::Stale, "request {request}, delivery {number}");
    }
    let report = Op::Sent { request: id(1), sent: sent(&bench, 2, "200"), next: None };
    assert_eq!(bench.commit(report.clone()), Done::Noted);
    assert_eq!(bench.commit(report), Done::Stale, "it was reported before");
}

pub(super) fn a_webhook_is_sent_again(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(hooked(2));
    assert_eq!(bench.commit(Op::SendAgain { request: id(2) }), Done::Stale, "it waits");
    assert_eq!(bench.commit(Op::SendAgain { request: id(3) }), Done::Stale);
    assert_eq!(bench.cancel(app(), id(2)), CancelAnswer::Cancelled);
    assert_eq!(collect(&mut bench, 9).0, [(id(2), 1, 0)], "a cancel is an end too");
    let report = Op::Sent { request: id(2), sent: sent(&bench, 1, "200"), next: None };
    bench.commit(report);
    assert_eq!(bench.commit(Op::SendAgain { request: id(2) }), Done::Noted);
    assert_eq!(collect(&mut bench, 9).0, [(id(2), 2, 0)], "a new series");
    bench.commit(Op::SendAgain { request: id(2) });
    let report = Op::Sent { request: id(2), sent: sent(&bench, 2, "200"), next: None };
    assert_eq!(bench.commit(report), Done::Noted);
    assert_eq!(collect(&mut bench, 9).0, [(id(2), 3, 0)], "what was asked for meanwhile stands");
}

pub(super) fn the_first_due_is_sent_first(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    for number in [3, 1, 2] {
        ended(&mut bench, number);
        bench.wait(1);
    }
    let (found, next) = collect(&mut bench, 2);
    assert_eq!(found, [(id(3), 1, 0), (id(1), 1, 0)]);
    assert!(next.is_some_and(|next| next <= bench.now), "one is left");
    assert_eq!(collect(&mut bench, 0).0, []);
    assert_eq!(collect(&mut bench, 2).0, [(id(2), 1, 0)]);
}
