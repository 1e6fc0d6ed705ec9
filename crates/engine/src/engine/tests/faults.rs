//! Runners that fail in service: what ends them, what is only a doubt, and who takes their place.

use fal_lifecycle::{Health, Limits};

use super::{check, scaled, seconds, settings};
use crate::{Scale, Settings};

fn shared(slots: u32) -> Settings {
    Settings { max_multiplexing: slots, ..scaled(Scale { max: 1, ..Scale::default() }) }
}

fn watched() -> Settings {
    let health = Health {
        start_period: seconds(0),
        failure_threshold: 2,
        interval: seconds(10),
        regular: false,
    };
    let settings = shared(2);
    Settings { limits: Limits { health: Some(health), ..settings.limits.clone() }, ..settings }
}

//= docs/contract.md#in-flight-on-death
//= type=test
//# Each other request that was in flight on it MUST end as a broken connection, with its attempt charged.
//= docs/contract.md#crash
//= type=test
//# A connection that breaks while a request is in flight MUST terminate its runner.
#[test]
fn a_crash_with_two_in_flight_ends_the_runner_once_and_both_go_again() {
    check(
        shared(2),
        "
        0.000 submit q1
            -> r0 Spawn
        0.000 submit q2
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 2 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
            -> dispatch q2 attempt 1 l1 on r0
        2.000 l0 breaks
            -> record q1 attempt 1 l0: again from 2.000, charged to server_error
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: disconnected
            -> r1 Spawn
        2.000 l1 breaks
            -> record q2 attempt 1 l1: again from 2.000, charged to server_error
        2.100 recorded
        2.200 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: disconnected
            -> forget r0
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 2 from l2
        3.000 claimed
            -> dispatch q1 attempt 2 l2 on r1
            -> dispatch q2 attempt 2 l3 on r1
        ",
    );
}

#[test]
fn the_exit_of_a_busy_runner_is_a_fault_even_before_its_connections_are_seen_to_break() {
    check(
        shared(1),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: exited
            -> r1 Spawn
            -> forget r0
        2.100 l0 breaks
        3.000 r1 opened
            -> r1 is IDLE: ready
        ",
    );
}

//= docs/contract.md#status-504
//= type=test
//# A 504 MUST start a TCP check of its runner, which is not ended by the status alone.
//= docs/contract.md#tcp-check
//= type=test
//# A runner that passes it MUST be kept.
#[test]
fn a_504_checks_the_runner_which_is_kept_if_it_passes() {
    check(
        shared(1),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 l0 answers 504
            -> r0 ProbeTcp
        2.100 admit c2 for 100
            -> grant c2 l1 on r0
        2.200 r0 probe-passed
        3.000 l1 answers 200
        ",
    );
}

//= docs/contract.md#tcp-check
//= type=test
//# A runner that fails the check MUST be terminated and replaced.
#[test]
fn a_runner_that_fails_its_check_is_ended_and_replaced() {
    check(
        shared(1),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 answers 504
            -> record q1 attempt 1 l0: again from 2.000, charged to server_error
            -> r0 ProbeTcp
        2.000 recorded
            -> claim 1 from l1
        2.100 r0 probe-failed
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: probe_failed
            -> r1 Spawn
        2.100 claimed
            -> record q1 attempt 2 l1: given back
        2.200 recorded
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l2
        ",
    );
}

//= docs/contract.md#tcp-check
//= type=test
//# At most one check MUST be in progress per runner: further triggers share its verdict.
//= docs/contract.md#status-500
//= type=test
//# A 500 MUST start a TCP check of its runner, and MUST NOT be retried.
//= docs/contract.md#status-502
//= type=test
//# A 502 MUST start a TCP check of its runner, and MUST NOT be retried.
#[test]
fn failures_at_once_share_one_check() {
    check(
        shared(3),
        "
        0.000 submit q1
            -> r0 Spawn
        0.000 submit q2
        0.000 submit q3
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 3 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
            -> dispatch q2 attempt 1 l1 on r0
            -> dispatch q3 attempt 1 l2 on r0
        2.000 l0 answers 500
            -> record q1 attempt 1 l0: ends with 500
            -> r0 ProbeTcp
        2.000 l1 answers 502
            -> record q2 attempt 1 l1: ends with 502
        2.100 r0 probe-passed
        2.200 l2 answers 500
            -> record q3 attempt 1 l2: ends with 500
            -> r0 ProbeTcp
        ",
    );
}

//= docs/contract.md#stop-runner
//= type=test
//# `x-fal-stop-runner` with `1` or `true` MUST terminate and replace the runner, whatever the status.
//= docs/contract.md#stop-runner
//= type=test
//# `x-fal-stop-runner` with `0` or `false` MUST keep the runner, even on a 503.
#[test]
fn the_stop_header_decides_about_the_runner_and_not_about_the_request() {
    check(
        shared(1),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 answers 503 keep
            -> record q1 attempt 1 l0: again from 2.000, charged to server_error
        2.000 recorded
            -> claim 1 from l1
        2.000 claimed
            -> dispatch q1 attempt 2 l1 on r0
        3.000 l1 answers 200 stop
            -> record q1 attempt 2 l1: ends with 200
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: stop_header
            -> r1 Spawn
        3.000 recorded
        ",
    );
}

//= docs/contract.md#needs-retry
//= type=test
//# The header moves the request only, never the runner: a 503 with `0` MUST still end its runner.
#[test]
fn a_503_that_forbids_its_retry_still_ends_its_runner() {
    check(
        shared(1),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 answers 503 no-retry
            -> record q1 attempt 1 l0: ends with 503
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: status_503
            -> r1 Spawn
        ",
    );
}

#[track_caller]
fn check_silence(outcome: &str, charge: &str, cause: &str) {
    let transcript = format!(
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 {outcome}
            -> record q1 attempt 1 l0: again from 2.000, charged to {charge}
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: {cause}
            -> r1 Spawn
        "
    );
    check(shared(1), &transcript);
}

//= docs/contract.md#timeout
//= type=test
//# A runner that exceeds it MUST be terminated.
//= docs/contract.md#refused
//= type=test
//# A runner that refuses a connection, or does not accept one in time, MUST be terminated.
//= docs/contract.md#truncation
//= type=test
//# A response that its runner cut short MUST terminate the runner.
#[test]
fn every_silence_ends_the_runner_under_its_own_name() {
    check_silence("breaks", "server_error", "disconnected");
    check_silence("cut", "server_error", "truncated");
    check_silence("times-out", "timeout", "request_timed_out");
    check_silence("refused", "connection_error", "refused");
    check_silence("connect-times-out", "connection_error", "connect_timed_out");
    check_silence("connect-fails", "connection_error", "connect_failed");
}

//= docs/contract.md#health-endpoint
//= type=test
//# A response header `x-fal-runner-health-check: true` MUST cause a probe at once, whose single failure terminates the runner.
#[test]
fn a_health_check_that_the_app_asked_for_ends_the_runner_when_it_fails_once() {
    check(
        watched(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 l0 answers 200 health
            -> r0 ProbeHealth
        2.500 r0 health-passed
        3.000 admit c2 for 100
            -> grant c2 l1 on r0
        3.000 admit c3 for 100
            -> grant c3 l2 on r0
        4.000 l1 answers 200 health
            -> r0 ProbeHealth
        4.500 r0 health-failed
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: health_failed
            -> r1 Spawn
        4.600 l2 breaks
        ",
    );
}

#[test]
fn an_app_without_a_health_endpoint_is_not_asked_for_its_health() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 l0 answers 200 health
        ",
    );
}

#[test]
fn a_runner_that_will_not_go_is_killed_when_its_grace_is_over() {
    check(
        shared(1),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 l0 answers 503
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: status_503
            -> r1 Spawn
        7.000 *
            -> r0 SignalKill
        8.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: status_503
            -> forget r0
        ",
    );
}
