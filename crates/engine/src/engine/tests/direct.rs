//! Direct calls: who gets a slot, who waits, and what is never done for them.

use super::{check, scaled};
use crate::{Scale, Settings};

fn only_one() -> Settings {
    scaled(Scale { max: 1, ..Scale::default() })
}

//= docs/contract.md#direct-wait
//= type=test
//# A direct call that finds no ready runner MUST wait for one, at most `startup_timeout`, and then get 504 `startup_timeout`.
#[test]
fn a_call_that_waited_too_long_is_told_whose_deadline_it_was() {
    check(
        only_one(),
        "
        0.000 admit c1 for 50
            -> r0 Spawn
        1.000 admit c2 within 5
        2.000 admit c3 for 100
        6.000 *
            -> refuse c2 StartDeadline
        50.000 *
            -> refuse c1 StartupTimeout
        60.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c3 l0 on r0
        ",
    );
}

#[test]
fn calls_that_wait_get_their_slots_in_the_order_they_came() {
    check(
        only_one(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.000 admit c2 for 100
        0.000 admit c3 for 100
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 withdraw c2
        3.000 l0 answers 200
            -> grant c3 l1 on r0
        ",
    );
}

#[test]
fn a_call_that_went_away_when_it_was_granted_gives_its_slot_back() {
    check(
        only_one(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 withdraw c1
        1.000 l0 abandoned
        1.500 l0 abandoned
        2.000 admit c2 for 100
            -> grant c2 l1 on r0
        ",
    );
}

//= docs/contract.md#direct-never-retried
//= type=test
//# A direct call MUST NOT be retried, whatever happened and whatever its headers say.
//= docs/contract.md#abandoned
//= type=test
//# A caller that hangs up MUST NOT count as a fault of the runner, and the runner is kept.
#[test]
fn no_end_of_a_direct_call_makes_it_go_again() {
    check(
        scaled(Scale { max: 1, min: 1, ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 l0 answers 429 retry after 5
        2.000 admit c2 for 100
            -> grant c2 l1 on r0
        3.000 l1 abandoned
        3.000 admit c3 for 100
            -> grant c3 l2 on r0
        4.000 l2 answers 503 retry
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: status_503
            -> r1 Spawn
        5.000 r1 opened
            -> r1 is IDLE: ready
        5.000 admit c4 for 100
            -> grant c4 l3 on r1
        6.000 l3 breaks
            -> r1 Cut
            -> r1 SignalTerm
            -> r1 is TERMINATING: disconnected
            -> r2 Spawn
        ",
    );
}

#[test]
fn requests_go_to_the_runner_with_the_fewest_and_equals_take_turns() {
    check(
        Settings { max_multiplexing: 2, ..scaled(Scale { min: 2, ..Scale::default() }) },
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
            -> grant c2 l1 on r1
        2.000 l0 answers 200
        2.000 admit c3 for 100
            -> grant c3 l2 on r0
        2.000 admit c4 for 100
            -> grant c4 l3 on r1
        2.000 l2 answers 200
        2.000 admit c5 for 100
            -> grant c5 l4 on r0
        2.000 admit c6 for 100
            -> grant c6 l5 on r0
        ",
    );
}
