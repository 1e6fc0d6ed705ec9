//! From the wish for a runner to its open port, and the ways in which that fails.

use super::{check, scaled, settings};
use crate::Scale;

//= docs/contract.md#startup-ready
//= type=test
//# No request MUST reach a runner before it is ready.
#[test]
fn a_first_call_starts_a_runner_and_gets_it_when_its_port_opens() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        3.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        3.500 l0 answers 200
        4.000 admit c2 for 100
            -> grant c2 l1 on r0
        ",
    );
}

//= docs/contract.md#crash-backoff
//= type=test
//# The wait is 30 seconds times the number of consecutive failures, and 600 seconds at most.
//= docs/contract.md#startup-failed
//= type=test
//# Queued requests MUST keep waiting through failed starts, and a failed start MUST NOT use up an attempt.
#[test]
fn a_queued_request_waits_through_failed_starts_and_each_makes_the_next_one_wait_longer() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        2.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: setup_exited
            -> forget r0
        32.000 *
            -> r1 Spawn
            -> r1 is SETUP: backoff_over
        34.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: setup_exited
            -> forget r1
        94.000 *
            -> r2 Spawn
            -> r2 is SETUP: backoff_over
        95.000 r2 opened
            -> r2 is IDLE: ready
            -> claim 1 from l0
        95.000 claimed
            -> dispatch q1 attempt 1 l0 on r2
        ",
    );
}

//= docs/contract.md#crash-backoff
//= type=test
//# A successful start MUST wake every waiting start and reset the count.
#[test]
fn a_successful_start_wakes_the_others_and_the_next_failure_counts_from_one() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        0.000 submit q2
            -> r1 Spawn
        1.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: setup_exited
            -> forget r0
        2.000 r1 opened
            -> r1 is IDLE: ready
            -> r2 Spawn
            -> r2 is SETUP: woken
            -> claim 1 from l0
        2.000 claimed
            -> dispatch q1 attempt 1 l0 on r1
        5.000 r2 exited
            -> r2 Cut
            -> r2 is TERMINATED: setup_exited
            -> forget r2
        35.000 *
            -> r3 Spawn
            -> r3 is SETUP: backoff_over
        36.000 rest
        ",
    );
}

//= docs/contract.md#startup-timeout
//= type=test
//# It counts as a failed start.
#[test]
fn a_runner_whose_port_stays_shut_ends_and_the_next_start_waits() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        100.000 *
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: startup_timed_out
        100.000 rest
        101.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: startup_timed_out
            -> forget r0
        130.000 *
            -> r1 Spawn
            -> r1 is SETUP: backoff_over
        131.000 rest
        ",
    );
}

#[test]
fn a_port_that_opens_when_its_runner_was_given_up_wakes_nobody() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        100.000 *
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: startup_timed_out
        100.000 rest
        100.500 r0 opened
        101.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: startup_timed_out
            -> forget r0
        130.000 *
            -> r1 Spawn
            -> r1 is SETUP: backoff_over
        130.000 rest
        ",
    );
}

//= docs/contract.md#direct-wait
//= type=test
//# Where starting a runner fails outright, waiting direct calls MUST get 503 `runner_scheduling_failure`.
#[test]
fn a_command_that_cannot_be_started_refuses_the_calls_that_wait() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.000 admit c2 for 100
            -> r1 Spawn
        0.000 submit q1
        0.500 r0 spawn-failed
            -> r0 is TERMINATED: start_failed
            -> refuse c1 SchedulingFailure
            -> refuse c2 SchedulingFailure
            -> forget r0
        ",
    );
}

#[test]
fn a_wait_after_a_failed_start_is_counted_from_the_failure() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 spawn-failed
            -> r0 is TERMINATED: start_failed
            -> refuse c1 SchedulingFailure
            -> forget r0
        21.000 admit c2 for 100
        31.000 *
            -> r1 Spawn
            -> r1 is SETUP: backoff_over
        31.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c2 l0 on r1
        ",
    );
}

#[test]
fn a_runner_that_died_unused_is_replaced_after_the_crash_backoff() {
    check(
        scaled(Scale { min: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Spawn
        0.000 admit c1 for 100
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.500 l0 answers 200
        2.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: exited
            -> r1 Spawn
            -> forget r0
        3.000 r1 opened
            -> r1 is IDLE: ready
        4.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: exited
            -> forget r1
        34.000 *
            -> r2 Spawn
            -> r2 is SETUP: backoff_over
        34.000 r2 opened
            -> r2 is IDLE: ready
        ",
    );
}

#[test]
fn a_start_that_nobody_needs_any_more_is_given_up_while_it_waits() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: setup_exited
            -> forget r0
        2.000 withdraw c1
            -> r1 is TERMINATED: scaled_down
            -> forget r1
        ",
    );
}
