//! What every store must do, as functions that any store's tests can call.
//!
//! Each case opens stores through `make`, which returns a new and empty one every time, keeping
//! results as [`crate::Keep::default`] says. [`run`] goes through all of them. [`against_model`]
//! drives a store and the [`crate::store::model::Model`] with the same random operations and
//! compares whatever can be seen of either.
//!
//! What only a store that outlives its process can show, that a commit survives, is for that
//! store's own tests.
//!
//! ```
//! use fal_queue::store::{conformance, model::Model};
//!
//! let mut make = || Box::new(Model::default()) as Box<dyn fal_queue::store::Store>;
//! for (name, case) in conformance::cases() {
//!     println!("{name}");
//!     case(&mut make);
//! }
//! conformance::against_model(&mut make, 1, 100);
//! ```

mod attempts;
mod bench;
mod endings;
mod order;
mod random;

pub use self::random::against_model;
use crate::store::Store;

/// Opens a new and empty store.
pub type Make<'a> = dyn FnMut() -> Box<dyn Store> + 'a;

/// One case. It panics where the store does not do what it must.
pub type Case = fn(&mut Make<'_>);

/// Every case with its name.
#[must_use]
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
        against_model(make, seed, 200);
    }
}
