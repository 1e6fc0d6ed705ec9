//! Every state against every event, as a table and as a graph.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use fal_types::Moment;

use super::{at, limits, ready, started, summary, watched};
use crate::{Cause, Event, Limits, Machine, Start, State, Step};

/// When the events of the table happen, if not at the state's own deadline.
const NOW: Moment = at(1_000);

const NO_GRACE: &str = "running, without grace";

struct Transition {
    situation: &'static str,
    from: &'static str,
    event: String,
    step: Step,
    after: Machine,
}

fn after(mut runner: Machine, events: &[Event]) -> Machine {
    for event in events {
        assert!(matches!(runner.step(at(0), *event), Step::Taken(_)), "{event:?}");
    }
    runner
}

fn situations() -> Vec<(&'static str, Machine)> {
    let stop = Event::StopRequested(Cause::Shutdown);
    let reload = Event::StopRequested(Cause::Reloaded);
    let room = Event::StopRequested(Cause::MadeRoom);
    let condemn = Event::Condemned(Cause::Status503);
    let backing_off = Machine::new(at(0), Start::After(at(30_000)), Cause::ScaledUp, watched()).0;
    let probing = [Event::ProbeWanted, Event::HealthWanted];
    let mut regular = ready(watched(), 0);
    assert!(matches!(regular.step(at(10_000), Event::Elapsed), Step::Taken(_)));
    let mut killed = after(ready(watched(), 0), &[stop]);
    assert!(matches!(killed.step(at(5_000), Event::Elapsed), Step::Taken(_)));
    let hasty = Limits { grace: Duration::ZERO, ..limits() };
    vec![
        ("in crash backoff", backing_off),
        ("pending", Machine::new(at(0), Start::Now, Cause::ScaledUp, watched()).0),
        ("in setup", started(watched())),
        ("idle", ready(watched(), 0)),
        ("idle, without a health endpoint", ready(limits(), 0)),
        ("idle, both probes in progress", after(ready(watched(), 0), &probing)),
        ("idle, regular health probe in progress", regular),
        ("running, 1 in flight", ready(watched(), 1)),
        ("running, 2 in flight", ready(watched(), 2)),
        ("running, both probes in progress", after(ready(watched(), 1), &probing)),
        (NO_GRACE, ready(hasty, 1)),
        ("draining, 1 in flight", after(ready(watched(), 1), &[stop])),
        ("draining, 2 in flight", after(ready(watched(), 2), &[stop])),
        ("draining for a reload, 1 in flight", after(ready(watched(), 1), &[reload])),
        ("draining for a reload, 2 in flight", after(ready(watched(), 2), &[reload])),
        ("draining to make room, 1 in flight", after(ready(watched(), 1), &[room])),
        ("terminating, stopped in setup", after(started(watched()), &[stop])),
        ("terminating, stopped when ready", after(ready(watched(), 0), &[stop])),
        ("terminating, 1 cut", after(ready(watched(), 1), &[condemn])),
        ("terminating, killed", killed),
        ("terminated", after(started(watched()), &[Event::Exited])),
        ("terminated, 1 cut", after(ready(watched(), 1), &[Event::Exited])),
    ]
}

/// Every event, and the moment it happens at where that is not [`NOW`].
fn events(runner: &Machine) -> Vec<(String, Moment, Event)> {
    let plain = [
        Event::Woken,
        Event::Allotted,
        Event::SpawnFailed,
        Event::PortOpened,
        Event::Exited,
        Event::Leased,
        Event::Released,
        Event::ProbeWanted,
        Event::ProbePassed,
        Event::ProbeFailed,
        Event::HealthWanted,
        Event::HealthPassed,
        Event::HealthFailed,
    ];
    let due = runner.next_deadline();
    let mut events = vec![("Elapsed, early".to_owned(), NOW, Event::Elapsed)];
    events.extend(due.map(|due| ("Elapsed".to_owned(), due, Event::Elapsed)));
    events.extend(plain.map(|event| (format!("{event:?}"), NOW, event)));
    let named = |name: &str, event| (name.to_owned(), NOW, event);
    events.push(named("Condemned", Event::Condemned(Cause::Refused)));
    events.push(named("StopRequested", Event::StopRequested(Cause::ScaledDown)));
    events
}

fn transitions() -> Vec<Transition> {
    let mut transitions = Vec::new();
    for (situation, before) in situations() {
        for (event, now, told) in events(&before) {
            let mut after = before.clone();
            let step = after.step(now, told);
            let from = before.state().name();
            transitions.push(Transition { situation, from, event, step, after });
        }
    }
    transitions
}

/// State, cause, slots and deadline of a runner, and what is to be done.
fn outcome(transition: &Transition) -> String {
    let effects = match &transition.step {
        Step::Taken(effects) => effects,
        Step::Ignored => return "(ignored)".to_owned(),
        Step::Impossible => return "(impossible)".to_owned(),
    };
    let after = &transition.after;
    let mut text = summary(after);
    if after.in_flight() > 0 {
        write!(text, ", {} in flight", after.in_flight()).unwrap();
    }
    if let Some(due) = after.next_deadline() {
        write!(text, ", until {} s", due.since(at(0)).as_secs()).unwrap();
    }
    if matches!(after.state(), State::Terminating { kill_at: None }) {
        text.push_str(", killed");
    }
    for (place, effect) in effects.iter().enumerate() {
        write!(text, "{}{effect:?}", if place == 0 { "  -> " } else { ", " }).unwrap();
    }
    text
}

#[test]
fn every_state_meets_every_event_as_in_the_table() {
    let mut table = String::new();
    let mut situation = "";
    for transition in transitions() {
        if situation != transition.situation {
            situation = transition.situation;
            writeln!(table, "{situation}").unwrap();
        }
        writeln!(table, "  {:<16}{}", transition.event, outcome(&transition)).unwrap();
    }
    insta::assert_snapshot!("transitions", table);
}

/// The label of an edge that only a runner without grace takes.
fn no_grace(event: &str) -> String {
    format!("{event} (no grace)")
}

#[test]
fn the_graph_shows_every_way_from_state_to_state() {
    let mut edges: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for transition in transitions() {
        let to = transition.after.state().name();
        if transition.from != to {
            let has_grace = transition.situation != NO_GRACE;
            let label = if has_grace { transition.event } else { no_grace(&transition.event) };
            edges.entry((transition.from, to)).or_default().insert(label);
        }
    }
    let mut dot =
        "digraph runner {\n    node [shape=box];\n    TERMINATED [peripheries=2];\n".to_owned();
    for ((from, to), mut events) in edges {
        let plain = events.clone();
        events.retain(|event| !plain.iter().any(|plain| *event == no_grace(plain)));
        let label = events.into_iter().collect::<Vec<_>>().join("\\n");
        writeln!(dot, "    {from} -> {to} [label=\"{label}\"];").unwrap();
    }
    dot.push_str("}\n");
    insta::assert_snapshot!("graph", dot);
}
