//! The derive: what a failure answers.

use crate::check;

#[test]
fn every_variant_answers_its_status() {
    check(
        "errors_statuses",
        r#"
        #[derive(Debug, thiserror::Error, AppError)]
        enum PredictError {
            #[error("prompt is empty")] #[status(422)] EmptyPrompt,
            #[error("inference failed")] #[status(500)] Inference(#[source] ModelError),
            #[error("busy")] #[status(500, needs_retry = true)] Busy { since: u64 },
            #[error("no quota")] #[status(429, needs_retry = false, type = "quota_exceeded")] Quota,
        }
        "#,
    );
}

#[test]
fn a_constant_status_is_evaluated_by_the_compiler() {
    check(
        "errors_constant",
        "#[derive(AppError)] enum PredictError { #[status(codes::TEAPOT)] Teapot }",
    );
}

#[test]
fn a_broken_runner_answers_with_its_proof() {
    check(
        "errors_broken",
        "
        #[derive(AppError)]
        enum PredictError {
            #[runner_broken] Gpu(#[from] fal_cuda::Broken),
            #[runner_broken] Disk { proof: RunnerBroken },
            #[status(500)] Other,
        }
        ",
    );
}

#[test]
fn a_struct_answers_one_status() {
    check("errors_struct", "#[derive(AppError)] #[status(404)] struct NotFound { id: String }");
}

#[test]
fn a_generic_failure_keeps_its_bounds() {
    check(
        "errors_generic",
        "
        #[derive(AppError)]
        enum PredictError<E: std::error::Error> where E: Send + 'static { #[status(500)] Inner(E) }
        ",
    );
}

#[test]
fn a_failure_that_cannot_happen_answers_nothing() {
    check("errors_never", "#[derive(AppError)] enum Never {}");
}

#[test]
fn a_status_may_carry_everything() {
    check(
        "errors_extras",
        r#"
        #[derive(AppError)]
        enum PredictError {
            /// The prompt was refused.
            #[status(422, type = "content_policy_violation", field = "prompt", billable_units = 0.5)]
            Refused,
            #[error("too busy: {0}")]
            #[status(500, needs_retry = true, stop_runner = false)]
            Busy(String),
        }
        "#,
    );
}

#[test]
fn a_transparent_variant_lets_its_payload_answer() {
    check(
        "errors_transparent",
        "
        #[derive(AppError)]
        enum PredictError {
            #[status(transparent)] Cancelled(Cancelled),
            #[status(transparent)] Upstream { source: upstream::Error },
            #[status(500)] Other,
        }
        ",
    );
}

#[test]
fn a_transparent_struct_lets_its_payload_answer() {
    check("errors_wrapper", "#[derive(AppError)] #[status(transparent)] struct Wrapper(Inner);");
}
