//! What is still generated beside a mistake: the user's item, and inert support for it.

use crate::check;

#[test]
fn a_wrong_setting_is_left_out() {
    check(
        "mistake_setting",
        "#[fal_app(keep_alive = 60, max_multiplexing = 0, min_concurency = 1)] struct Hello;",
    );
}

#[test]
fn a_wrong_endpoint_is_left_out() {
    check(
        "mistake_endpoint",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            async fn predict(&self, input: Input) -> Result<Output, PredictError> { Ok(Output) }

            #[endpoint("/raw")]
            async fn raw(&self) -> Response { Response::new() }
        }
        "#,
    );
}

#[test]
fn a_missing_setup_is_stood_in_for() {
    check(
        "mistake_setup",
        r#"
        #[fal_app]
        impl Hello {
            #[endpoint("/")]
            async fn predict(&self, input: Input) -> Result<Output, PredictError> { Ok(Output) }
        }
        "#,
    );
}

//= docs/contract.md#unearned-503
//= type=test
//# An app of `fal-app` MUST NOT answer 503 except by a path that is marked `#[runner_broken]`.
#[test]
fn a_wrong_variant_is_stood_in_for() {
    check(
        "mistake_variant",
        "
        #[derive(AppError)]
        enum PredictError {
            #[status(503)] Overloaded,
            #[status(422)] EmptyPrompt,
            #[runner_broken] Gpu,
            Forgotten { why: String },
        }
        ",
    );
}
