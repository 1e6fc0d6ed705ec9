//! What is still generated beside a mistake: the user's item, and inert support for it.

use proc_macro2::TokenStream;

use crate::{check, compare};

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

#[test]
fn a_wrong_hook_is_left_out() {
    check(
        "mistake_hook",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[warmup]
            async fn warm(&self) {}

            #[endpoint("/")]
            async fn predict(&self) -> Result<Output, PredictError> { Ok(Output) }

            #[on_exit]
            fn exiting(&self) -> bool { true }
        }
        "#,
    );
}

#[test]
fn a_transparent_variant_without_a_payload_is_stood_in_for() {
    check(
        "mistake_transparent",
        "#[derive(AppError)] enum PredictError { #[status(transparent)] Lost, #[status(422)] Fine }",
    );
}

/// As an editor sees it in the middle of a word: the impl cannot be read, and its markers are gone
/// all the same.
#[test]
fn a_broken_impl_keeps_none_of_our_markers() {
    let source = r#"
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }
            #[endpoint("/")]
            #[inline]
            async fn predict(&self, input: ) -> Result<Output, PredictError> { self. }
        }
        "#;
    let item: TokenStream = source.parse().expect("the tokens are balanced");
    let expansion = fal_app_codegen::fal_app(TokenStream::new(), item);
    assert_eq!(expansion.errors.len(), 1);
    compare("mistake_unreadable", source, &expansion.tokens.to_string());
}
