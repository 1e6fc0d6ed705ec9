//! How many runners there are: load, bounds, buffers, delays and idle time.

use super::{check, scaled, seconds, settings};
use crate::{Scale, Settings};

fn quick() -> Scale {
    Scale { max: 2, keep_alive: seconds(30), ..Scale::default() }
}

#[test]
fn idle_runners_go_when_they_were_idle_for_too_long() {
    check(
        scaled(quick()),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.000 admit c2 for 100
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c2 l1 on r1
        2.000 l0 answers 200
        5.000 l1 answers 200
        32.000 *
            -> r0 SignalTerm
            -> r0 is TERMINATING: keep_alive
        33.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: keep_alive
            -> forget r0
        35.000 *
            -> r1 SignalTerm
            -> r1 is TERMINATING: keep_alive
        40.000 *
            -> r1 SignalKill
        40.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: keep_alive
            -> forget r1
        ",
    );
}

#[test]
fn the_fewest_runners_stay_however_long_they_are_idle() {
    check(
        scaled(Scale { min: 1, ..quick() }),
        "
        0.000 elapse
            -> r0 Spawn
        0.000 admit c1 for 100
        0.000 admit c2 for 100
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c2 l1 on r1
        2.000 l0 answers 200
        5.000 l1 answers 200
        32.000 *
            -> r0 SignalTerm
            -> r0 is TERMINATING: keep_alive
        37.000 *
            -> r0 SignalKill
        500.000 rest
        ",
    );
}

#[test]
fn a_runner_that_no_request_reached_goes_after_ten_seconds() {
    check(
        scaled(quick()),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.500 withdraw c1
        1.000 r0 opened
            -> r0 is IDLE: ready
        11.000 *
            -> r0 SignalTerm
            -> r0 is TERMINATING: keep_alive
        16.000 *
            -> r0 SignalKill
        20.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: keep_alive
            -> forget r0
        ",
    );
}

#[test]
fn no_more_runners_are_started_than_there_may_be() {
    check(
        scaled(quick()),
        "
        0.000 submit q1
            -> r0 Spawn
        0.000 submit q2
            -> r1 Spawn
        0.000 submit q3
        0.000 admit c1 for 100
        0.000 admit c2 for 100
        ",
    );
}

#[test]
fn a_replacement_waits_until_there_is_room_for_it() {
    check(
        scaled(Scale { max: 1, ..Scale::default() }),
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
        2.000 l0 breaks
        3.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: setup_exited
            -> forget r1
        ",
    );
}

#[test]
fn load_starts_a_runner_only_when_it_has_waited_for_the_delay() {
    check(
        scaled(Scale { delay: seconds(2), ..quick() }),
        "
        0.000 admit c1 for 100
        1.000 withdraw c1
        5.000 admit c2 for 100
        6.000 submit q1
        7.000 *
            -> r0 Spawn
            -> r1 Spawn
        8.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c2 l0 on r0
        ",
    );
}

#[test]
fn a_buffer_is_kept_beside_what_the_load_needs() {
    check(
        scaled(Scale { max: 3, buffer: 1, ..quick() }),
        "
        0.000 elapse
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 admit c1 for 100
            -> grant c1 l0 on r0
            -> r1 Spawn
        3.000 r1 opened
            -> r1 is IDLE: ready
        4.000 admit c2 for 100
            -> grant c2 l1 on r1
            -> r2 Spawn
        5.000 r2 opened
            -> r2 is IDLE: ready
        100.000 l0 answers 200
            -> r2 SignalTerm
            -> r2 is TERMINATING: keep_alive
        105.000 *
            -> r2 SignalKill
        110.000 l1 answers 200
        130.000 *
            -> r0 SignalTerm
            -> r0 is TERMINATING: keep_alive
        135.000 *
            -> r0 SignalKill
        500.000 rest
        ",
    );
}

#[test]
fn a_buffer_in_percent_grows_with_the_load() {
    check(
        scaled(Scale { max: 9, buffer_percent: 50, ..quick() }),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
            -> r1 Spawn
        0.000 admit c2 for 100
            -> r2 Spawn
        0.000 admit c3 for 100
            -> r3 Spawn
            -> r4 Spawn
        ",
    );
}

#[test]
fn runners_with_several_slots_are_started_for_as_many_requests() {
    check(
        Settings { max_multiplexing: 2, ..settings() },
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.000 admit c2 for 100
        0.000 admit c3 for 100
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
            -> grant c2 l1 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c3 l2 on r1
        ",
    );
}
