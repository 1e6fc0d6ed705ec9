//! Claims: for which slots they are made, and what crosses them on their way to the store and back.

use super::{check, scaled, settings};
use crate::{Scale, Settings};

fn only_one() -> Settings {
    scaled(Scale { max: 1, ..Scale::default() })
}

#[test]
fn requests_are_claimed_for_the_slots_that_are_free_and_dispatched_in_their_order() {
    check(
        settings(),
        "
        0.000 submit q1 low
            -> r0 Spawn
        0.000 submit q2
            -> r1 Spawn
        0.000 submit q3
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.100 claimed
            -> dispatch q2 attempt 1 l0 on r0
        1.200 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l1
        1.300 claimed
            -> dispatch q3 attempt 1 l1 on r1
        2.000 l0 answers 200
            -> record q2 attempt 1 l0: ends with 200
            -> claim 1 from l2
        2.000 claimed
            -> dispatch q1 attempt 1 l2 on r0
        3.000 l1 answers 422
            -> record q3 attempt 1 l1: ends with 422
        3.000 l2 answers 200
            -> record q1 attempt 1 l2: ends with 200
        3.000 recorded
        ",
    );
}

#[test]
fn a_ticket_whose_runner_died_before_its_dispatch_is_given_back_and_loses_no_attempt() {
    check(
        only_one(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.500 commit
        1.600 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: exited
            -> forget r0
        1.700 claimed
            -> record q1 attempt 1 l0: given back
            -> r1 is TERMINATED: scaled_down
            -> forget r1
        1.800 recorded
        31.600 *
            -> r2 Spawn
            -> r2 is SETUP: backoff_over
        40.000 r2 opened
            -> r2 is IDLE: ready
            -> claim 1 from l1
        40.000 claimed
            -> dispatch q1 attempt 2 l1 on r2
        ",
    );
}

#[test]
fn a_request_that_arrives_while_a_claim_is_under_way_is_not_forgotten() {
    check(
        settings(),
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
        2.000 l1 answers 200
        3.000 submit q1
            -> claim 1 from l2
        3.100 commit
        3.200 submit q2
        3.300 claimed
            -> dispatch q1 attempt 1 l2 on r0
            -> claim 1 from l3
        3.400 claimed
            -> dispatch q2 attempt 1 l3 on r1
        ",
    );
    check(
        settings(),
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
        2.000 l1 answers 200
        3.000 submit q1
            -> claim 1 from l2
        3.100 commit
        3.200 keep q2
        3.300 claimed
            -> dispatch q1 attempt 1 l2 on r0
        3.400 hear
            -> claim 1 from l3
        3.500 claimed
            -> dispatch q2 attempt 1 l3 on r1
        ",
    );
}

#[test]
fn a_direct_call_does_not_take_the_slot_that_a_claim_is_under_way_for() {
    check(
        only_one(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.100 admit c1 for 100
        1.200 claimed
            -> dispatch q1 attempt 1 l0 on r0
        1.300 l0 answers 200
            -> record q1 attempt 1 l0: ends with 200
            -> grant c1 l1 on r0
        ",
    );
}

#[test]
fn a_claim_that_found_nothing_gives_its_slot_to_the_call_that_waited() {
    check(
        only_one(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.100 admit c1 for 100
        1.150 cancel q1
        1.200 claimed
            -> grant c1 l1 on r0
        ",
    );
}

#[test]
fn a_claim_that_failed_is_made_again_at_the_moment_that_was_named() {
    check(
        only_one(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.100 claim-fails 0.5
        1.200 submit q2
        1.600 *
            -> claim 1 from l1
        1.700 claimed
            -> dispatch q1 attempt 1 l1 on r0
        ",
    );
}

#[test]
fn the_slot_that_a_direct_call_gives_back_goes_to_a_request_that_waits() {
    check(
        only_one(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 submit q1
        3.000 l0 answers 200
            -> claim 1 from l1
        3.000 claimed
            -> dispatch q1 attempt 1 l1 on r0
        ",
    );
}
