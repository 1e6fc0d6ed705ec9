//! What every store must do, as functions that any store's tests can call.
//!
//! Each case opens stores through `make`, which returns a new and empty one every time, keeping
//! results as [`fal_queue::Keep::default`] says. [`run`] goes through all of them. [`against_model`]
//! drives a store and the [`fal_queue::store::model::Model`] with the same random operations and
//! compares whatever can be seen of either.
//!
//! What only a store that outlives its process can show, that a commit survives, is for that
//! store's own tests.
//!
//! ```
//! use fal_queue::store::model::Model;
//!
//! let mut make = || Box::new(Model::default()) as Box<dyn fal_queue::store::Store>;
//! for (name, case) in fal_conformance::cases() {
//!     println!("{name}");
//!     case(&mut make);
//! }
//! fal_conformance::against_model(&mut make, 1, 100);
//! ```

mod attempts;
mod bench;
mod dead;
mod endings;
mod keys;
mod nodes;
mod order;
mod random;
mod records;
mod webhooks;

pub use self::random::against_model;
use fal_queue::store::Store;

/// Opens a new and empty store.
pub type Make<'a> = dyn FnMut() -> Box<dyn Store> + 'a;

/// One case. It panics where the store does not do what it must.
pub type Case = fn(&mut Make<'_>);

/// Every case with its name.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a list, one line a case")]
pub const fn cases() -> &'static [(&'static str, Case)] {
    &[
        ("a_submit_counts_those_ahead", order::a_submit_counts_those_ahead),
        ("a_full_queue_refuses", order::a_full_queue_refuses),
        ("an_id_is_taken_once", order::an_id_is_taken_once),
        ("first_in_first_out", order::first_in_first_out),
        ("low_priority_goes_last", order::low_priority_goes_last),
        ("what_is_not_due_is_passed_over", order::what_is_not_due_is_passed_over),
        ("a_retry_keeps_its_place", order::a_retry_keeps_its_place),
        ("operations_of_a_batch_apply_in_order", order::operations_of_a_batch_apply_in_order),
        ("a_large_batch_is_one_commit", order::a_large_batch_is_one_commit),
        ("apps_do_not_touch_each_other", order::apps_do_not_touch_each_other),
        ("the_backlog_is_what_waits", order::the_backlog_is_what_waits),
        ("recent_shows_the_newest_first", order::recent_shows_the_newest_first),
        ("every_field_comes_back", attempts::every_field_comes_back),
        ("what_is_forwarded_comes_back", attempts::what_is_forwarded_comes_back),
        ("a_claim_leases", attempts::a_claim_leases),
        ("a_stale_settlement_changes_nothing", attempts::a_stale_settlement_changes_nothing),
        ("an_old_attempt_changes_nothing", attempts::an_old_attempt_changes_nothing),
        ("a_retry_is_charged", attempts::a_retry_is_charged),
        ("an_attempt_given_back_is_not_charged", attempts::an_attempt_given_back_is_not_charged),
        ("a_lost_attempt_is_not_charged", attempts::a_lost_attempt_is_not_charged),
        ("recovery_leaves_other_nodes_alone", attempts::recovery_leaves_other_nodes_alone),
        ("a_reply_comes_back", endings::a_reply_comes_back),
        ("a_reply_without_an_answer_is_not_kept", endings::a_reply_without_an_answer_is_not_kept),
        (
            "what_the_platform_says_of_a_failure_is_kept",
            endings::what_the_platform_says_of_a_failure_is_kept,
        ),
        ("a_waiting_request_is_cancelled", endings::a_waiting_request_is_cancelled),
        ("a_running_request_is_signalled", endings::a_running_request_is_signalled),
        ("a_cancelled_request_never_starts_again", endings::a_cancelled_request_never_starts_again),
        ("an_ended_request_is_not_cancelled", endings::an_ended_request_is_not_cancelled),
        ("an_unknown_request_is_not_cancelled", endings::an_unknown_request_is_not_cancelled),
        ("another_apps_request_is_unknown", endings::another_apps_request_is_unknown),
        ("a_claim_ends_what_is_overdue", endings::a_claim_ends_what_is_overdue),
        ("a_sweep_ends_what_is_overdue", endings::a_sweep_ends_what_is_overdue),
        ("a_deadline_spares_what_runs", endings::a_deadline_spares_what_runs),
        ("expired_results_are_removed", endings::expired_results_are_removed),
        ("large_results_expire_sooner", endings::large_results_expire_sooner),
        ("a_sweep_keeps_to_its_limit", endings::a_sweep_keeps_to_its_limit),
        ("a_key_stands_for_one_request", keys::a_key_stands_for_one_request),
        ("duplicates_in_one_batch_collapse", keys::duplicates_in_one_batch_collapse),
        ("a_key_lasts_as_long_as_its_result", keys::a_key_lasts_as_long_as_its_result),
        ("every_attempt_is_kept", records::every_attempt_is_kept),
        ("a_lost_attempt_is_kept", records::a_lost_attempt_is_kept),
        ("lines_are_kept_in_order", records::lines_are_kept_in_order),
        ("a_late_line_changes_nothing", records::a_late_line_changes_nothing),
        ("the_input_is_kept_where_it_is_wanted", records::the_input_is_kept_where_it_is_wanted),
        ("a_webhook_is_due_with_the_end", webhooks::a_webhook_is_due_with_the_end),
        (
            "a_delivery_is_held_until_it_is_reported",
            webhooks::a_delivery_is_held_until_it_is_reported,
        ),
        ("an_old_delivery_changes_nothing", webhooks::an_old_delivery_changes_nothing),
        ("a_webhook_is_sent_again", webhooks::a_webhook_is_sent_again),
        ("the_first_due_is_sent_first", webhooks::the_first_due_is_sent_first),
        ("a_dead_letter_is_kept", dead::a_dead_letter_is_kept),
        ("a_dead_letter_goes_again_once", dead::a_dead_letter_goes_again_once),
        ("a_dead_letter_is_dropped", dead::a_dead_letter_is_dropped),
        ("a_silent_node_loses_its_leases", nodes::a_silent_node_loses_its_leases),
        ("a_node_that_never_spoke_is_left_alone", nodes::a_node_that_never_spoke_is_left_alone),
        ("a_node_learns_of_cancels", nodes::a_node_learns_of_cancels),
        ("some_leases_are_put_back", nodes::some_leases_are_put_back),
    ]
}

/// Goes through every case, and through some random runs against the model.
///
/// # Panics
/// Where the store does not do what it must.
pub fn run(make: &mut Make<'_>) {
    for (_, case) in cases() {
        case(make);
    }
    for seed in 0..4 {
        against_model(make, seed, 300);
    }
}

#[cfg(test)]
mod tests {
    use fal_queue::{Keep, store::model::Model};

    use super::*;

    #[test]
    fn the_model_passes_every_case() {
        for (name, case) in cases() {
            eprintln!("case {name}");
            case(&mut || Box::new(Model::default()));
        }
    }

    #[test]
    fn the_model_agrees_with_itself() {
        run(&mut || Box::new(Model::default()));
    }

    #[test]
    fn a_store_that_differs_is_found_out() {
        let differing = Keep { large: Keep::default().small, ..Keep::default() };
        let found = std::panic::catch_unwind(|| {
            against_model(&mut || Box::new(Model::new(differing)), 1, 1_000);
        });
        assert!(found.is_err());
    }
}
