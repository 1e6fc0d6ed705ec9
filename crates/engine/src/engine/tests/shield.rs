//! A runner that fails fast among others that serve: sent off, tried again, and never the last.

use super::{check, scaled};
use crate::{Scale, Settings};

fn pair() -> Settings {
    scaled(Scale { min: 2, max: 2, ..Scale::default() })
}

//= docs/contract.md#shield
//= type=test
//# A runner that nearly always fails while the others nearly always serve SHOULD be sent off for a while, and then
//# tried with one request at a time.
#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in full")]
fn a_runner_that_always_fails_is_sent_off_and_tried_again() {
    check(
        pair(),
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
        2.001 l0 answers 500
            -> r0 ProbeTcp
        2.001 r0 probe-passed
        2.002 l1 answers 200
        2.010 admit c3 for 100
            -> grant c3 l2 on r0
        2.010 admit c4 for 100
            -> grant c4 l3 on r1
        2.011 l2 answers 500
            -> r0 ProbeTcp
        2.011 r0 probe-passed
        2.012 l3 answers 200
        2.020 admit c5 for 100
            -> grant c5 l4 on r0
        2.020 admit c6 for 100
            -> grant c6 l5 on r1
        2.021 l4 answers 500
            -> r0 ProbeTcp
        2.021 r0 probe-passed
        2.022 l5 answers 200
        2.030 admit c7 for 100
            -> grant c7 l6 on r0
        2.030 admit c8 for 100
            -> grant c8 l7 on r1
        2.031 l6 answers 500
            -> r0 ProbeTcp
        2.031 r0 probe-passed
        2.032 l7 answers 200
        2.040 admit c9 for 100
            -> grant c9 l8 on r0
        2.040 admit c10 for 100
            -> grant c10 l9 on r1
        2.041 l8 answers 500
            -> r0 ProbeTcp
        2.041 r0 probe-passed
        2.042 l9 answers 200
        2.050 admit c11 for 100
            -> grant c11 l10 on r0
        2.050 admit c12 for 100
            -> grant c12 l11 on r1
        2.051 l10 answers 500
            -> r0 ProbeTcp
        2.051 r0 probe-passed
        2.052 l11 answers 200
        2.060 admit c13 for 100
            -> grant c13 l12 on r0
        2.060 admit c14 for 100
            -> grant c14 l13 on r1
        2.061 l12 answers 500
            -> r0 ProbeTcp
        2.061 r0 probe-passed
        2.062 l13 answers 200
        2.070 admit c15 for 100
            -> grant c15 l14 on r0
        2.070 admit c16 for 100
            -> grant c16 l15 on r1
        2.071 l14 answers 500
            -> r0 stands ejected
            -> r0 ProbeTcp
        2.071 r0 probe-passed
        2.072 l15 answers 200
        2.200 admit c17 for 100
            -> grant c17 l16 on r1
        2.200 admit c18 for 100
        2.300 l16 answers 200
            -> grant c18 l17 on r1
        2.400 l17 answers 200
        3.500 rest
        3.500 admit c19 for 100
            -> grant c19 l18 on r1
        3.550 l18 answers 200
        3.560 admit c20 for 100
            -> grant c20 l19 on r0
        3.600 l19 answers 500
            -> r0 stands ejected
            -> r0 ProbeTcp
        3.600 r0 probe-passed
        6.000 admit c21 for 100
            -> grant c21 l20 on r1
        6.100 l20 answers 200
        6.200 admit c22 for 100
            -> grant c22 l21 on r0
        ",
    );
}

//= docs/contract.md#shield
//= type=test
//# The last runner MUST NOT be sent off.
#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in full")]
fn runners_that_fail_alike_are_all_kept() {
    check(
        pair(),
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
        2.001 l0 answers 500
            -> r0 ProbeTcp
        2.001 r0 probe-passed
        2.002 l1 answers 500
            -> r1 ProbeTcp
        2.002 r1 probe-passed
        2.010 admit c3 for 100
            -> grant c3 l2 on r0
        2.010 admit c4 for 100
            -> grant c4 l3 on r1
        2.011 l2 answers 500
            -> r0 ProbeTcp
        2.011 r0 probe-passed
        2.012 l3 answers 500
            -> r1 ProbeTcp
        2.012 r1 probe-passed
        2.020 admit c5 for 100
            -> grant c5 l4 on r0
        2.020 admit c6 for 100
            -> grant c6 l5 on r1
        2.021 l4 answers 500
            -> r0 ProbeTcp
        2.021 r0 probe-passed
        2.022 l5 answers 500
            -> r1 ProbeTcp
        2.022 r1 probe-passed
        2.030 admit c7 for 100
            -> grant c7 l6 on r0
        2.030 admit c8 for 100
            -> grant c8 l7 on r1
        2.031 l6 answers 500
            -> r0 ProbeTcp
        2.031 r0 probe-passed
        2.032 l7 answers 500
            -> r1 ProbeTcp
        2.032 r1 probe-passed
        2.040 admit c9 for 100
            -> grant c9 l8 on r0
        2.040 admit c10 for 100
            -> grant c10 l9 on r1
        2.041 l8 answers 500
            -> r0 ProbeTcp
        2.041 r0 probe-passed
        2.042 l9 answers 500
            -> r1 ProbeTcp
        2.042 r1 probe-passed
        2.050 admit c11 for 100
            -> grant c11 l10 on r0
        2.050 admit c12 for 100
            -> grant c12 l11 on r1
        2.051 l10 answers 500
            -> r0 ProbeTcp
        2.051 r0 probe-passed
        2.052 l11 answers 500
            -> r1 ProbeTcp
        2.052 r1 probe-passed
        2.060 admit c13 for 100
            -> grant c13 l12 on r0
        2.060 admit c14 for 100
            -> grant c14 l13 on r1
        2.061 l12 answers 500
            -> r0 ProbeTcp
        2.061 r0 probe-passed
        2.062 l13 answers 500
            -> r1 ProbeTcp
        2.062 r1 probe-passed
        2.070 admit c15 for 100
            -> grant c15 l14 on r0
        2.070 admit c16 for 100
            -> grant c16 l15 on r1
        2.071 l14 answers 500
            -> r0 ProbeTcp
        2.071 r0 probe-passed
        2.072 l15 answers 500
            -> r1 ProbeTcp
        2.072 r1 probe-passed
        ",
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in full")]
fn the_one_that_was_sent_off_is_tried_at_once_when_nobody_else_is_left() {
    check(
        pair(),
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
        2.001 l0 answers 500
            -> r0 ProbeTcp
        2.001 r0 probe-passed
        2.002 l1 answers 200
        2.010 admit c3 for 100
            -> grant c3 l2 on r0
        2.010 admit c4 for 100
            -> grant c4 l3 on r1
        2.011 l2 answers 500
            -> r0 ProbeTcp
        2.011 r0 probe-passed
        2.012 l3 answers 200
        2.020 admit c5 for 100
            -> grant c5 l4 on r0
        2.020 admit c6 for 100
            -> grant c6 l5 on r1
        2.021 l4 answers 500
            -> r0 ProbeTcp
        2.021 r0 probe-passed
        2.022 l5 answers 200
        2.030 admit c7 for 100
            -> grant c7 l6 on r0
        2.030 admit c8 for 100
            -> grant c8 l7 on r1
        2.031 l6 answers 500
            -> r0 ProbeTcp
        2.031 r0 probe-passed
        2.032 l7 answers 200
        2.040 admit c9 for 100
            -> grant c9 l8 on r0
        2.040 admit c10 for 100
            -> grant c10 l9 on r1
        2.041 l8 answers 500
            -> r0 ProbeTcp
        2.041 r0 probe-passed
        2.042 l9 answers 200
        2.050 admit c11 for 100
            -> grant c11 l10 on r0
        2.050 admit c12 for 100
            -> grant c12 l11 on r1
        2.051 l10 answers 500
            -> r0 ProbeTcp
        2.051 r0 probe-passed
        2.052 l11 answers 200
        2.060 admit c13 for 100
            -> grant c13 l12 on r0
        2.060 admit c14 for 100
            -> grant c14 l13 on r1
        2.061 l12 answers 500
            -> r0 ProbeTcp
        2.061 r0 probe-passed
        2.062 l13 answers 200
        2.070 admit c15 for 100
            -> grant c15 l14 on r0
        2.070 admit c16 for 100
            -> grant c16 l15 on r1
        2.071 l14 answers 500
            -> r0 stands ejected
            -> r0 ProbeTcp
        2.071 r0 probe-passed
        2.072 l15 answers 200
        2.200 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: exited
            -> r2 Spawn
            -> forget r1
        2.300 admit c30 for 100
            -> grant c30 l16 on r0
        ",
    );
}
