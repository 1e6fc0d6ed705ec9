//! Queued requests: claims, dispatches, and what becomes of them.

use std::time::Duration;

use fal_queue::Backoff;

use super::{check, scaled, seconds};
use crate::{Scale, Settings};

fn only_one() -> Settings {
    scaled(Scale { max: 1, ..Scale::default() })
}

fn patient() -> Settings {
    let retry_backoff = Backoff { initial: Duration::from_millis(500), max: seconds(30) };
    Settings { retry_backoff, ..only_one() }
}

//= docs/contract.md#status-503
//= type=test
//# A 503 MUST end its runner at once, after a single one, and the runner is replaced.
//= docs/contract.md#retry-after-death
//= type=test
//# The first retry after a runner's death MUST NOT wait for backoff.
#[test]
fn after_a_503_a_request_goes_at_once_to_the_replacement_and_later_waits_for_its_backoff() {
    check(
        patient(),
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
        2.500 r0 exited
            -> r0 Cut
            -> r0 is TERMINATED: status_503
            -> forget r0
        3.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l1
        3.000 claimed
            -> dispatch q1 attempt 2 l1 on r1
        4.000 l1 answers 503
            -> record q1 attempt 2 l1: again from 4.394, charged to server_error
            -> r1 Cut
            -> r1 SignalTerm
            -> r1 is TERMINATING: status_503
            -> r2 Spawn
        4.000 recorded
        4.000 r2 opened
            -> r2 is IDLE: ready
        4.394 *
            -> claim 1 from l2
        9.000 *
            -> r1 SignalKill
        10.000 claimed
            -> dispatch q1 attempt 3 l2 on r2
        ",
    );
}

#[test]
fn a_retry_that_had_another_reason_does_not_count_as_the_first_after_a_death() {
    check(
        patient(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 answers 504
            -> record q1 attempt 1 l0: again from 2.430, charged to server_error
            -> r0 ProbeTcp
        2.000 recorded
        2.100 r0 probe-passed
        2.430 *
            -> claim 1 from l1
        3.000 claimed
            -> dispatch q1 attempt 2 l1 on r0
        4.000 l1 answers 503
            -> record q1 attempt 2 l1: again from 4.000, charged to server_error
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: status_503
            -> r1 Spawn
        4.000 recorded
        5.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l2
        5.000 claimed
            -> dispatch q1 attempt 3 l2 on r1
        6.000 l2 breaks
            -> record q1 attempt 3 l2: again from 6.961, charged to server_error
            -> r1 Cut
            -> r1 SignalTerm
            -> r1 is TERMINATING: disconnected
            -> r2 Spawn
        ",
    );
}

//= docs/contract.md#retry-after-death
//= type=test
//# A retry for another reason SHOULD go to another ready runner, and to the same one where there is no other.
#[test]
fn a_retry_for_another_reason_avoids_its_old_runner_if_there_is_another() {
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
        1.000 admit c1 for 100
            -> grant c1 l0 on r0
        1.000 admit c2 for 100
            -> grant c2 l1 on r1
        1.000 submit q1
            -> claim 1 from l2
        1.000 claimed
            -> dispatch q1 attempt 1 l2 on r0
        2.000 l1 answers 200
        3.000 l2 answers 200 retry
            -> record q1 attempt 1 l2: again from 3.000, charged to nothing by name
        3.000 recorded
            -> claim 1 from l3
        3.000 claimed
            -> dispatch q1 attempt 2 l3 on r1
        4.000 l3 answers 200
            -> record q1 attempt 2 l3: ends with 200
        ",
    );
    check(
        only_one(),
        "
        0.000 submit q1
            -> r0 Spawn
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        3.000 l0 answers 429 after 7
            -> record q1 attempt 1 l0: again from 10.000, charged to nothing by name
        3.000 recorded
        10.000 *
            -> claim 1 from l1
        10.000 claimed
            -> dispatch q1 attempt 2 l1 on r0
        ",
    );
}

#[test]
fn a_request_that_never_comes_back_is_not_remembered_for_longer_than_its_runner() {
    let mut script = super::script::Script::new(only_one());
    script.live(
        "
        0.000 submit q1
        1.000 r0 opened
        1.000 claimed
        2.000 l0 answers 429
        2.000 cancel q1
        2.000 recorded
        ",
    );
    assert_eq!(script.engine.avoid.len(), 1);
    script.live("3.000 r0 exited");
    assert!(script.engine.avoid.is_empty());
}

//= docs/contract.md#queue-cancel
//= type=test
//# A running request's runner MUST get the cancel signal, and what the runner then answers is its result.
//= docs/contract.md#queue-cancel
//= type=test
//# A cancelled request MUST NOT be retried.
#[test]
fn a_cancelled_request_keeps_what_its_runner_answers_and_does_not_go_again() {
    check(
        only_one(),
        "
        0.000 submit q1
            -> r0 Spawn
        0.000 submit q2
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 cancel q1
            -> signal cancel l0
        2.500 l0 answers 504
            -> record q1 attempt 1 l0: ends with 504
            -> r0 ProbeTcp
            -> claim 1 from l1
        2.500 recorded
        2.600 claimed
            -> dispatch q2 attempt 1 l1 on r0
        3.000 cancel q2
            -> signal cancel l1
        3.500 l1 breaks
            -> record q2 attempt 1 l1: is cancelled
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: disconnected
            -> r1 Spawn
        3.500 recorded
        ",
    );
}

//= docs/contract.md#queue-cancel
//= type=test
//# A waiting request that is cancelled MUST NOT start, and its result is 499 `client_cancelled`.
#[test]
fn a_request_that_is_cancelled_between_its_claim_and_the_answer_is_given_back() {
    check(
        only_one(),
        "
        0.000 submit q1
            -> r0 Spawn
        0.000 submit q2
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.100 commit
        1.200 cancel q1
        1.300 claimed
            -> record q1 attempt 1 l0: given back
            -> claim 1 from l1
        1.400 recorded
        1.500 claimed
            -> dispatch q2 attempt 1 l1 on r0
        ",
    );
}

//= docs/contract.md#start-deadline
//= type=test
//# A start deadline MUST NOT touch a runner and is never retried.
#[test]
fn a_request_past_its_start_deadline_is_not_dispatched() {
    check(
        only_one(),
        "
        0.000 submit q1 due 5
            -> r0 Spawn
        6.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        6.000 claimed
        ",
    );
}

//= docs/contract.md#no-retry
//= type=test
//# `X-Fal-No-Retry` with `1`, `true` or `yes` MUST forbid every retry of the request.
//= docs/contract.md#queue-result
//= type=test
//# After the last attempt the result MUST be the runner's last response, or the platform error of the last outcome where there was none.
#[test]
fn a_request_that_may_not_go_again_ends_with_what_its_last_attempt_left() {
    check(
        only_one(),
        "
        0.000 submit q1 no-retry
            -> r0 Spawn
        0.000 submit q2 no-retry
        1.000 r0 opened
            -> r0 is IDLE: ready
            -> claim 1 from l0
        1.000 claimed
            -> dispatch q1 attempt 1 l0 on r0
        2.000 l0 answers 503
            -> record q1 attempt 1 l0: ends with 503
            -> r0 Cut
            -> r0 SignalTerm
            -> r0 is TERMINATING: status_503
            -> r1 Spawn
        2.000 r1 opened
            -> r1 is IDLE: ready
            -> claim 1 from l1
        2.000 claimed
            -> dispatch q2 attempt 1 l1 on r1
        3.000 l1 times-out
            -> record q2 attempt 1 l1: fails with RequestTimeout
            -> r1 Cut
            -> r1 SignalTerm
            -> r1 is TERMINATING: request_timed_out
            -> r2 Spawn
        ",
    );
}

//= docs/contract.md#retry-budget
//= type=test
//# A request MUST NOT have more than ten retries, which makes eleven attempts.
#[test]
fn the_eleventh_attempt_is_the_last() {
    let mut script = "0.000 submit q1\n0.000 r0 opened\n".to_owned();
    for attempt in 0..11 {
        script += &format!("0.000 claimed\n0.000 l{attempt} answers 504\n");
        script += "0.000 r0 probe-passed\n0.000 recorded\n";
    }
    let transcript = super::script::play(only_one(), &script);
    let count = |words: &str| transcript.matches(words).count();
    assert_eq!(count("charged to server_error"), 10, "{transcript}");
    assert_eq!(count("attempt 11 l10: ends with 504"), 1, "{transcript}");
    assert_eq!(count("dispatch q1"), 11, "{transcript}");
}
