//! Requests that have had all their retries.

use fal_queue::{
    CallerRules, Ending, Keep, Priority, Ruling, State, Ticket,
    store::{Content, Done, Op},
};
use fal_types::{Problem, RequestId, Status};

use super::{
    Make,
    bench::{Bench, START, app, content, id, other_app, reply, responded, ticket},
};

const DEAD: Ruling = Ruling::Exhaust(Ending::Responded(Status::new(503)));

fn dead(bench: &mut Bench, limit: u32) -> Vec<RequestId> {
    let found = bench.reader().dead(None, limit).expect("dead letters can be read");
    found.into_iter().map(|ticket| ticket.id).collect()
}

fn input(bench: &mut Bench, request: RequestId) -> Option<Content> {
    bench.reader().content(request).expect("an input can be read")
}

//= docs/contract.md#dead-letters
//= type=test
//# A request that ends because it has had all its retries MUST be kept as a dead letter,
//# with its input.
//= docs/contract.md#dead-letters
//= type=test
//# It MUST be found for seven days after its end.
pub(super) fn a_dead_letter_is_kept(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.end(ticket(1), DEAD, Some(reply(503, b"no")));
    bench.wait(1);
    bench.end(ticket(3), Ruling::Exhaust(Ending::Failed(Problem::Disconnected)), None);
    bench.wait(1);
    bench.end(ticket(2), responded(503), Some(reply(503, b"no")));
    let ended = bench.ticket(1);
    assert_eq!(ended.state, State::Done(Ending::Responded(Status::new(503))));
    assert!(ended.is_dead && !bench.ticket(2).is_dead);
    assert_eq!(bench.reply(1), Some(reply(503, b"no")));
    assert_eq!((input(&mut bench, id(1)), input(&mut bench, id(2))), (Some(content(1)), None));
    assert_eq!((dead(&mut bench, 9), dead(&mut bench, 1)), (vec![id(3), id(1)], vec![id(3)]));
    let others = bench.reader().dead(Some(&other_app()), 9).expect("dead letters can be read");
    assert_eq!(others, []);
    assert_eq!(ended.expires, Some(START + Keep::default().dead));
}

pub(super) fn a_dead_letter_goes_again_once(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    let caller = CallerRules { no_retry: true, budgets: None };
    bench.end(Ticket { caller, priority: Priority::Low, ..ticket(1) }, DEAD, None);
    bench.end(ticket(2), responded(200), None);
    bench.submit(ticket(4));
    let resubmit = |request, heir| Op::Resubmit { request: id(request), heir: id(heir) };
    assert_eq!(bench.commit(resubmit(2, 5)), Done::Stale, "it is none");
    assert_eq!(bench.commit(resubmit(9, 5)), Done::Stale);
    assert_eq!(bench.commit(resubmit(1, 4)), Done::Duplicate);
    bench.wait(1);
    assert_eq!(bench.commit(resubmit(1, 5)), Done::Submitted { ahead: 1 });
    assert_eq!(bench.commit(resubmit(1, 6)), Done::Stale, "once");
    assert_eq!(bench.ticket(1).heir, Some(id(5)));
    let heir = Ticket::new(id(5), app(), "/run", Priority::Low, bench.now);
    assert_eq!(bench.ticket(5), Ticket { caller, ..heir });
    let claimed = bench.claim(9).batch;
    let input = claimed.into_iter().find(|(ticket, _)| ticket.id == id(5));
    assert_eq!(input.map(|(_, content)| content), Some(content(1)));
}

pub(super) fn a_dead_letter_is_dropped(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.end(ticket(1), DEAD, Some(reply(503, b"no")));
    bench.end(ticket(2), responded(200), None);
    let drop = |request| Op::Drop { request: id(request) };
    assert_eq!(bench.commit(drop(2)), Done::Stale, "it is none");
    assert_eq!(bench.commit(drop(1)), Done::Noted);
    assert_eq!(bench.commit(drop(1)), Done::Stale);
    assert_eq!((bench.find(&app(), id(1)), dead(&mut bench, 9)), (None, vec![]));
    assert_eq!((input(&mut bench, id(1)), bench.reply(1)), (None, None));
    assert_eq!(bench.recent(None, 9), [id(2)]);
}
