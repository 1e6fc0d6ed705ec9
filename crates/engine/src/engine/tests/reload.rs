//! Other configurations: which runners go, which come, and in which order.

use super::{check, scaled, seconds, settings};
use crate::{Scale, Settings};

//= docs/contract.md#reload
//= type=test
//# A runner of the old revision MUST stay in service until one of the new revision is ready in its place.
//= docs/contract.md#reload
//= type=test
//# There MUST be at most one runner more than `max_concurrency` at a time for it.
#[test]
fn runners_go_one_by_one_as_new_ones_are_ready() {
    check(
        scaled(Scale { min: 2, max: 2, ..Scale::default() }),
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
        3.000 reload processes
            -> r2 Spawn
        4.000 admit c2 for 100
            -> grant c2 l1 on r1
        5.000 r2 opened
            -> r2 is IDLE: ready
            -> r0 is DRAINING: reloaded
            -> r3 Spawn
        6.000 admit c3 for 100
            -> grant c3 l2 on r2
        7.000 l0 answers 200
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
        8.000 r3 opened
            -> r3 is IDLE: ready
            -> r1 is DRAINING: reloaded
            -> rolled over
        9.000 l1 answers 200
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
        9.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: reloaded
            -> forget r1
        ",
    );
}

//= docs/contract.md#reload
//= type=test
//# Every other setting MUST be applied without replacing a runner.
#[test]
fn a_setting_that_concerns_no_process_replaces_no_runner() {
    check(
        scaled(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 admit c1 for 100
            -> grant c1 l0 on r0
        2.000 admit c2 for 100
        3.000 reload max 2
            -> r1 Spawn
        4.000 reload
        ",
    );
}

/// More requests at once are for runners that were started for them.
#[test]
fn a_runner_keeps_the_number_of_requests_that_it_was_started_for() {
    check(
        scaled(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 reload slots 2
            -> r1 Spawn
        2.000 admit c1 for 100
            -> grant c1 l0 on r0
        2.000 admit c2 for 100
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> r0 is DRAINING: reloaded
            -> rolled over
            -> grant c2 l1 on r1
        4.000 admit c3 for 100
            -> grant c3 l2 on r1
        ",
    );
}

//= docs/contract.md#reload
//= type=test
//# Where a runner of the new revision fails its start, the old ones MUST stay in service, and the next start waits as in `crash-backoff`.
#[test]
fn a_new_revision_that_does_not_start_leaves_the_old_one_in_service() {
    check(
        scaled(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 reload processes
            -> r1 Spawn
        3.000 r1 exited
            -> r1 Cut
            -> r1 is TERMINATED: setup_exited
            -> forget r1
            -> roll is held up
        4.000 admit c1 for 100
            -> grant c1 l0 on r0
        5.000 l0 answers 200
        33.000 *
            -> r2 Spawn
            -> r2 is SETUP: backoff_over
        33.000 rest
        34.000 r2 opened
            -> r2 is IDLE: ready
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> rolled over
        ",
    );
}

//= docs/contract.md#reload
//= type=test
//# The failed starts of the old revision do not count for the new one.
#[test]
fn a_new_revision_does_not_wait_for_the_failures_of_the_old_one() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 spawn-failed
            -> r0 is TERMINATED: start_failed
            -> forget r0
        2.000 reload processes
            -> r1 is TERMINATED: reloaded
            -> forget r1
            -> rolled over
            -> r2 Spawn
        3.000 r2 opened
            -> r2 is IDLE: ready
            -> claim 1 from l0
        ",
    );
}

//= docs/contract.md#reload
//= type=test
//# An idle runner that nothing wants may end without one in its place.
#[test]
fn an_idle_runner_that_nothing_wants_is_not_replaced() {
    check(
        scaled(Scale { max: 2, keep_alive: seconds(60), ..Scale::default() }),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        2.000 l0 answers 200
        12.000 reload processes
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> rolled over
        ",
    );
}

/// Nobody else can serve them for now.
#[test]
fn an_old_runner_that_is_starting_still_serves_those_who_wait() {
    check(
        settings(),
        "
        0.000 admit c1 for 100
            -> r0 Spawn
        1.000 reload processes
            -> r1 Spawn
        2.000 r0 opened
            -> r0 is IDLE: ready
            -> grant c1 l0 on r0
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> r0 is DRAINING: reloaded
            -> rolled over
        ",
    );
}

//= docs/contract.md#reload
//= type=test
//# A queued request that is cut all the same MUST go again without being charged.
#[test]
fn a_request_that_a_reload_has_cut_pays_nothing_for_it() {
    check(
        scaled(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 submit q1 no-retry
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 reload processes
            -> r1 Spawn
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> r0 is DRAINING: reloaded
            -> rolled over
        8.000 *
            -> r0 SignalTerm
        13.000 *
            -> r0 Cut
            -> r0 SignalKill
            -> r0 is TERMINATING: reloaded
        13.000 l0 breaks
            -> record q1 attempt 1 l0: given back
        13.000 recorded
            -> claim 1 from l1
        13.000 claimed
            -> dispatch q1 attempt 2 l1 on r1
        ",
    );
}

/// The second of two reloads finds runners of two revisions, one of them not ready.
#[test]
fn a_second_reload_gives_up_what_the_first_has_begun() {
    check(
        scaled(Scale { min: 1, max: 1, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        2.000 reload processes
            -> r1 Spawn
        3.000 reload processes
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
            -> r2 Spawn
        4.000 r2 opened
            -> r2 is IDLE: ready
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> rolled over
        ",
    );
}

/// There are more than there may be, and they go as the new ones come.
#[test]
fn a_lower_maximum_lets_the_others_go_too() {
    check(
        scaled(Scale { min: 2, max: 2, ..Scale::default() }),
        "
        0.000 elapse
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 reload processes min 1 max 1
            -> r2 Spawn
        3.000 r2 opened
            -> r2 is IDLE: ready
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
            -> rolled over
        ",
    );
}

//= docs/contract.md#reload
//= type=test
//# An app that is gone MUST get no new requests: its runners finish what they have, its queued requests stay in the store, and its URLs are answered with 404.
#[test]
fn an_app_that_is_gone_finishes_what_it_has() {
    check(
        settings(),
        "
        0.000 submit q1
            -> r0 Spawn
        0.000 submit q2
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 remove
            -> r0 is DRAINING: reloaded
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
        2.000 admit c1 for 100
            -> refuse c1 SchedulingFailure
        3.000 l0 answers 200
            -> r0 SignalTerm
            -> r0 is TERMINATING: reloaded
            -> record q1 attempt 1 l0: ends with 200
        4.000 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: reloaded
            -> forget r0
        ",
    );
}

/// A spare of the old revision is there for the death of an old runner, as long as one serves.
#[test]
fn old_spares_stay_until_the_roll_is_over() {
    check(
        Settings { spares: 1, ..scaled(Scale { min: 1, max: 1, ..Scale::default() }) },
        "
        0.000 elapse
            -> r0 Spawn
            -> r1 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
        1.000 r1 opened
            -> r1 is IDLE: ready
        2.000 reload processes
            -> r2 Spawn
        3.000 admit c1 for 100
            -> grant c1 l0 on r0
        3.000 l0 breaks
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: disconnected
            -> r1 stands serving
        4.000 r2 opened
            -> r2 is IDLE: ready
            -> r1 SignalTerm
            -> r1 is TERMINATING: reloaded
            -> rolled over
            -> r3 Spawn
        5.000 r3 opened
            -> r3 is IDLE: ready
        ",
    );
}
