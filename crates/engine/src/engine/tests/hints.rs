//! Runner hints: a request goes where something it needs is loaded, if that runner is free.

use super::{check, scaled};
use crate::{Scale, Settings};

fn pair() -> Settings {
    scaled(Scale { min: 2, max: 2, ..Scale::default() })
}

//= docs/contract.md#runner-hints
//= type=test
//# A queued request with a hint SHOULD go to a free runner whose last hints hold it, and to any other where there
//# is none.
#[test]
fn a_hint_finds_its_runner() {
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
        3.000 l1 answers 200 hints lora,other
        3.000 l0 answers 200
        4.000 submit q1 hint lora
            -> claim 1 from l2
        4.000 claimed
            -> dispatch q1 attempt 1 l2 on r1
        4.000 submit q2 hint lora
            -> claim 1 from l3
        4.000 claimed
            -> dispatch q2 attempt 1 l3 on r0
        5.000 l2 answers 200 hints none
            -> record q1 attempt 1 l2: ends with 200
        5.000 l3 answers 200
            -> record q2 attempt 1 l3: ends with 200
        6.000 submit q3 hint lora
            -> claim 1 from l4
        6.000 claimed
            -> dispatch q3 attempt 1 l4 on r1
        ",
    );
}
