//! A machine that others share: waiting for it, and making room on it.

use super::{check, scaled, settings};
use crate::{Needs, Scale, Settings};

fn sharing(scale: Scale) -> Settings {
    Settings { needs: Needs::Share, ..scaled(scale) }
}

//= docs/contract.md#pending
//= type=test
//# A runner MUST NOT be started before what it needs of the machine has been allotted to it; until then it is PENDING.
#[test]
fn a_runner_is_pending_until_it_has_what_it_needs_and_its_caller_waits() {
    check(
        sharing(Scale { max: 1, ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Allot
        3.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        4.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        5.000 l0 answers 200
        ",
    );
}

#[test]
fn a_pending_runner_that_nobody_needs_any_more_is_given_up() {
    check(
        sharing(Scale { max: 2, ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Allot
        0.000 admit c2 for 5
            -> r1 Allot
        1.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        2.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        5.000 *
            -> refuse c2 StartupTimeout
            -> r1 is TERMINATED: scaled_down
            -> forget r1
        6.000 r1 allotted
        ",
    );
}

//= docs/contract.md#pending
//= type=test
//# After its crash backoff a runner MUST be PENDING again.
#[test]
fn after_crash_backoff_a_runner_is_pending_again() {
    check(
        sharing(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        1.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: setup_exited
            -> forget r0
        31.000 *
            -> r1 Allot
            -> r1 is PENDING: backoff_over
        32.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: backoff_over
        ",
    );
}

#[test]
fn a_runner_that_takes_another_s_place_waits_until_the_other_is_gone() {
    check(
        sharing(Scale { max: 1, ..Scale::default() }),
        "
        0.000 submit q1
            -> r0 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
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
            -> r1 Allot
        2.500 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: status_503
            -> forget r0
        2.500 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: replaces
        ",
    );
}

//= docs/contract.md#fairness
//= type=test
//# A runner that makes room MUST finish what is in flight on it, however long that may take, and gets its SIGTERM then.
#[test]
fn what_is_needed_is_told_from_what_is_not_and_work_in_flight_is_finished() {
    check(
        sharing(Scale { min: 1, max: 3, ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Allot
        0.000 admit c2 for 100
            -> r1 Allot
        0.000 admit c3 for 100
            -> r2 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        0.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c2 l1 on r1
        3.000 watched
            -> could do without: r0 busy since 1.000, r1 busy since 2.000
        4.000 l0 answers 200
            -> grant c3 l2 on r0
            -> r2 is TERMINATED: scaled_down
            -> forget r2
        5.000 r0 makes-room
            -> r0 is DRAINING: made_room
            -> could do without: r0 leaving
        6.000 l1 answers 200
        7.000 l2 answers 200
            -> r0 SignalTerm
            -> r0 is TERMINATING: made_room
        8.000 r1 makes-room
            -> could do without: r0 leaving
        ",
    );
}

#[test]
fn idle_runners_and_spares_are_not_needed_but_for_min() {
    check(
        Settings { spares: 1, ..sharing(Scale { max: 2, ..Scale::default() }) },
        "
        0.000 admit c1 for 100
            -> r0 Allot
            -> r1 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        0.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: spare
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 watched
            -> could do without: r0 busy since 1.000, r1 spare
        3.000 r1 makes-room
            -> r1 SignalTerm
            -> r1 is TERMINATING: made_room
            -> r2 Allot
            -> could do without: r0 busy since 1.000, r1 leaving
        3.500 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: made_room
            -> forget r1
            -> could do without: r0 busy since 1.000
        4.000 l0 answers 200
            -> could do without: r0 idle since 4.000
        5.000 r0 makes-room
            -> r0 SignalTerm
            -> r0 is TERMINATING: made_room
            -> r2 is TERMINATED: scaled_down
            -> forget r2
            -> could do without: r0 leaving
        ",
    );
}

//= docs/contract.md#gpus
//= type=test
//# Where a reload finds no free GPU for a runner of the new revision, one of the old revision MUST make room for it.
#[test]
fn a_reload_without_room_for_one_more_runner_takes_an_old_one_s_place() {
    check(
        sharing(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 admit c1 for 100
            -> grant c1 l0 on r0
        3.000 reload processes
            -> r1 Allot
        3.000 watched
            -> could do without: r0 old
        3.000 r0 makes-room for r1
            -> r0 is DRAINING: reloaded
            -> could do without: r0 leaving
        4.000 l0 answers 200
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
        5.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: reloaded
            -> forget r0
            -> could do without: nobody
        5.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: reloaded
        6.000 r1 opened
            -> r1 is IDLE: ready
            -> rolled over
        ",
    );
}

//= docs/contract.md#spares
//= type=test
//# Where the machine has nothing for a runner that is needed, a spare MUST serve in its place.
#[test]
fn a_spare_serves_where_the_machine_has_nothing_for_one_more() {
    check(
        Settings { spares: 1, ..sharing(Scale { max: 2, ..Scale::default() }) },
        "
        0.000 admit c1 for 100
            -> r0 Allot
            -> r1 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        0.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: spare
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 admit c2 for 100
            -> r2 Allot
        3.000 *
            -> r1 stands serving
            -> r2 is TERMINATED: scaled_down
            -> forget r2
            -> grant c2 l1 on r1
            -> r3 Allot
        4.000 l0 answers 200
        ",
    );
}

//= docs/contract.md#gpus
//= type=test
//# Where a reload finds no free GPU for a runner of the new revision, one of the old revision MUST make room for it.
#[test]
fn in_a_reload_without_room_one_old_runner_goes_at_a_time() {
    check(
        sharing(Scale { min: 2, max: 2, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Allot
            -> r1 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        0.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 reload processes
            -> r2 Allot
        2.000 watched
            -> could do without: r0 old, r1 old
        3.000 r0 makes-room for r2
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> r3 Allot
            -> could do without: r0 leaving, r1 old for r2
        4.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: reloaded
            -> forget r0
            -> could do without: r1 old for r2
        4.000 r2 allotted
            -> r2 Spawn
            -> r2 is SETUP: reloaded
            -> could do without: nobody
        5.000 r1 makes-room for r3
            -> could do without: nobody
        6.000 r2 opened
            -> r2 is IDLE: ready
            -> could do without: r1 old
        7.000 r1 makes-room for r3
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
            -> could do without: r1 leaving
        8.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: reloaded
            -> forget r1
            -> could do without: nobody
        8.000 r3 allotted
            -> r3 Spawn
            -> r3 is SETUP: reloaded
        9.000 r3 opened
            -> r3 is IDLE: ready
            -> rolled over
        ",
    );
}

#[test]
fn a_new_runner_that_needs_more_than_one_old_one_held_gets_it() {
    check(
        sharing(Scale { min: 2, max: 2, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Allot
            -> r1 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        0.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 reload processes max 1 min 1
            -> r2 Allot
        2.000 watched
            -> could do without: r0 old, r1 old
        3.000 r0 makes-room for r2
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> could do without: r0 leaving, r1 old for r2
        3.000 r1 makes-room for r2
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
            -> could do without: r0 leaving, r1 leaving
        4.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: reloaded
            -> forget r0
            -> could do without: r1 leaving
        4.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: reloaded
            -> forget r1
            -> could do without: nobody
        5.000 r2 allotted
            -> r2 Spawn
            -> r2 is SETUP: reloaded
        6.000 r2 opened
            -> r2 is IDLE: ready
            -> rolled over
        ",
    );
}

#[test]
fn in_a_reload_without_room_the_spare_goes_first() {
    check(
        Settings { spares: 1, ..sharing(Scale { min: 1, max: 1, ..Scale::default() }) },
        "
        0.000 elapse
            -> r0 Allot
            -> r1 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        0.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: spare
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 reload processes
            -> r2 Allot
        2.000 watched
            -> could do without: r0 old, r1 old spare
        3.000 r1 makes-room for r2
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
            -> could do without: r0 old, r1 leaving
        4.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: reloaded
            -> forget r1
            -> could do without: r0 old
        4.000 r2 allotted
            -> r2 Spawn
            -> r2 is SETUP: reloaded
        5.000 r2 opened
            -> r2 is IDLE: ready
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> rolled over
            -> r3 Allot
            -> could do without: r0 leaving
        ",
    );
}

#[test]
fn a_reload_whose_runner_fails_in_the_place_of_an_old_one_is_held_up_and_not_over() {
    check(
        sharing(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 reload processes
            -> r1 Allot
        2.000 watched
            -> could do without: r0 old
        2.000 r0 makes-room for r1
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> could do without: r0 leaving
        3.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: reloaded
            -> forget r0
            -> could do without: nobody
        3.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: reloaded
        4.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: setup_exited
            -> forget r1
            -> roll is held up
        34.000 *
            -> r2 Allot
            -> r2 is PENDING: backoff_over
        34.000 r2 allotted
            -> r2 Spawn
            -> r2 is SETUP: backoff_over
        35.000 r2 opened
            -> r2 is IDLE: ready
            -> rolled over
        ",
    );
}

//= docs/contract.md#reload
//= type=test
//# A new revision whose runners have been PENDING for 10 seconds is held up: the next app has its turn, and it goes on when it can.
#[test]
fn a_reload_that_waits_for_the_machine_does_not_hold_up_the_next_app() {
    check(
        sharing(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 reload processes
            -> r1 Allot
        12.000 *
            -> roll is held up
        14.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: reloaded
        15.000 r1 opened
            -> r1 is IDLE: ready
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> rolled over
        ",
    );
}

#[test]
fn an_order_that_is_out_of_date_ends_nobody() {
    check(
        sharing(Scale { max: 1, ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 l0 answers 200
        3.000 watched
            -> could do without: r0 idle since 2.000
        4.000 admit c2 for 100
            -> grant c2 l1 on r0
            -> could do without: r0 busy since 1.000
        4.000 r0 makes-room as-idle
            -> could do without: r0 busy since 1.000
        ",
    );
}

#[test]
fn of_several_runners_that_take_turns_one_is_not_needed() {
    check(
        sharing(Scale { max: 2, ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Allot
        0.000 admit c2 for 100
            -> r1 Allot
        0.000 r0 allotted
            -> r0 Spawn
            -> r0 is SETUP: scaled_up
        0.000 r1 allotted
            -> r1 Spawn
            -> r1 is SETUP: scaled_up
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        1.000 r1 opened
            -> r1 is IDLE: ready
            -> grant c2 l1 on r1
        2.000 l0 answers 200
        2.000 l1 answers 200
        3.000 watched
            -> could do without: r0 idle since 2.000, r1 idle since 2.000
        4.000 admit c3 for 100
            -> grant c3 l2 on r0
            -> could do without: r0 busy since 1.000, r1 idle since 2.000
        5.000 l2 answers 200
            -> could do without: r0 idle since 3.000, r1 idle since 2.000
        5.000 admit c4 for 100
            -> grant c4 l3 on r1
            -> could do without: r0 idle since 3.000, r1 busy since 1.000
        ",
    );
}

#[test]
fn an_app_that_needs_nothing_asks_for_nothing() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 watched
            -> could do without: nobody
        2.000 unwatched
        ",
    );
}
