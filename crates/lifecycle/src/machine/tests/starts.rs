//! How a runner comes to be ready, or does not.

use super::{GRACE, STARTUP, at, check, check_ignored, limits, ready, started};
use crate::{Cause, Effect, Event, Limits, Machine, Start, State, Step};

//= docs/contract.md#startup-ready
//= type=test
//# No request MUST reach a runner before it is ready.
#[test]
fn no_request_is_placed_on_a_runner_before_its_port_has_opened() {
    let mut runner = started(limits());
    assert!(!runner.is_ready() && !runner.was_ready());
    assert_eq!(runner.step(at(1), Event::Leased), Step::Impossible);
    check(&mut runner, 2, Event::PortOpened, "IDLE ready", &[]);
    assert!(runner.is_ready() && runner.was_ready());
    assert_eq!((runner.idle_since(), runner.has_served()), (Some(at(2)), false));
}

//= docs/contract.md#startup-failed
//= type=test
//# A runner that exits before it is ready, or cannot be started at all, has failed its start.
#[test]
fn a_runner_that_exits_in_setup_is_gone_and_says_so() {
    let mut runner = started(limits());
    check(&mut runner, 9, Event::Exited, "TERMINATED setup_exited", &[Effect::Cut]);
    assert_eq!((runner.was_ready(), runner.next_deadline()), (false, None));
}

#[test]
fn a_runner_whose_process_cannot_be_started_is_gone_and_says_so() {
    let mut runner = started(limits());
    check(&mut runner, 9, Event::SpawnFailed, "TERMINATED start_failed", &[]);
}

//= docs/contract.md#startup-timeout
//= type=test
//# A runner whose port has not opened within `startup_timeout` MUST be terminated.
#[test]
fn a_runner_whose_port_stays_shut_is_ended_at_startup_timeout_and_keeps_that_cause() {
    let mut runner = started(limits());
    assert_eq!(runner.next_deadline(), Some(at(0) + STARTUP));
    check_ignored(&mut runner, 59_999, Event::Elapsed);
    let effects = [Effect::Cut, Effect::SignalTerm];
    check(&mut runner, 60_000, Event::Elapsed, "TERMINATING startup_timed_out", &effects);
    check_ignored(&mut runner, 60_001, Event::PortOpened);
    assert_eq!(runner.next_deadline(), Some(at(60_000) + GRACE));
    let killed = [Effect::SignalKill];
    check(&mut runner, 65_000, Event::Elapsed, "TERMINATING startup_timed_out", &killed);
    check(&mut runner, 65_001, Event::Exited, "TERMINATED startup_timed_out", &[Effect::Cut]);
}

#[test]
fn a_runner_that_is_stopped_in_setup_need_not_become_ready() {
    let mut runner = started(limits());
    let stop = Event::StopRequested(Cause::Shutdown);
    check(&mut runner, 5, stop, "TERMINATING shutdown", &[Effect::SignalTerm]);
    check_ignored(&mut runner, 6, Event::PortOpened);
    check(&mut runner, 7, Event::SpawnFailed, "TERMINATED shutdown", &[]);
}

fn backing_off(millis: u64, limits: Limits) -> Machine {
    let start = Start::After(at(millis));
    let (runner, effects) = Machine::new(at(0), start, Cause::Replaces, limits);
    assert_eq!((effects, runner.cause()), (vec![], Cause::Replaces));
    assert_eq!(runner.next_deadline(), Some(at(millis)));
    runner
}

//= docs/contract.md#crash-backoff
//= type=test
//# After a failed start the next start of that app MUST wait.
#[test]
fn a_runner_in_crash_backoff_starts_when_its_wait_is_over_and_not_before() {
    let mut runner = backing_off(30_000, limits());
    check_ignored(&mut runner, 29_999, Event::Elapsed);
    check(&mut runner, 30_000, Event::Elapsed, "PENDING backoff_over", &[Effect::Allot]);
    check(&mut runner, 30_009, Event::Allotted, "SETUP backoff_over", &[Effect::Spawn]);
    assert_eq!(runner.state(), &State::Setup { deadline: at(30_009) + STARTUP });
}

//= docs/contract.md#crash-backoff
//= type=test
//# A successful start MUST wake every waiting start and reset the count.
#[test]
fn a_runner_in_crash_backoff_starts_at_once_when_it_is_woken() {
    let mut runner = backing_off(30_000, limits());
    check(&mut runner, 7_000, Event::Woken, "PENDING woken", &[Effect::Allot]);
    check_ignored(&mut runner, 7_001, Event::Woken);
    check_ignored(&mut runner, 30_000, Event::Elapsed);
    check(&mut runner, 30_001, Event::Allotted, "SETUP woken", &[Effect::Spawn]);
    assert_eq!(runner.next_deadline(), Some(at(30_001) + STARTUP));
}

#[test]
fn a_pending_runner_waits_without_a_deadline_and_goes_at_once_when_it_is_not_wanted() {
    let (mut runner, _allot) = Machine::new(at(0), Start::Now, Cause::ScaledUp, limits());
    assert_eq!((runner.next_deadline(), runner.is_ready()), (None, false));
    let stop = Event::StopRequested(Cause::ScaledDown);
    check(&mut runner, 1, stop, "TERMINATED scaled_down", &[]);
    check_ignored(&mut runner, 2, Event::Allotted);
}

#[test]
fn a_runner_in_crash_backoff_that_is_not_wanted_any_more_is_gone_at_once() {
    let mut runner = backing_off(30_000, limits());
    let stop = Event::StopRequested(Cause::ScaledDown);
    check(&mut runner, 1, stop, "TERMINATED scaled_down", &[]);
    check_ignored(&mut runner, 2, Event::Woken);
}

#[test]
fn placing_requests_and_giving_them_back_counts_and_does_not_allocate() {
    let mut runner = ready(limits(), 0);
    for (event, in_flight, state) in [
        (Event::Leased, 1, State::Running),
        (Event::Leased, 2, State::Running),
        (Event::Released, 1, State::Running),
        (Event::Released, 0, State::Idle),
    ] {
        let step = runner.step(at(3), event);
        assert!(matches!(step, Step::Taken(effects) if effects.capacity() == 0), "{event:?}");
        assert_eq!((runner.in_flight(), runner.state()), (in_flight, &state), "{event:?}");
    }
    assert_eq!(runner.step(at(4), Event::Released), Step::Impossible);
    assert_eq!((runner.idle_since(), runner.has_served()), (Some(at(3)), true));
}
