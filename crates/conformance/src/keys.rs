//! Keys that make two submits one request.

use std::time::Duration;

use super::{
    Make,
    bench::{Bench, app, content, id, other_app, responded, ticket},
};
use fal_queue::{
    Keep, Key, Ticket,
    store::{Done, Op},
};

fn keyed(number: u128, text: &str, digest: u8) -> Ticket {
    Ticket { key: Some(Key { text: text.to_owned(), digest: [digest; 32] }), ..ticket(number) }
}

fn submit(ticket: Ticket) -> Op {
    let content = content(ticket.id.bits());
    Op::Submit { ticket, content, max_ahead: Some(0) }
}

//= docs/contract.md#idempotency
//= type=test
//# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as
//# long as its result is kept.
//= docs/contract.md#idempotency
//= type=test
//# With another payload it MUST be answered with 422, and changes nothing.
pub(super) fn a_key_stands_for_one_request(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit(keyed(1, "a", 1));
    let before = bench.ticket(1);
    assert_eq!(bench.commit(submit(keyed(2, "a", 1))), Done::Repeated { request: id(1) });
    assert_eq!(bench.commit(submit(keyed(3, "a", 2))), Done::KeyTaken { request: id(1) });
    assert_eq!(bench.commit(submit(keyed(1, "b", 2))), Done::Duplicate, "the id comes first");
    assert_eq!((bench.find(&app(), id(2)), bench.find(&app(), id(3))), (None, None));
    assert_eq!(bench.ticket(1), before);
    bench.submit(keyed(4, "A", 1));
    let elsewhere = Ticket { app: other_app(), ..keyed(5, "a", 2) };
    assert_eq!(bench.commit(submit(elsewhere)), Done::Submitted { ahead: 0 }, "another app");
    assert_eq!(bench.commit(submit(ticket(6))), Done::QueueFull { waiting: 2 });
    let repeated = bench.commit(submit(keyed(6, "a", 1)));
    assert_eq!(repeated, Done::Repeated { request: id(1) }, "a full queue has it already");
}

pub(super) fn duplicates_in_one_batch_collapse(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let batch = (1..=4).map(|number| submit(keyed(number, "a", 1)));
    let answers = bench.batch(batch.chain([submit(keyed(5, "a", 2))]).collect());
    let repeated = Done::Repeated { request: id(1) };
    let taken = Done::KeyTaken { request: id(1) };
    let first = Done::Submitted { ahead: 0 };
    assert_eq!(answers, [first, repeated.clone(), repeated.clone(), repeated, taken]);
    assert_eq!(bench.claim(9).ids(), [id(1)]);
}

pub(super) fn a_key_lasts_as_long_as_its_result(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.end(keyed(1, "a", 1), responded(200), None);
    bench.now = bench.now + (Keep::default().small - Duration::from_micros(1));
    assert_eq!(bench.commit(submit(keyed(2, "a", 1))), Done::Repeated { request: id(1) });
    bench.now = bench.now + Duration::from_micros(1);
    bench.submit(keyed(2, "a", 2));
    bench.sweep(9);
    assert_eq!(bench.commit(submit(keyed(3, "a", 2))), Done::Repeated { request: id(2) });
}
