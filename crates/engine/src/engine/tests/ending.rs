//! The end of an app: no new work, running work may finish.

use super::{check, settings};

//= docs/contract.md#shutdown
//= type=test
//# On shutdown every runner MUST be stopped, and requests in flight may finish within the grace period.
//= docs/contract.md#shutdown
//= type=test
//# A draining runner MUST NOT get new requests.
#[test]
fn a_drain_refuses_who_waits_and_lets_finish_what_runs() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.000 submit q1
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l1
        1.000 claimed
            -> dispatch q1 attempt 1 l1 on r1
        1.000 admit c2 for 100
        2.000 drain
            -> refuse c2 SchedulingFailure
            -> r0 SignalTerm
            -> r0 is DRAINING: shutdown
            -> r1 SignalTerm
            -> r1 is DRAINING: shutdown
        2.000 admit c3 for 100
            -> refuse c3 SchedulingFailure
        2.000 submit q2
        3.000 l0 answers 200
            -> r0 is TERMINATING: shutdown
        3.500 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: shutdown
            -> forget r0
        4.000 l1 answers 503
            -> r1 is TERMINATING: shutdown
            -> record q1 attempt 1 l1: again from 4.000, charged to server_error
        4.000 recorded
        4.500 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: shutdown
            -> forget r1
            -> drained
        5.000 drain
        ",
    );
}

//= docs/contract.md#shutdown
//= type=test
//# A runner that still runs when the grace period is over MUST be killed with its whole process group.
#[test]
fn what_still_runs_when_the_grace_is_over_is_cut_and_goes_again_after_the_next_start() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 drain
            -> r0 SignalTerm
            -> r0 is DRAINING: shutdown
        7.000 *
            -> r0 Cut
            -> r0 SignalKill
            -> r0 is TERMINATING: shutdown
        7.000 l0 breaks
            -> record q1 attempt 1 l0: given back
        7.100 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: shutdown
            -> forget r0
            -> drained
        ",
    );
}

#[test]
fn a_claim_that_a_drain_overtook_is_given_back() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 drain
            -> r0 SignalTerm
            -> r0 is TERMINATING: shutdown
        1.100 claimed
            -> record q1 attempt 1 l0: given back
        1.100 recorded
        1.200 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: shutdown
            -> forget r0
            -> drained
        ",
    );
}

#[test]
fn an_app_without_runners_is_drained_at_once_and_only_once() {
    check(
        settings(),
        "
        0.000 drain
            -> drained
        0.000 drain
        1.000 admit c1 for 100
            -> refuse c1 SchedulingFailure
        ",
    );
}

#[test]
fn starts_that_wait_are_given_up_by_a_drain() {
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
        2.000 drain
            -> r1 SignalTerm
            -> r1 is TERMINATING: shutdown
            -> r2 is TERMINATED: shutdown
            -> forget r2
        3.000 r1 opened
        3.500 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: shutdown
            -> forget r1
            -> drained
        ",
    );
}
