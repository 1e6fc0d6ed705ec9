//! What a runner's machine does: every transition, single stories, and what holds in all of them.

use std::time::Duration;

use fal_types::Moment;

use crate::{Cause, Effect, Event, Health, Limits, Machine, Start, Step};

mod endings;
mod histories;
mod probes;
mod starts;
mod transitions;

const GRACE: Duration = Duration::from_secs(5);
const STARTUP: Duration = Duration::from_secs(60);

/// So many milliseconds after the beginning of the test.
const fn at(millis: u64) -> Moment {
    Moment::from_micros(millis * 1_000)
}

fn limits() -> Limits {
    Limits { startup_timeout: STARTUP, grace: GRACE, health: None }
}

/// Regular probes each 10 s that count from 25 s on, and two failures in a row are too many.
fn watched() -> Limits {
    let start_period = Duration::from_secs(25);
    let interval = Duration::from_secs(10);
    let health = Health { start_period, failure_threshold: 2, interval, regular: true };
    Limits { health: Some(health), ..limits() }
}

/// A runner in SETUP since 0.
fn started(limits: Limits) -> Machine {
    let (mut runner, effects) = Machine::new(at(0), Start::Now, Cause::ScaledUp, limits);
    assert_eq!((effects, summary(&runner).as_str()), (vec![Effect::Allot], "PENDING scaled_up"));
    check(&mut runner, 0, Event::Allotted, "SETUP scaled_up", &[Effect::Spawn]);
    runner
}

/// A runner that is ready since 0, with so many requests in flight.
fn ready(limits: Limits, in_flight: u32) -> Machine {
    let mut runner = started(limits);
    check(&mut runner, 0, Event::PortOpened, "IDLE ready", &[]);
    for _ in 0..in_flight {
        check(&mut runner, 0, Event::Leased, "RUNNING leased", &[]);
    }
    runner
}

/// Tells `event` at `millis`, which must count, lead to the state and cause, and have the effects.
#[track_caller]
fn check(runner: &mut Machine, millis: u64, event: Event, expected: &str, effects: &[Effect]) {
    let step = runner.step(at(millis), event);
    assert_eq!(step, Step::Taken(effects.to_vec()), "{event:?} in {:?}", runner.state());
    assert_eq!(summary(runner), expected, "after {event:?}");
}

/// Tells `event` at `millis`, which must change nothing.
#[track_caller]
fn check_ignored(runner: &mut Machine, millis: u64, event: Event) {
    let before = summary(runner);
    assert_eq!(runner.step(at(millis), event), Step::Ignored, "{event:?} in {before}");
    assert_eq!(summary(runner), before, "after {event:?}");
}

fn summary(runner: &Machine) -> String {
    format!("{} {}", runner.state().name(), runner.cause().name())
}
