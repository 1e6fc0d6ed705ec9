//! Every state against every event, as a table and as a graph; and random histories.

use std::{collections::BTreeSet, fmt::Write as _};

use fal_types::{RequestId, Status};
use proptest::prelude::*;

use super::*;
use crate::ticket::Priority;

const NOW: Moment = Moment::from_micros(100);
const LEASE: LeaseId = LeaseId::new(1);
const OTHER_LEASE: LeaseId = LeaseId::new(2);
const NODE: NodeId = NodeId(1);
const OTHER_NODE: NodeId = NodeId(2);
const ATTEMPT: Attempt = Attempt::new(2);

fn fresh() -> Ticket {
    let app = "acme/sketch".parse().unwrap();
    let at = Moment::from_micros(10);
    Ticket::new(RequestId::from_bits(1), app, "", Priority::Normal, at)
}

fn done(ending: Ending) -> Ticket {
    Ticket { state: State::Done(ending), finished: Some(Moment::from_micros(60)), ..fresh() }
}

fn states() -> Vec<(&'static str, Ticket)> {
    let held = Lease { id: LEASE, attempt: ATTEMPT, node: NODE, since: Moment::from_micros(50) };
    let leased = Ticket {
        state: State::Leased(held),
        attempts: 2,
        spent: fal_types::Spent { total: 1, ..Default::default() },
        started: Some(held.since),
        ..fresh()
    };
    let not_before = Moment::from_micros(101);
    let backing_off = Ticket { state: State::Waiting { not_before }, attempts: 1, ..fresh() };
    let overdue = Ticket { start_deadline: Some(NOW), ..fresh() };
    let in_time = Ticket { start_deadline: Some(not_before), ..fresh() };
    let leased_overdue = Ticket { start_deadline: Some(NOW), ..leased.clone() };
    vec![
        ("waiting", fresh()),
        ("waiting, deadline ahead", in_time),
        ("waiting, backing off", backing_off.clone()),
        ("waiting, deadline passed", overdue),
        ("backing off, deadline passed", Ticket { start_deadline: Some(NOW), ..backing_off }),
        ("leased", leased.clone()),
        ("leased, deadline passed", leased_overdue),
        ("leased, cancel asked", Ticket { cancel_requested: true, ..leased }),
        ("done, responded", done(Ending::Responded(Status::new(200)))),
        ("done, failed", done(Ending::Failed(Problem::RequestTimeout))),
        ("done, cancelled", Ticket { cancel_requested: true, ..done(Ending::Cancelled) }),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    let settled = |lease, attempt, ruling| Event::Settled { lease, attempt, ruling };
    let finish = Ruling::Finish(Ending::Responded(Status::new(200)));
    let failed = Ruling::Finish(Ending::Failed(Problem::Disconnected));
    let not_before = Moment::from_micros(150);
    let again = Ruling::Again { charge: Some(Condition::Timeout), not_before };
    let forced = Ruling::Again { charge: None, not_before };
    vec![
        ("Claimed", Event::Claimed { lease: OTHER_LEASE, node: OTHER_NODE }),
        ("Settled: Finish, responded", settled(LEASE, ATTEMPT, finish)),
        ("Settled: Finish, failed", settled(LEASE, ATTEMPT, failed)),
        ("Settled: Finish, cancelled", settled(LEASE, ATTEMPT, Ruling::Finish(Ending::Cancelled))),
        ("Settled: Again, timeout", settled(LEASE, ATTEMPT, again)),
        ("Settled: Again", settled(LEASE, ATTEMPT, forced)),
        ("Settled: GiveBack", settled(LEASE, ATTEMPT, Ruling::GiveBack)),
        ("Settled, other lease", settled(OTHER_LEASE, ATTEMPT, finish)),
        ("Settled, older attempt", settled(LEASE, Attempt::FIRST, finish)),
        ("Settled, later attempt", settled(LEASE, ATTEMPT.next(), finish)),
        ("CancelAsked", Event::CancelAsked),
        ("Lost", Event::Lost { node: NODE }),
        ("Lost, other node", Event::Lost { node: OTHER_NODE }),
        ("Elapsed", Event::Elapsed),
    ]
}

/// A transition in words: the state after it, and what else it changed.
fn describe(before: &Ticket, after: &Ticket) -> String {
    let mut text = match after.state {
        State::Waiting { not_before } => format!("Waiting until {}", not_before.micros()),
        State::Leased(Lease { id, attempt, node, since }) => {
            format!("Leased {id}, attempt {attempt}, {node:?}, since {}", since.micros())
        }
        State::Done(ending) => format!("Done {ending:?}"),
    };
    let mut note = |change: String| write!(text, "; {change}").unwrap();
    if after.attempts != before.attempts {
        note(format!("attempts {}", after.attempts));
    }
    if after.spent != before.spent {
        let by_timeout = after.spent.by_condition.timeout;
        note(format!("retries {}, by timeout {by_timeout}", after.spent.total));
    }
    if after.cancel_requested != before.cancel_requested {
        note("cancel asked".to_owned());
    }
    if after.started != before.started {
        note(format!("started {}", after.started.unwrap().micros()));
    }
    if after.finished != before.finished {
        note(format!("finished {}", after.finished.unwrap().micros()));
    }
    text
}

#[test]
fn every_state_takes_every_event_as_the_table_says() {
    let mut table = String::new();
    for (state, before) in states() {
        writeln!(table, "{state}").unwrap();
        for (event_name, event) in events() {
            let mut after = before.clone();
            let step = after.step(NOW, &event);
            let result = match step {
                Step::Moved => describe(&before, &after),
                Step::Stale | Step::Ignored | Step::Impossible => format!("({step:?})"),
            };
            assert_eq!(step == Step::Moved, before != after, "{state}, {event_name}");
            writeln!(table, "  {event_name:27} {result}").unwrap();
        }
    }
    insta::assert_snapshot!("transitions", table);
}

#[test]
fn the_graph_of_all_transitions_is_this() {
    let name = |ticket: &Ticket| match ticket.state {
        State::Waiting { .. } => "Waiting",
        State::Leased(_) => "Leased",
        State::Done(Ending::Responded(_)) => "Responded",
        State::Done(Ending::Failed(_)) => "Failed",
        State::Done(Ending::Cancelled) => "Cancelled",
    };
    let mut edges = BTreeSet::new();
    for (state, before) in states() {
        // Events that differ in their content, not in what they do, share an edge.
        let condition = state.split_once(", ").map_or("", |(_, condition)| condition);
        for (event, taken) in events() {
            let mut after = before.clone();
            if after.step(NOW, &taken) == Step::Moved {
                let event = event.split_once(", ").map_or(event, |(event, _)| event);
                edges.insert((name(&before), name(&after), event, condition));
            }
        }
    }
    let usual = edges.clone();
    let shown = edges.into_iter().filter(|(from, to, event, condition)| {
        condition.is_empty() || !usual.contains(&(from, to, event, ""))
    });
    let mut dot = String::from("digraph ticket {\n    Waiting [shape=box]; Leased [shape=box];\n");
    for (from, to, event, condition) in shown {
        let label =
            if condition.is_empty() { event.to_owned() } else { format!("{event} ({condition})") };
        writeln!(dot, "    {from} -> {to} [label=\"{label}\"];").unwrap();
    }
    dot.push_str("}\n");
    insta::assert_snapshot!("graph", dot);
}

#[test]
fn a_ticket_that_has_ended_never_changes_again() {
    for (state, before) in states() {
        let State::Done(_) = before.state else { continue };
        for (event_name, event) in events() {
            let mut after = before.clone();
            assert_ne!(after.step(NOW, &event), Step::Moved, "{state}, {event_name}");
            assert_eq!(after, before, "{state}, {event_name}");
        }
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let lease = || (1..4u64).prop_map(LeaseId::new);
    let node = || (1..3u64).prop_map(NodeId);
    let ending = prop_oneof![
        (100..600u16).prop_map(|code| Ending::Responded(Status::new(code))),
        Just(Ending::Failed(Problem::Disconnected)),
        Just(Ending::Cancelled),
    ];
    let condition = prop_oneof![Just(None), Just(Some(Condition::ServerError))];
    let ruling = prop_oneof![
        2 => ending.prop_map(Ruling::Finish),
        4 => (condition, 0..400u64).prop_map(|(charge, at)| Ruling::Again {
            charge,
            not_before: Moment::from_micros(at),
        }),
        1 => Just(Ruling::GiveBack),
    ];
    prop_oneof![
        8 => (lease(), node()).prop_map(|(lease, node)| Event::Claimed { lease, node }),
        8 => (lease(), 1..6u16, ruling).prop_map(|(lease, attempt, ruling)| Event::Settled {
            lease,
            attempt: Attempt::new(attempt),
            ruling,
        }),
        1 => Just(Event::CancelAsked),
        1 => node().prop_map(|node| Event::Lost { node }),
        2 => Just(Event::Elapsed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to a ticket, what the fields promise holds.
    #[test]
    fn any_history_keeps_the_promises_of_the_fields(
        deadline in prop::option::of(0..400u64),
        history in prop::collection::vec((0..20u64, any_event()), 0..60),
    ) {
        let mut ticket = Ticket {
            start_deadline: deadline.map(Moment::from_micros),
            ..fresh()
        };
        let mut now = ticket.submitted;
        for (wait, event) in history {
            now = now + std::time::Duration::from_micros(wait);
            let before = ticket.clone();
            let step = ticket.step(now, &event);
            prop_assert_eq!(step == Step::Moved, before != ticket);
            prop_assert!(ticket.attempts >= before.attempts);
            prop_assert!(ticket.attempts <= before.attempts + 1);
            prop_assert!(ticket.spent.total >= before.spent.total);
            prop_assert!(u16::from(ticket.spent.total) <= ticket.attempts);
            prop_assert!(ticket.cancel_requested >= before.cancel_requested);
            let ended = matches!(ticket.state, State::Done(_));
            prop_assert_eq!(ended, ticket.finished.is_some());
            prop_assert!(!(ticket.is_waiting() && ticket.cancel_requested));
            if let (State::Leased(lease), true) = (ticket.state, before.is_waiting()) {
                prop_assert!(before.is_due(now) && !before.is_overdue(now));
                prop_assert!(!before.cancel_requested);
                prop_assert_eq!(lease.attempt.number(), ticket.attempts);
            }
            if let State::Done(_) = before.state {
                prop_assert_eq!(&ticket, &before);
            }
        }
    }
}
