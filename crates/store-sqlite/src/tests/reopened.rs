//! What is found when a store is opened again.

use std::time::Duration;

use fal_queue::store::Backlog;
use fal_types::{Attempt, Problem};

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn everything_is_found_again() {
    let folder = folder();
    let mut store = open(folder.path());
    let hurried = Ticket { start_deadline: Some(NOW + HOUR), ..ticket(4) };
    let batch = [ticket(1), ticket(2), ticket(3), hurried, low(5), low(6)];
    store.commit(NOW, batch.into_iter().map(submit).collect()).expect("a commit");
    let leased = claimed(&mut store, 3, 1);
    let status = Status::new(200);
    let reply = Reply { status, headers: vec![("a".to_owned(), vec![255])], body: vec![1, 2] };
    let finish = Ruling::Finish(Ending::Responded(status));
    commit(&mut store, settle(&leased[0], finish, Some(reply.clone())));
    let again = Ruling::Again { charge: None, not_before: NOW + HOUR };
    commit(&mut store, settle(&leased[1], again, None));
    let mut reader = store.reader().expect("a reader");
    let before = reader.recent(None, 9).expect("it reads");
    let waiting = counted(&store);
    drop((reader, store));

    let store = open(folder.path());
    assert_eq!(counted(&store), waiting);
    let mut reader = store.reader().expect("a reader");
    assert_eq!(reader.recent(None, 9).expect("it reads"), before);
    assert_eq!(ids(&before), [6, 5, 4, 3, 2, 1]);
    assert_eq!(reader.reply(RequestId::from_bits(1)), Ok(Some(reply)));
    let next_due = Some(Moment::from_micros(0));
    assert_eq!(reader.backlog(&app()), Ok(Backlog { waiting: 4, next_due }));
}

//= docs/contract.md#queue-restart
//= type=test
//# An attempt that the platform's own death cut MUST NOT be charged to its request.
//= docs/contract.md#queue-order
//= type=test
//# Claiming a request and marking it as leased MUST be one durable step.
#[test]
fn what_was_leased_is_recovered_at_its_place() {
    let folder = folder();
    let mut store = open(folder.path());
    store.commit(NOW, [1, 2, 3].map(ticket).map(submit).into()).expect("a commit");
    let lost = claimed(&mut store, 2, 1);
    drop(store);

    let mut store = open(folder.path());
    assert_eq!(ids(&claimed(&mut store, 1, 9)), [3], "what is leased is not handed out again");
    let recovered = Done::Recovered { tickets: 3 };
    assert_eq!(commit(&mut store, Op::Recover { node: NODE, leases: None }), recovered);
    check_counts(&store, folder.path());
    let again = claimed(&mut store, 9, 20);
    assert_eq!(ids(&again), [1, 2, 3]);
    assert!(again.iter().all(|ticket| ticket.spent.total == 0 && ticket.attempts == 2));
    let late = Ruling::Finish(Ending::Failed(Problem::Disconnected));
    assert_eq!(commit(&mut store, settle(&lost[0], late, None)), Done::Stale);
}

#[test]
fn a_new_request_stands_behind_all_that_were_there() {
    let folder = folder();
    for number in 0..5 {
        let mut store = open(folder.path());
        let ahead = u64::try_from(number).unwrap();
        assert_eq!(commit(&mut store, submit(ticket(9 - number))), Done::Submitted { ahead });
    }
    assert_eq!(ids(&claimed(&mut open(folder.path()), 9, 1)), [9, 8, 7, 6, 5]);
}

#[test]
fn a_clock_that_was_set_back_holds_nothing_up_but_what_is_not_due() {
    let folder = folder();
    let mut store = open(folder.path());
    store.commit(NOW + HOUR, [1, 2].map(ticket).map(submit).into()).expect("a commit");
    let leased = claimed(&mut store, 1, 1);
    let again = Ruling::Again { charge: None, not_before: NOW + HOUR };
    store.commit(NOW + HOUR, vec![settle(&leased[0], again, None)]).expect("a commit");
    assert_eq!(ids(&claimed(&mut store, 9, 2)), [2], "the first is not due yet, or not again");
    let done = store.commit(NOW + HOUR, vec![claim(9, 3)]).expect("a commit");
    let Done::Claimed { batch, .. } = &done[0] else { panic!("{done:?}") };
    assert_eq!(batch.len(), 1, "and is handed out in its time");
}

#[test]
fn many_overdue_requests_are_ended_over_several_claims() {
    let folder = folder();
    let mut store = open(folder.path());
    let hurried = |number| Ticket { start_deadline: Some(NOW), ..ticket(number) };
    let batch = (0..3_000).map(hurried).chain([ticket(3_000)]).map(submit).collect();
    store.commit(NOW, batch).expect("a commit");
    let (mut claims, mut ended) = (0, 0);
    loop {
        let Done::Claimed { batch, deadlines, backlog } = commit(&mut store, claim(10, 1)) else {
            panic!("another answer")
        };
        claims += 1;
        ended += deadlines.len();
        if backlog.waiting == 0 {
            assert_eq!((batch.len(), ended), (1, 3_000));
            break;
        }
        assert!(batch.is_empty() && backlog.next_due.is_some_and(|due| due <= NOW));
    }
    assert_eq!(claims, 3, "one claim ends about a thousand");
}

#[test]
fn moments_at_the_end_of_time_come_back() {
    let folder = folder();
    let mut store = open(folder.path());
    commit(&mut store, submit(ticket(1)));
    let leased = claimed(&mut store, 1, 1);
    assert_eq!(leased[0].attempts, Attempt::FIRST.number());
    let never = Moment::from_micros(u64::MAX);
    let again = Ruling::Again { charge: None, not_before: never };
    commit(&mut store, settle(&leased[0], again, None));
    let mut reader = store.reader().expect("a reader");
    let backlog = Backlog { waiting: 1, next_due: Some(never) };
    assert_eq!(reader.backlog(&app()), Ok(backlog));
}
