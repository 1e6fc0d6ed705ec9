//! Who gets what, told one step at a time.

use super::*;

/// A machine that is told things, with what it is expected to decide.
struct Story {
    machine: Allotment,
    now: Moment,
}

/// For longer than a moment, as [`Story::new`] begins at 1.
const IDLE: Offer = Offer::Idle { since: at(0) };

const fn runner(app: u32, number: u32) -> RunnerId {
    RunnerId::new(app, number)
}

impl Story {
    fn new(runners: Option<usize>) -> Self {
        Self { machine: Allotment::new(Shared { runners, turn: TURN }), now: at(1) }
    }

    #[track_caller]
    fn step(&mut self, input: Input, expected: &str) {
        let decisions = self.machine.step(self.now, input);
        assert_eq!(tell(&decisions), expected);
    }

    #[track_caller]
    fn claim(&mut self, app: u32, number: u32, (gpus, each): (&[usize], usize), expected: &str) {
        let want = Want { gpus: super::gpus(gpus), each, sharing: 1 };
        let claim = Input::Claim { runner: runner(app, number), want, rank: Rank::Serves };
        self.step(claim, expected);
    }

    #[track_caller]
    fn offers(&mut self, app: u32, offers: &[(u32, Offer)], expected: &str) {
        let offers = offers.iter().map(|(number, offer)| (runner(app, *number), *offer)).collect();
        self.step(Input::Offers { app, offers }, expected);
    }

    #[track_caller]
    fn gone(&mut self, app: u32, number: u32, expected: &str) {
        self.step(Input::Gone { runner: runner(app, number) }, expected);
    }

    #[track_caller]
    fn elapsed(&mut self, seconds: u64, expected: &str) {
        assert_eq!(self.machine.next_deadline(), Some(at(seconds)));
        self.now = at(seconds);
        self.step(Input::Elapsed, expected);
        assert!(self.machine.next_deadline().is_none_or(|next| next > self.now));
    }
}

//= docs/contract.md#gpus
//= type=test
//# No two runners MUST hold one GPU, unless every app whose runners do allows it by `runners_per_gpu`.
#[test]
fn each_runner_gets_gpus_of_its_own_in_the_order_its_app_prefers() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[2, 0], 1), "1.0 gets 2");
    story.claim(2, 0, (&[0, 1, 2], 2), "2.0 gets 0+1");
    story.claim(1, 1, (&[2, 0], 1), "watch 1; watch 2");
    story.gone(2, 0, "1.1 gets 0; unwatch 1; unwatch 2");
    assert_eq!(story.machine.waiting(), 0);
}

//= docs/contract.md#gpus
//= type=test
//# No two runners MUST hold one GPU, unless every app whose runners do allows it by `runners_per_gpu`.
#[test]
fn a_gpu_is_shared_as_far_as_the_most_careful_of_its_holders_allows() {
    let mut story = Story::new(None);
    let mut share = |app, number, sharing, expected| {
        let want = Want { gpus: gpus(&[0]), each: 1, sharing };
        let claim = Input::Claim { runner: runner(app, number), want, rank: Rank::Serves };
        story.step(claim, expected);
    };
    share(1, 0, 3, "1.0 gets 0");
    share(2, 0, 2, "2.0 gets 0");
    share(1, 1, 3, "watch 1; watch 2");
    share(3, 0, 1, "");
    story.gone(2, 0, "1.1 gets 0; unwatch 2");
    story.gone(1, 0, "");
    story.gone(1, 1, "3.0 gets 0; unwatch 1");
}

//= docs/contract.md#fairness
//= type=test
//# What is free MUST go to the app that holds least of those that wait for it, and among equals to the runner that has waited longest; a spare comes after all others.
#[test]
fn the_app_that_holds_least_is_next_and_spares_are_last() {
    let mut story = Story::new(Some(3));
    for (number, expected) in ["1.0 gets a place", "1.1 gets a place"].into_iter().enumerate() {
        story.claim(1, number as u32, (&[], 0), expected);
    }
    let (want, spare) = (Want { sharing: 1, ..Want::default() }, Rank::Spare);
    story.claim(2, 0, (&[], 0), "2.0 gets a place");
    let claim = Input::Claim { runner: runner(3, 9), want, rank: spare };
    story.step(claim, "");
    story.claim(1, 2, (&[], 0), "watch 1; watch 2");
    story.claim(2, 1, (&[], 0), "");
    story.claim(3, 0, (&[], 0), "");
    story.gone(1, 0, "3.0 gets a place; watch 3");
    // One each by now, and the first app has waited longest.
    story.gone(2, 0, "2.1 gets a place");
    story.gone(2, 1, "1.2 gets a place; unwatch 1; unwatch 2; unwatch 3");
    story.gone(1, 2, "3.9 gets a place");
}

//= docs/contract.md#fairness
//= type=test
//# A runner that its app has not needed for a second MUST make room at once for one that waits.
#[test]
fn what_is_not_needed_makes_room_before_what_is_and_only_as_much_as_is_wanted() {
    let mut story = Story::new(None);
    for number in 0..3 {
        let expected = format!("1.{number} gets {number}");
        story.claim(1, number, (&[0, 1, 2], 1), &expected);
    }
    story.claim(2, 0, (&[0, 1, 2], 1), "watch 1");
    let busy = Offer::Busy { since: at(0) };
    let offers = [(0, busy), (1, IDLE), (2, Offer::Spare)];
    story.offers(1, &offers, "1.1 makes room");
    // It is still there, and nobody else need go.
    story.offers(1, &[(0, busy), (1, Offer::Leaving), (2, IDLE)], "");
    story.gone(1, 1, "2.0 gets 1; unwatch 1");
}

//= docs/contract.md#fairness
//= type=test
//# A runner that its app has not needed for a second MUST make room at once for one that waits.
#[test]
fn a_runner_between_two_requests_is_needed() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0], 1), "1.0 gets 0");
    story.claim(2, 0, (&[0], 1), "watch 1");
    story.now = at(10);
    story.offers(1, &[(0, Offer::Idle { since: at(10) })], "");
    story.offers(1, &[(0, Offer::Busy { since: at(5) })], "");
    story.offers(1, &[(0, Offer::Idle { since: at(10) })], "");
    story.elapsed(11, "1.0 makes room");
}

//= docs/contract.md#fairness
//= type=test
//# Nobody has to go for a runner of an app that has others before it has waited for a second.
#[test]
fn a_short_rush_takes_nothing_from_anybody() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    story.claim(2, 0, (&[0, 1], 1), "2.0 gets 1");
    story.claim(1, 1, (&[0, 1], 1), "watch 1; watch 2");
    story.offers(2, &[(0, IDLE)], "");
    story.gone(1, 1, "unwatch 1; unwatch 2");
    story.claim(1, 2, (&[0, 1], 1), "watch 1; watch 2");
    story.offers(1, &[], "");
    story.offers(2, &[(0, IDLE)], "");
    story.elapsed(2, "2.0 makes room");
}

#[test]
fn nobody_goes_before_all_have_said_what_they_can_do_without() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    story.claim(2, 0, (&[0, 1], 1), "2.0 gets 1");
    story.now = at(100);
    story.claim(3, 0, (&[0, 1], 1), "watch 1; watch 2");
    story.offers(1, &[(0, Offer::Busy { since: at(1) })], "");
    story.offers(2, &[(0, Offer::Spare)], "2.0 makes room");
}

#[test]
fn of_those_that_may_go_one_is_chosen_for_whom_it_is_fair() {
    let mut story = Story::new(Some(5));
    for (app, number) in [(1, 0), (2, 0), (2, 1), (2, 2), (3, 0)] {
        story.claim(app, number, (&[], 0), &format!("{app}.{number} gets a place"));
    }
    story.now = at(100);
    story.claim(3, 1, (&[], 0), "watch 1; watch 2; watch 3");
    let busy = |number| (number, Offer::Busy { since: at(1) });
    story.offers(1, &[busy(0)], "");
    story.offers(3, &[busy(0)], "");
    story.offers(2, &[busy(0), busy(1), busy(2)], "");
    story.elapsed(101, "2.0 makes room");
}

#[test]
fn whoever_has_ended_is_waited_for_although_its_app_does_not_speak_of_it_any_more() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    story.claim(1, 1, (&[0, 1], 1), "1.1 gets 1");
    story.claim(1, 2, (&[0, 1], 1), "watch 1");
    let old = Offer::Old { successor: None };
    story.offers(1, &[(0, old), (1, old)], "1.0 makes room");
    story.step(Input::Ended { runner: runner(1, 0) }, "");
    story.offers(1, &[(1, Offer::Old { successor: Some(runner(1, 2)) })], "");
    story.gone(1, 0, "1.2 gets 0; unwatch 1");
}

#[test]
fn fairness_counts_all_that_would_be_taken() {
    let mut story = Story::new(None);
    for number in 0..4 {
        let expected = format!("1.{number} gets {number}");
        story.claim(1, number, (&[0, 1, 2, 3], 1), &expected);
    }
    story.claim(2, 0, (&[4], 1), "2.0 gets 4");
    story.claim(2, 1, (&[0, 1, 2, 3], 2), "watch 1; watch 2");
    story.now = at(100);
    let busy = [0, 1, 2, 3].map(|number| (number, Offer::Busy { since: at(1) }));
    // One of the two would still be fair, and both are not.
    story.offers(1, &busy, "");
    assert_eq!(story.machine.next_deadline(), None);
}

#[test]
fn whoever_waits_for_a_gpu_does_not_take_a_place_beside_the_one_that_will_be_free() {
    let mut story = Story::new(Some(2));
    story.claim(1, 0, (&[0], 1), "1.0 gets 0");
    story.claim(2, 0, (&[0], 1), "watch 1");
    story.offers(1, &[(0, Offer::Busy { since: at(1) })], "");
    story.claim(3, 0, (&[1], 1), "3.0 gets 1; watch 3");
    story.offers(3, &[], "");
    // Now there is no room for a third.
    story.claim(4, 0, (&[2], 1), "");
    story.elapsed(61, "1.0 makes room");
    story.gone(1, 0, "2.0 gets 0; watch 2; unwatch 1");
}

#[test]
fn an_old_spare_goes_before_an_old_runner_that_serves() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    story.claim(1, 1, (&[0, 1], 1), "1.1 gets 1");
    story.claim(1, 2, (&[0, 1], 1), "watch 1");
    story.offers(1, &[(0, Offer::Old { successor: None }), (1, Offer::OldSpare)], "1.1 makes room");
}

#[test]
fn an_app_that_needs_its_runner_after_all_keeps_it_and_another_is_found() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    story.claim(1, 1, (&[0, 1], 1), "1.1 gets 1");
    story.claim(2, 0, (&[0, 1], 1), "watch 1");
    story.offers(1, &[(0, IDLE)], "1.0 makes room");
    story.offers(1, &[(1, IDLE)], "1.1 makes room");
    story.gone(1, 1, "2.0 gets 1; unwatch 1");
}

//= docs/contract.md#fairness
//= type=test
//# A runner that is needed makes room only when it has served for `machine.turn` (60 s), and only where its app would then still hold as much as the one that waits, or that one holds nothing.
#[test]
fn a_busy_runner_has_its_turn_and_goes_only_where_that_is_fair() {
    let mut story = Story::new(None);
    for number in 0..3 {
        let expected = format!("1.{number} gets {number}");
        story.claim(1, number, (&[0, 1, 2], 1), &expected);
    }
    let busy = |number, since| (number, Offer::Busy { since: at(since) });
    story.claim(2, 0, (&[0, 1, 2], 1), "watch 1");
    story.offers(1, &[busy(0, 20), busy(1, 10), busy(2, 30)], "");
    story.elapsed(70, "1.1 makes room");
    story.gone(1, 1, "2.0 gets 1; unwatch 1");
    // Two against one is as equal as it gets.
    story.claim(2, 1, (&[0, 1, 2], 1), "watch 1; watch 2");
    story.offers(1, &[busy(0, 20), busy(2, 30)], "");
    assert_eq!(story.machine.next_deadline(), None);
}

//= docs/contract.md#fairness
//= type=test
//# A runner that is needed makes room only when it has served for `machine.turn` (60 s), and only where its app would then still hold as much as the one that waits, or that one holds nothing.
#[test]
fn an_app_that_holds_nothing_gets_its_turn_of_the_only_gpu() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0], 1), "1.0 gets 0");
    story.claim(2, 0, (&[0], 1), "watch 1");
    story.offers(1, &[(0, Offer::Busy { since: at(5) })], "");
    story.elapsed(65, "1.0 makes room");
    story.claim(1, 1, (&[0], 1), "");
    story.gone(1, 0, "2.0 gets 0; watch 2; unwatch 1");
    story.offers(2, &[(0, Offer::Busy { since: at(66) })], "");
    story.elapsed(126, "2.0 makes room");
    // A runner that its app must keep is not offered, and goes for nobody.
    story.offers(2, &[], "");
    assert_eq!(story.machine.next_deadline(), None);
}

//= docs/contract.md#fairness
//= type=test
//# What is being freed for one runner MUST NOT be given to another.
#[test]
fn a_runner_that_needs_many_gpus_is_not_starved_by_those_that_need_one() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    story.claim(1, 1, (&[0, 1], 1), "1.1 gets 1");
    story.claim(2, 0, (&[0, 1], 2), "watch 1");
    story.offers(1, &[(0, IDLE), (1, Offer::Leaving)], "1.0 makes room");
    story.claim(3, 0, (&[0, 1], 1), "");
    story.gone(1, 1, "");
    story.gone(1, 0, "2.0 gets 0+1; watch 2; unwatch 1");
}

#[test]
fn what_cannot_be_had_holds_up_nobody_else() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    // Its owner keeps that runner whatever comes, so two GPUs cannot be had.
    story.claim(2, 0, (&[0, 1], 2), "watch 1");
    story.claim(3, 0, (&[1], 1), "3.0 gets 1; watch 3");
}

//= docs/contract.md#gpus
//= type=test
//# Where a reload finds no free GPU for a runner of the new revision, one of the old revision MUST make room for it.
#[test]
fn a_new_revision_takes_the_gpus_of_the_old_one() {
    let mut story = Story::new(None);
    story.claim(1, 0, (&[0, 1], 1), "1.0 gets 0");
    story.claim(1, 1, (&[0, 1], 1), "1.1 gets 1");
    story.claim(1, 2, (&[0, 1], 1), "watch 1");
    let old = Offer::Old { successor: None };
    story.offers(1, &[(0, old), (1, old)], "1.0 makes room");
    story.gone(1, 0, "1.2 gets 0; unwatch 1");
}

#[test]
fn a_claim_that_is_given_up_leaves_no_trace() {
    let mut story = Story::new(Some(1));
    story.claim(1, 0, (&[], 0), "1.0 gets a place");
    story.claim(2, 0, (&[], 0), "watch 1");
    story.gone(2, 0, "unwatch 1");
    story.gone(1, 0, "");
    assert_eq!((story.machine.waiting(), story.machine.next_deadline()), (0, None));
}
