//! Spares: kept set up beside the runners that serve, for the death of one.

use super::{check, scaled, seconds, settings};
use crate::{Scale, Settings};

fn spared(spares: u32, scale: Scale) -> Settings {
    Settings { spares, ..scaled(scale) }
}

fn one() -> Scale {
    Scale { min: 1, max: 1, ..Scale::default() }
}

//= docs/contract.md#spares
//= type=test
//# When a runner dies, a ready spare MUST take its place in the same step, and another spare is started.
#[test]
fn a_ready_spare_takes_over_in_the_step_that_sees_the_death() {
    check(
        spared(1, one()),
        "
        0.000 elapse
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 admit c1 for 100
            -> grant c1 l0 on r0
        2.000 admit c2 for 100
        3.000 l0 breaks
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: disconnected
            -> r1 stands serving
            -> grant c2 l1 on r1
            -> r2 Spawn
        3.100 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: disconnected
            -> forget r0
        4.000 r2 opened
            -> r2 is IDLE: ready
        5.000 l1 answers 200
        ",
    );
}

//= docs/contract.md#spares
//= type=test
//# While an app has runners, `spares` more MUST be kept set up, and get no request.
#[test]
fn a_spare_gets_no_request_however_many_wait() {
    check(
        spared(2, one()),
        "
        0.000 elapse
            -> r0 Spawn
            -> r1 Spawn
            -> r2 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        1.000 r2 opened
            -> r2 is IDLE: ready
        2.000 admit c1 for 100
            -> grant c1 l0 on r0
        2.000 admit c2 for 100
        2.000 submit q1
        3.000 l0 answers 200
            -> grant c2 l1 on r0
        ",
    );
}

#[test]
fn a_spare_that_is_still_starting_takes_over_when_it_is_ready() {
    check(
        spared(1, one()),
        "
        0.000 elapse
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: exited
            -> r1 stands serving
            -> forget r0
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> r2 Spawn
            -> r2 is SETUP: woken
        ",
    );
}

#[test]
fn a_spare_that_dies_is_started_again_and_nobody_is_replaced() {
    check(
        spared(1, one()),
        "
        0.000 elapse
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: exited
            -> forget r1
        32.000 *
            -> r2 Spawn
            -> r2 is SETUP: backoff_over
        33.000 r2 opened
            -> r2 is IDLE: ready
        ",
    );
}

#[test]
fn spares_go_when_the_app_has_no_runner_any_more() {
    check(
        spared(1, Scale { max: 1, keep_alive: seconds(5), ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 l0 answers 200
        7.000 *
            -> r0 SignalTerm
            -> r0 is TERMINATING: keep_alive
            -> r1 SignalTerm
            -> r1 is TERMINATING: scaled_down
        7.500 rest
        ",
    );
}

#[test]
fn a_drain_stops_the_spares_too() {
    check(
        spared(1, one()),
        "
        0.000 elapse
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 drain
            -> r0 SignalTerm
            -> r0 is TERMINATING: shutdown
            -> r1 SignalTerm
            -> r1 is TERMINATING: shutdown
        2.500 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: shutdown
            -> forget r0
        2.500 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: shutdown
            -> forget r1
            -> drained
        ",
    );
}

#[test]
fn without_spares_the_replacement_starts_in_the_step_that_sees_the_death() {
    check(
        Settings { spares: 0, ..settings() },
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
        ",
    );
}

//= docs/contract.md#spares
//= type=test
//# When a runner dies, a ready spare MUST take its place in the same step, and another spare is started.
#[test]
fn the_time_that_a_spare_has_waited_does_not_count_as_idle_when_it_serves() {
    let scale = Scale { max: 1, keep_alive: seconds(5), ..Scale::default() };
    check(
        Settings { spares: 1, ..scaled(scale) },
        "
        0.000 admit c1 for 100
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
        20.000 l0 answers 503
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: status_503
            -> r1 stands serving
            -> r2 Spawn
        25.000 *
            -> r0 SignalKill
            -> r1 SignalTerm
            -> r1 is TERMINATING: keep_alive
            -> r2 SignalTerm
            -> r2 is TERMINATING: scaled_down
        26.000 rest
        ",
    );
}
