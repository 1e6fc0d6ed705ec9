//! How a runner is asked whether it is well, and what its answers come to.

use std::time::Duration;

use super::{at, check, check_ignored, limits, ready, watched};
use crate::{Cause, Effect, Event, Health, Limits, Machine, Step};

const END: [Effect; 2] = [Effect::Cut, Effect::SignalTerm];

//= docs/contract.md#tcp-check
//= type=test
//# At most one check MUST be in progress per runner: further triggers share its verdict.
//= docs/contract.md#tcp-check
//= type=test
//# A runner that passes it MUST be kept.
#[test]
fn doubts_during_a_tcp_check_share_its_verdict_and_later_ones_start_another() {
    let mut runner = ready(limits(), 2);
    check(&mut runner, 1, Event::ProbeWanted, "RUNNING leased", &[Effect::ProbeTcp]);
    check_ignored(&mut runner, 2, Event::ProbeWanted);
    check_ignored(&mut runner, 3, Event::ProbeWanted);
    check(&mut runner, 4, Event::ProbePassed, "RUNNING leased", &[]);
    assert!(runner.is_ready());
    assert_eq!(runner.step(at(5), Event::ProbePassed), Step::Impossible);
    check(&mut runner, 6, Event::ProbeWanted, "RUNNING leased", &[Effect::ProbeTcp]);
}

//= docs/contract.md#tcp-check
//= type=test
//# A runner that fails the check MUST be terminated and replaced.
#[test]
fn a_runner_that_fails_its_tcp_check_ends_at_once() {
    let mut runner = ready(limits(), 1);
    check(&mut runner, 1, Event::ProbeWanted, "RUNNING leased", &[Effect::ProbeTcp]);
    check(&mut runner, 2, Event::ProbeFailed, "TERMINATING probe_failed", &END);
    assert!(!runner.cause().is_planned(), "so it is replaced");
}

//= docs/contract.md#tcp-check
//= type=test
//# A runner that is draining MUST NOT be checked.
#[test]
fn a_draining_runner_is_not_checked_and_verdicts_that_come_late_change_nothing() {
    let mut runner = ready(watched(), 1);
    check(&mut runner, 1, Event::ProbeWanted, "RUNNING leased", &[Effect::ProbeTcp]);
    check(&mut runner, 1, Event::HealthWanted, "RUNNING leased", &[Effect::ProbeHealth]);
    assert!(runner.health_on_demand());
    let stop = Event::StopRequested(Cause::ScaledDown);
    check(&mut runner, 2, stop, "DRAINING scaled_down", &[Effect::SignalTerm]);
    assert!(!runner.health_on_demand());
    for event in [Event::ProbeFailed, Event::HealthFailed, Event::ProbeWanted, Event::HealthWanted]
    {
        check_ignored(&mut runner, 3, event);
    }
}

/// Passes the moment of the next regular probe, which must be at `millis`, and tells its verdict a second later.
#[track_caller]
fn probe(runner: &mut Machine, millis: u64, verdict: Event, expected: &str, effects: &[Effect]) {
    assert_eq!(runner.next_deadline(), Some(at(millis)));
    check_ignored(runner, millis - 1, Event::Elapsed);
    check(runner, millis, Event::Elapsed, "IDLE ready", &[Effect::ProbeHealth]);
    assert_eq!((runner.next_deadline(), runner.health_on_demand()), (None, false));
    check_ignored(runner, millis + 500, Event::Elapsed);
    check(runner, millis + 1_000, verdict, expected, effects);
}

//= docs/contract.md#health-endpoint
//= type=test
//# It MUST be asked every `interval_seconds` while the runner is ready, unless `call_regularly` is false.
//= docs/contract.md#health-endpoint
//= type=test
//# A runner MUST be terminated after `failure_threshold` consecutive failures.
//= docs/contract.md#health-endpoint
//= type=test
//# Failures within `start_period_seconds` MUST NOT count.
#[test]
fn a_runner_ends_after_as_many_failures_in_a_row_as_its_threshold_once_its_start_period_is_over() {
    let mut runner = ready(watched(), 0);
    // Until 25 s nothing counts.
    probe(&mut runner, 10_000, Event::HealthFailed, "IDLE ready", &[]);
    probe(&mut runner, 20_000, Event::HealthFailed, "IDLE ready", &[]);
    probe(&mut runner, 30_000, Event::HealthFailed, "IDLE ready", &[]);
    // A success between failures begins the count anew.
    probe(&mut runner, 40_000, Event::HealthPassed, "IDLE ready", &[]);
    probe(&mut runner, 50_000, Event::HealthFailed, "IDLE ready", &[]);
    probe(&mut runner, 60_000, Event::HealthFailed, "TERMINATING health_failed", &END);
    assert!(!runner.cause().is_planned(), "so it is replaced");
}

#[test]
fn a_startup_timeout_shorter_than_the_start_period_takes_its_place() {
    let limits = Limits { startup_timeout: Duration::from_secs(5), ..watched() };
    let mut runner = ready(limits, 0);
    probe(&mut runner, 10_000, Event::HealthFailed, "IDLE ready", &[]);
    probe(&mut runner, 20_000, Event::HealthFailed, "TERMINATING health_failed", &END);
}

//= docs/contract.md#health-endpoint
//= type=test
//# A response header `x-fal-runner-health-check: true` MUST cause a probe at once, whose single failure terminates the runner.
#[test]
fn a_single_failure_of_a_probe_that_the_app_asked_for_ends_the_runner_in_its_start_period_too() {
    let mut runner = ready(watched(), 1);
    check(&mut runner, 1, Event::HealthWanted, "RUNNING leased", &[Effect::ProbeHealth]);
    assert!(runner.health_on_demand());
    check_ignored(&mut runner, 2, Event::HealthWanted);
    check(&mut runner, 3, Event::HealthFailed, "TERMINATING health_failed", &END);
}

#[test]
fn a_probe_that_the_app_asks_for_during_a_regular_one_follows_it() {
    let mut runner = ready(watched(), 0);
    check(&mut runner, 10_000, Event::Elapsed, "IDLE ready", &[Effect::ProbeHealth]);
    check(&mut runner, 10_001, Event::HealthWanted, "IDLE ready", &[]);
    check_ignored(&mut runner, 10_002, Event::HealthWanted);
    // The regular one's verdict counts by the regular rules.
    check(&mut runner, 10_003, Event::HealthFailed, "IDLE ready", &[Effect::ProbeHealth]);
    assert!(runner.health_on_demand());
    check(&mut runner, 10_004, Event::HealthPassed, "IDLE ready", &[]);
    assert_eq!(runner.next_deadline(), Some(at(20_000)));
}

#[test]
fn without_regular_probes_health_is_asked_for_on_demand_only() {
    let mut limits = watched();
    limits.health = limits.health.map(|health| Health { regular: false, ..health });
    let mut runner = ready(limits, 0);
    assert_eq!(runner.next_deadline(), None);
    check_ignored(&mut runner, 90_000, Event::Elapsed);
    check(&mut runner, 90_001, Event::HealthWanted, "IDLE ready", &[Effect::ProbeHealth]);
    check(&mut runner, 90_002, Event::HealthPassed, "IDLE ready", &[]);
    assert_eq!(runner.step(at(90_003), Event::HealthPassed), Step::Impossible);
}

#[test]
fn an_app_without_a_health_endpoint_is_never_asked() {
    let mut runner = ready(limits(), 1);
    assert_eq!(runner.next_deadline(), None);
    check_ignored(&mut runner, 1, Event::HealthWanted);
    assert_eq!(runner.step(at(2), Event::HealthFailed), Step::Impossible);
}
