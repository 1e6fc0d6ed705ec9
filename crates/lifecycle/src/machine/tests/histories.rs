//! What holds in every history of a runner, however odd.

use std::time::Duration;

use fal_types::Moment;
use proptest::{collection::vec, prelude::*};

use super::{STARTUP, at, watched};
use crate::{Cause, Effect, Event, Limits, Machine, Start, State, Step};

/// What somebody who sees only events and effects knows of a runner.
#[derive(Default)]
struct Witness {
    held: u32,
    tcp_probes: u32,
    health_probes: u32,
    termed: Option<Moment>,
    killed: bool,
    /// The last step of its start.
    started: Option<Effect>,
    stage: Stage,
}

/// How far a life has come. It never goes back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Waiting,
    Starting,
    Placeable,
    Leaving,
    Gone,
}

const fn stage(state: &State) -> Stage {
    match state {
        State::CrashBackoff { .. } | State::Pending => Stage::Waiting,
        State::Setup { .. } => Stage::Starting,
        State::Idle | State::Running => Stage::Placeable,
        State::Draining { .. } | State::Terminating { .. } => Stage::Leaving,
        State::Terminated => Stage::Gone,
    }
}

impl Witness {
    /// Takes note of an event that counted.
    fn hear(&mut self, event: Event, runner: &Machine) {
        match event {
            Event::Leased => self.held += 1,
            Event::Released => self.held -= 1,
            Event::ProbePassed | Event::ProbeFailed => self.tcp_probes -= 1,
            Event::HealthPassed | Event::HealthFailed => self.health_probes -= 1,
            Event::Elapsed
            | Event::Woken
            | Event::Allotted
            | Event::SpawnFailed
            | Event::PortOpened
            | Event::Exited
            | Event::ProbeWanted
            | Event::HealthWanted
            | Event::Condemned(_)
            | Event::StopRequested(_) => {}
        }
        if !runner.is_ready() {
            // Whoever has left service is not told the verdicts of its probes any more.
            (self.tcp_probes, self.health_probes) = (0, 0);
        }
    }

    fn see(&mut self, now: Moment, grace: Duration, effect: Effect) {
        match effect {
            Effect::ProbeTcp => self.tcp_probes += 1,
            Effect::ProbeHealth => self.health_probes += 1,
            Effect::SignalTerm => {
                assert_eq!(self.termed.replace(now), None, "one SIGTERM is enough");
            }
            Effect::SignalKill => {
                let termed = self.termed.expect("SIGTERM comes before SIGKILL");
                assert!(now >= termed + grace, "killed within its grace");
                assert!(!self.killed, "one SIGKILL is enough");
                self.killed = true;
            }
            Effect::Allot => {
                assert_eq!(self.started, None, "asks what it needs once");
                self.started = Some(Effect::Allot);
            }
            Effect::Spawn => {
                assert_eq!(self.started, Some(Effect::Allot), "spawned once, with what it needs");
                self.started = Some(Effect::Spawn);
            }
            Effect::Cut => {}
        }
        assert!(self.tcp_probes <= 1 && self.health_probes <= 1, "two probes of a kind");
    }

    /// What must hold after every step.
    fn judge(&mut self, runner: &Machine) {
        let state = runner.state();
        assert_eq!(runner.in_flight(), self.held);
        assert!(stage(state) >= self.stage, "{state:?} after {:?}", self.stage);
        self.stage = stage(state);
        assert_eq!(runner.is_ready(), self.stage == Stage::Placeable);
        let due = runner.next_deadline();
        match state {
            State::CrashBackoff { .. } | State::Setup { .. } => {
                assert!(due.is_some(), "waits without a deadline");
            }
            State::Draining { .. } => {
                assert_eq!(
                    due.is_none(),
                    runner.cause() == Cause::MadeRoom && self.termed.is_none()
                );
            }
            State::Terminating { .. } => assert_eq!(due.is_none(), self.killed),
            State::Idle => assert!(self.held == 0 && (due.is_none() == (self.health_probes == 1))),
            State::Running => assert!(self.held > 0),
            State::Pending | State::Terminated => assert_eq!(due, None),
        }
        assert!(explains(runner.cause(), state), "{:?} for {:?}", state, runner.cause());
    }
}

/// Whether the cause can be one of the state.
fn explains(cause: Cause, state: &State) -> bool {
    let starts = matches!(cause, Cause::ScaledUp | Cause::BackoffOver | Cause::Woken);
    match state {
        State::CrashBackoff { .. } => cause == Cause::ScaledUp,
        State::Pending | State::Setup { .. } => starts,
        State::Idle => matches!(cause, Cause::Ready | Cause::Released),
        State::Running => cause == Cause::Leased,
        State::Draining { .. } => cause.is_planned(),
        State::Terminating { .. } | State::Terminated => {
            !starts && !matches!(cause, Cause::Ready | Cause::Released | Cause::Leased)
        }
    }
}

/// Events that could come in any order, most of them such that a history lasts.
fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Elapsed),
        1 => Just(Event::Woken),
        4 => Just(Event::Allotted),
        1 => Just(Event::SpawnFailed),
        6 => Just(Event::PortOpened),
        1 => Just(Event::Exited),
        8 => Just(Event::Leased),
        6 => Just(Event::Released),
        4 => Just(Event::ProbeWanted),
        3 => Just(Event::ProbePassed),
        1 => Just(Event::ProbeFailed),
        3 => Just(Event::HealthWanted),
        3 => Just(Event::HealthPassed),
        1 => Just(Event::HealthFailed),
        1 => Just(Event::Condemned(Cause::Status503)),
        1 => Just(Event::StopRequested(Cause::Shutdown)),
        1 => Just(Event::StopRequested(Cause::Reloaded)),
        1 => Just(Event::StopRequested(Cause::MadeRoom)),
    ]
}

/// Lives through `history`, a list of waits in milliseconds and what happens after them.
fn live(start: Start, grace: Duration, history: &[(u64, Event)]) {
    let limits = Limits { grace, ..watched() };
    let (mut runner, effects) = Machine::new(at(0), start, Cause::ScaledUp, limits);
    let mut witness = Witness::default();
    effects.into_iter().for_each(|effect| witness.see(at(0), grace, effect));
    witness.judge(&runner);
    let mut now = at(0);
    for (wait, event) in history {
        now = now + Duration::from_millis(*wait);
        let before = format!("{runner:?}");
        let step = runner.step(now, *event);
        match step {
            Step::Taken(effects) => {
                witness.hear(*event, &runner);
                effects.into_iter().for_each(|effect| witness.see(now, grace, effect));
            }
            Step::Ignored | Step::Impossible => assert_eq!(format!("{runner:?}"), before),
        }
        witness.judge(&runner);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_what_a_runner_promises(
        is_delayed: bool,
        grace in prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(5))],
        history in vec((0..4_000_u64, event()), 0..80),
    ) {
        let start = if is_delayed { Start::After(at(9_000)) } else { Start::Now };
        live(start, grace, &history);
    }

    #[test]
    fn a_runner_that_is_stopped_is_gone_or_killed_when_its_deadlines_have_passed(
        history in vec((0..4_000_u64, event()), 0..40),
    ) {
        let (mut runner, _allot) = Machine::new(at(0), Start::Now, Cause::ScaledUp, watched());
        let mut now = at(0);
        for (wait, event) in history {
            now = now + Duration::from_millis(wait);
            let _any = runner.step(now, event);
        }
        let _any = runner.step(now, Event::StopRequested(Cause::Shutdown));
        while let Some(due) = runner.next_deadline() {
            prop_assert!(due <= now + STARTUP);
            let step = runner.step(due, Event::Elapsed);
            prop_assert!(matches!(step, Step::Taken(_)), "a deadline that comes changes something");
        }
        let is_over = matches!(
            runner.state(),
            State::Terminating { kill_at: None } | State::Terminated
        );
        prop_assert!(is_over);
    }
}
