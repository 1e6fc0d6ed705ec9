//! Requests that end runners: suspected, tried alone, and in the end not tried again.

use super::{check, scaled};
use crate::{Scale, Settings};

fn contained(slots: u32, max: u32) -> Settings {
    let scale = Scale { max, ..Scale::default() };
    Settings { poison_limit: 2, max_multiplexing: slots, ..scaled(scale) }
}

//= docs/contract.md#poison
//= type=test
//# With `poison_limit` set, a request that was in flight at so many deaths of runners MUST NOT be tried again,
//# and ends with `runner_disconnected`.
#[test]
fn a_request_that_two_runners_died_with_is_not_tried_again() {
    check(
        contained(1, 1),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 breaks
            -> record q1 attempt 1 l0: given back
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: disconnected
            -> r1 Spawn
        2.000 recorded
        2.100 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: disconnected
            -> forget r0
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l1
        3.000 claimed
            -> dispatch q1 attempt 2 l1 on r1
        4.000 l1 breaks
            -> contained q1: r0 disconnected, r1 disconnected
            -> record q1 attempt 2 l1: fails with Disconnected, and is a dead letter
            -> r1 Cut
            -> r1 SignalTerm
            -> r1 is TERMINATING: disconnected
            -> r2 Spawn
        ",
    );
}

//= docs/contract.md#poison
//= type=test
//# An attempt that ended because its runner died MUST NOT be charged then.
//= docs/contract.md#poison
//= type=test
//# A request that was in flight at a runner's death MUST be alone on its runner when it is tried again.
#[test]
fn whoever_was_in_flight_at_a_death_is_tried_alone() {
    check(
        contained(3, 1),
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
        2.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: exited
            -> r1 Spawn
            -> forget r0
        2.000 l0 breaks
            -> record q1 attempt 1 l0: given back
        2.000 l1 breaks
            -> record q2 attempt 1 l1: given back
        2.000 l2 breaks
            -> record q3 attempt 1 l2: given back
        2.000 recorded
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 3 from l3
        3.000 claimed
            -> dispatch q1 attempt 2 l3 on r1
        3.500 admit c1 for 100
        4.000 l3 answers 200
            -> record q1 attempt 2 l3: ends with 200
            -> dispatch q2 attempt 2 l4 on r1
        5.000 l4 breaks
            -> contained q2: r0 disconnected, r1 disconnected
            -> record q2 attempt 2 l4: fails with Disconnected, and is a dead letter
            -> r1 Cut
            -> r1 SignalTerm
            -> r1 is TERMINATING: disconnected
            -> r2 Spawn
        5.000 recorded
        5.100 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: disconnected
            -> forget r1
        6.000 r2 opened
            -> r2 is IDLE: ready
            -> dispatch q3 attempt 2 l5 on r2
        7.000 l5 answers 200
            -> record q3 attempt 2 l5: ends with 200
            -> grant c1 l6 on r2
        ",
    );
}

#[test]
fn a_suspect_waits_for_a_runner_to_come_to_rest() {
    check(
        contained(2, 2),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 breaks
            -> record q1 attempt 1 l0: given back
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: disconnected
            -> r1 Spawn
        2.100 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: disconnected
            -> forget r0
        2.200 admit c1 for 100
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c1 l1 on r1
        3.100 recorded
            -> claim 1 from l2
        3.200 claimed
        3.500 admit c2 for 100
            -> r2 Spawn
        4.000 l1 answers 200
            -> dispatch q1 attempt 2 l2 on r1
        ",
    );
}

#[test]
fn a_suspect_that_is_cancelled_while_it_waits_to_be_alone_is_given_back() {
    check(
        contained(2, 1),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 breaks
            -> record q1 attempt 1 l0: given back
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: disconnected
            -> r1 Spawn
        2.100 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: disconnected
            -> forget r0
        2.200 admit c1 for 100
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c1 l1 on r1
        3.100 recorded
            -> claim 1 from l2
        3.200 claimed
        3.300 cancel q1
            -> record q1 attempt 2 l2: given back
        3.400 recorded
        4.000 l1 answers 200
        ",
    );
}

#[test]
fn a_503_of_its_own_counts_as_a_death_and_is_charged() {
    check(
        contained(1, 1),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 answers 503
            -> record q1 attempt 1 l0: again from 2.000, charged to server_error
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: status_503
            -> r1 Spawn
        2.000 recorded
        2.100 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: status_503
            -> forget r0
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l1
        3.000 claimed
            -> dispatch q1 attempt 2 l1 on r1
        4.000 l1 answers 503
            -> contained q1: r0 status_503, r1 status_503
            -> record q1 attempt 2 l1: fails with Disconnected, and is a dead letter
            -> r1 Cut
            -> r1 SignalTerm
            -> r1 is TERMINATING: status_503
            -> r2 Spawn
        ",
    );
}

#[test]
fn a_refused_connection_is_no_death_that_it_was_at() {
    check(
        contained(1, 1),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 refused
            -> record q1 attempt 1 l0: again from 2.000, charged to connection_error
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: refused
            -> r1 Spawn
        2.000 recorded
        ",
    );
}
