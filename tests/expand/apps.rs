//! The struct half: what an app declares.

use crate::check;

#[test]
fn a_plain_app_is_named_after_its_type() {
    check("app_plain", "#[fal_app] struct ONNXModel;");
}

#[test]
fn a_setting_is_a_field_of_the_limits() {
    check(
        "app_settings",
        r#"
        #[fal_app(
            name = "sketch", keep_alive = 60, min_concurrency = 1, max_concurrency = 4, concurrency_buffer = 1,
            scaling_delay = 2, max_multiplexing = 8, request_timeout = 30, startup_timeout = 600,
            termination_grace_period_seconds = 5, machine_type = "GPU-H100", num_gpus = 2,
            skip_retry_conditions = ["timeout", "server_error"]
        )]
        #[derive(Debug)]
        pub struct Sketch { model: Model }
        "#,
    );
}

/// A rest that fills in nothing is a warning of clippy in the author's crate.
#[test]
fn where_every_setting_is_declared_there_is_no_rest() {
    check(
        "app_every_setting",
        r#"
        #[fal_app(
            keep_alive = 60, min_concurrency = 1, max_concurrency = 4, concurrency_buffer = 1,
            scaling_delay = 2, max_multiplexing = 8, request_timeout = 30, startup_timeout = 600,
            termination_grace_period_seconds = 5, machine_type = "GPU-H100", num_gpus = 2,
            skip_retry_conditions = ["timeout"], retry_config(timeout = 1)
        )]
        struct Sketch;
        "#,
    );
}

#[test]
fn a_version_and_a_doc_comment_are_told_too() {
    check(
        "app_told",
        r#"
        /// Greets people.
        ///
        /// In one language.
        #[fal_app(version = "1.2.0")]
        pub struct Hello;
        "#,
    );
}

#[test]
fn retries_are_counted_by_condition() {
    check(
        "app_retries",
        "#[fal_app(retry_config(server_error = 3, timeout = 0))] struct Some;
         #[fal_app(retry_config(server_error = 3, timeout = 0, connection_error = 10))] struct All;",
    );
}

#[test]
fn a_renamed_crate_is_named_in_its_place() {
    check("app_renamed", "#[fal_app(crate = my::shell, keep_alive = 1)] struct Hello;");
}
