//! Cancelled requests whose runners do not answer.

use super::{check, scaled, seconds};
use crate::{Cancel, Scale, Settings};

/// What a runner is given when it serves others, too: it stays, or it goes all the same.
const SPARING: Cancel = Cancel { grace: Some(seconds(3)), despite_others: false };
const STRICT: Cancel = Cancel { despite_others: true, ..SPARING };

fn patient(slots: u32, cancel: Cancel) -> Settings {
    Settings { cancel, max_multiplexing: slots, ..scaled(Scale { max: 1, ..Scale::default() }) }
}

//= docs/contract.md#cancel-grace
//= type=test
//# With `cancel_grace`, a runner that has not answered a cancelled request by then MUST be terminated and
//# replaced, unless it serves other requests and the app did not say that this does not matter.
#[test]
fn a_runner_that_does_not_answer_a_cancel_in_time_is_ended() {
    check(
        patient(1, SPARING),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 cancel q1
            -> signal cancel l0
        5.000 *
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: cancel_ignored
            -> r1 Spawn
        5.500 rest
        5.500 l0 breaks
            -> record q1 attempt 1 l0: is cancelled
        ",
    );
}

#[test]
fn one_that_answers_in_time_is_kept() {
    check(
        patient(1, SPARING),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 cancel q1
            -> signal cancel l0
        4.000 l0 answers 499
            -> record q1 attempt 1 l0: ends with 499
        6.000 rest
        ",
    );
}

#[test]
fn one_that_serves_others_is_kept() {
    check(
        patient(2, SPARING),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.000 admit c2 for 100
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
            -> grant c2 l1 on r0
        2.000 left l0
        6.000 rest
        ",
    );
}

#[test]
fn one_that_serves_others_is_ended_where_the_app_says_so() {
    check(
        patient(2, STRICT),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        0.000 admit c2 for 100
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
            -> grant c2 l1 on r0
        2.000 left l0
        5.000 *
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: cancel_ignored
            -> r1 Spawn
        6.000 rest
        ",
    );
}
