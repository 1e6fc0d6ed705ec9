//! How a runner leaves service and ends.

use std::time::Duration;

use super::{GRACE, at, check, check_ignored, limits, ready, summary};
use crate::{Cause, Effect, Event, Limits, State, Step};

const SHUTDOWN: Event = Event::StopRequested(Cause::Shutdown);
const RELOAD: Event = Event::StopRequested(Cause::Reloaded);
const STATUS_503: Event = Event::Condemned(Cause::Status503);

//= docs/contract.md#status-503
//= type=test
//# A 503 MUST end its runner at once, after a single one, and the runner is replaced.
//= docs/contract.md#in-flight-on-death
//= type=test
//# When a runner is terminated, its connections MUST be cut with it.
#[test]
fn a_503_ends_the_runner_at_once_and_cuts_what_else_is_in_flight() {
    let mut runner = ready(limits(), 3);
    check(&mut runner, 10, Event::Released, "RUNNING leased", &[]);
    let effects = [Effect::Cut, Effect::SignalTerm];
    check(&mut runner, 10, STATUS_503, "TERMINATING status_503", &effects);
    assert!(!runner.is_ready() && !runner.cause().is_planned());
    assert_eq!(runner.step(at(11), Event::Leased), Step::Impossible);
    // The other two notice that they were cut, and each is blamed on the runner once more.
    for _ in 0..2 {
        check(&mut runner, 12, Event::Released, "TERMINATING status_503", &[]);
        check_ignored(&mut runner, 12, Event::Condemned(Cause::Disconnected));
    }
    assert_eq!(runner.in_flight(), 0);
    check(&mut runner, 13, Event::Exited, "TERMINATED status_503", &[Effect::Cut]);
}

#[test]
fn a_condemned_runner_that_outlives_its_grace_is_killed_once() {
    let mut runner = ready(limits(), 1);
    let effects = [Effect::Cut, Effect::SignalTerm];
    check(&mut runner, 10, STATUS_503, "TERMINATING status_503", &effects);
    assert_eq!(runner.next_deadline(), Some(at(10) + GRACE));
    check_ignored(&mut runner, 5_009, Event::Elapsed);
    check(&mut runner, 5_010, Event::Elapsed, "TERMINATING status_503", &[Effect::SignalKill]);
    assert_eq!((runner.entered(), runner.next_deadline()), (at(10), None));
    check_ignored(&mut runner, 9_000, Event::Elapsed);
    check(&mut runner, 9_001, Event::Exited, "TERMINATED status_503", &[Effect::Cut]);
}

#[test]
fn an_idle_runner_that_is_stopped_has_nothing_to_drain() {
    let mut runner = ready(limits(), 0);
    let stop = Event::StopRequested(Cause::KeepAlive);
    check(&mut runner, 10, stop, "TERMINATING keep_alive", &[Effect::SignalTerm]);
    assert!(runner.cause().is_planned());
    assert_eq!(runner.state(), &State::Terminating { kill_at: Some(at(10) + GRACE) });
}

//= docs/contract.md#shutdown
//= type=test
//# On shutdown every runner MUST be stopped, and requests in flight may finish within the grace period.
//= docs/contract.md#shutdown
//= type=test
//# A draining runner MUST NOT get new requests.
#[test]
fn a_draining_runner_finishes_what_is_in_flight_and_gets_nothing_new() {
    let mut runner = ready(limits(), 2);
    check(&mut runner, 10, SHUTDOWN, "DRAINING shutdown", &[Effect::SignalTerm]);
    assert!(!runner.is_ready());
    assert_eq!(runner.step(at(11), Event::Leased), Step::Impossible);
    check_ignored(&mut runner, 11, Event::StopRequested(Cause::KeepAlive));
    check(&mut runner, 12, Event::Released, "DRAINING shutdown", &[]);
    check(&mut runner, 13, Event::Released, "TERMINATING shutdown", &[]);
    assert_eq!(runner.next_deadline(), Some(at(10) + GRACE), "the grace is counted once");
    check(&mut runner, 14, Event::Exited, "TERMINATED shutdown", &[Effect::Cut]);
}

//= docs/contract.md#shutdown
//= type=test
//# A runner that still runs when the grace period is over MUST be killed with its whole process group.
#[test]
fn a_draining_runner_whose_grace_is_over_is_cut_and_killed() {
    let mut runner = ready(limits(), 1);
    check(&mut runner, 10, SHUTDOWN, "DRAINING shutdown", &[Effect::SignalTerm]);
    check_ignored(&mut runner, 5_009, Event::Elapsed);
    let effects = [Effect::Cut, Effect::SignalKill];
    check(&mut runner, 5_010, Event::Elapsed, "TERMINATING shutdown", &effects);
    check(&mut runner, 5_011, Event::Released, "TERMINATING shutdown", &[]);
    assert_eq!((runner.in_flight(), runner.next_deadline()), (0, None));
}

#[test]
fn a_fault_while_draining_cuts_the_rest_and_buys_no_longer_grace() {
    let mut runner = ready(limits(), 2);
    check(&mut runner, 10, SHUTDOWN, "DRAINING shutdown", &[Effect::SignalTerm]);
    check(&mut runner, 20, Event::Released, "DRAINING shutdown", &[]);
    check(&mut runner, 20, STATUS_503, "TERMINATING status_503", &[Effect::Cut]);
    assert_eq!(runner.next_deadline(), Some(at(10) + GRACE));
}

//= docs/contract.md#reload
//= type=test
//# A runner that is replaced by a reload MUST NOT get its SIGTERM before its requests in flight have finished or its grace period is over.
#[test]
fn a_runner_that_is_reloaded_finishes_what_is_in_flight_before_it_is_told() {
    let mut runner = ready(limits(), 2);
    check(&mut runner, 10, RELOAD, "DRAINING reloaded", &[]);
    assert_eq!(runner.step(at(11), Event::Leased), Step::Impossible);
    check_ignored(&mut runner, 11, RELOAD);
    check(&mut runner, 12, Event::Released, "DRAINING reloaded", &[]);
    check(&mut runner, 13, Event::Released, "TERMINATING reloaded", &[Effect::SignalTerm]);
    assert_eq!(runner.next_deadline(), Some(at(13) + GRACE), "it has all of it to end in");
}

//= docs/contract.md#fairness
//= type=test
//# A runner that makes room MUST finish what is in flight on it, however long that may take, and gets its SIGTERM then.
#[test]
fn a_runner_that_makes_room_is_given_the_time_that_its_requests_take() {
    let hasty = Limits { grace: Duration::ZERO, ..limits() };
    for limits in [limits(), hasty] {
        let mut runner = ready(limits, 1);
        let room = Event::StopRequested(Cause::MadeRoom);
        check(&mut runner, 10, room, "DRAINING made_room", &[]);
        assert_eq!(runner.next_deadline(), None);
        check_ignored(&mut runner, 3_600_000, Event::Elapsed);
        check_ignored(&mut runner, 3_600_000, RELOAD);
        let step = runner.step(at(3_600_001), Event::Released);
        assert!(matches!(step, Step::Taken(effects) if effects[0] == Effect::SignalTerm));
        assert_eq!(summary(&runner), "TERMINATING made_room");
    }
    let mut runner = ready(limits(), 1);
    check(&mut runner, 10, Event::StopRequested(Cause::MadeRoom), "DRAINING made_room", &[]);
    check(&mut runner, 20, SHUTDOWN, "DRAINING made_room", &[Effect::SignalTerm]);
    assert_eq!(runner.next_deadline(), Some(at(20) + GRACE), "a stop hurries it");
}

#[test]
fn a_runner_that_is_reloaded_and_not_done_in_time_is_told_and_then_killed() {
    let mut runner = ready(limits(), 1);
    check(&mut runner, 10, RELOAD, "DRAINING reloaded", &[]);
    check(&mut runner, 5_010, Event::Elapsed, "DRAINING reloaded", &[Effect::SignalTerm]);
    assert_eq!(runner.entered(), at(10), "it is in that state since then");
    check_ignored(&mut runner, 10_009, Event::Elapsed);
    let effects = [Effect::Cut, Effect::SignalKill];
    check(&mut runner, 10_010, Event::Elapsed, "TERMINATING reloaded", &effects);
}

#[test]
fn a_stop_hurries_a_runner_that_is_reloaded_once() {
    let mut runner = ready(limits(), 1);
    check(&mut runner, 10, RELOAD, "DRAINING reloaded", &[]);
    check(&mut runner, 20, SHUTDOWN, "DRAINING reloaded", &[Effect::SignalTerm]);
    assert_eq!(runner.next_deadline(), Some(at(20) + GRACE));
    check_ignored(&mut runner, 30, SHUTDOWN);
    let mut broken = ready(limits(), 1);
    check(&mut broken, 10, RELOAD, "DRAINING reloaded", &[]);
    let effects = [Effect::Cut, Effect::SignalTerm];
    check(&mut broken, 20, STATUS_503, "TERMINATING status_503", &effects);
}

#[test]
fn without_grace_a_stopped_runner_is_killed_at_once() {
    let hasty = || Limits { grace: Duration::ZERO, ..limits() };
    let all = [Effect::Cut, Effect::SignalTerm, Effect::SignalKill];
    check(&mut ready(hasty(), 1), 10, SHUTDOWN, "TERMINATING shutdown", &all);
    check(&mut ready(hasty(), 1), 10, STATUS_503, "TERMINATING status_503", &all);
    let idle = [Effect::SignalTerm, Effect::SignalKill];
    check(&mut ready(hasty(), 0), 10, SHUTDOWN, "TERMINATING shutdown", &idle);
}

#[test]
fn a_runner_that_exits_unasked_is_gone_with_what_was_in_flight() {
    let mut runner = ready(limits(), 1);
    check(&mut runner, 10, Event::Exited, "TERMINATED exited", &[Effect::Cut]);
    assert_eq!((runner.in_flight(), runner.cause().is_planned()), (1, false));
    check(&mut runner, 11, Event::Released, "TERMINATED exited", &[]);
    assert_eq!(runner.step(at(12), Event::Released), Step::Impossible);
    check_ignored(&mut runner, 12, Event::Condemned(Cause::Disconnected));
    assert_eq!((summary(&runner), runner.entered()), ("TERMINATED exited".to_owned(), at(10)));
}
