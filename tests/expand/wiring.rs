//! The impl half: setup, routes and teardown.

use crate::check;

#[test]
fn an_app_has_a_setup_and_an_endpoint() {
    check(
        "wiring_least",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            async fn predict(&self, input: Input) -> Result<Output, PredictError> { Ok(Output) }
        }
        "#,
    );
}

#[test]
fn an_app_may_have_everything() {
    check(
        "wiring_whole",
        r#"
        #[fal_app]
        impl Hello {
            /// Loads the model.
            #[setup]
            async fn load(cx: &SetupContext) -> Result<Self, SetupError> { Ok(Self { model: Model::load(cx).await? }) }

            #[endpoint("/")]
            pub async fn predict(&self, input: Input) -> Result<Output, PredictError> { self.run(input).await }

            #[endpoint("/stream")]
            async fn stream(&self, input: Input) -> Result<EventStream<Token>, PredictError> { Ok(self.tokens(input)) }

            async fn run(&self, input: Input) -> Result<Output, PredictError> { Ok(Output) }

            #[health_check]
            async fn healthy(&self) -> Result<(), Unhealthy> { Ok(()) }

            #[teardown]
            async fn close(self) { self.model.close().await }
        }
        "#,
    );
}

#[test]
fn what_does_not_wait_is_not_awaited() {
    check(
        "wiring_sync",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            fn setup(cx: &SetupContext) -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            async fn predict(&self) -> Result<Output, PredictError> { Ok(Output) }

            #[health_check("/alive")]
            fn healthy(&self) -> Result<(), Unhealthy> { Ok(()) }

            #[teardown]
            fn teardown(self) {}
        }
        "#,
    );
}

#[test]
fn an_endpoint_may_return_an_alias_of_a_result() {
    check(
        "wiring_alias",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            async fn predict(&self, input: Input) -> Answer<Output> { Ok(Output) }
        }
        "#,
    );
}

#[test]
fn a_conditional_endpoint_has_a_conditional_route() {
    check(
        "wiring_conditional",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            async fn predict(&self, input: Input) -> Result<Output, PredictError> { Ok(Output) }

            #[cfg(feature = "debug")]
            #[endpoint("/debug")]
            async fn debug(&self) -> Result<Debug, PredictError> { Ok(Debug) }
        }
        "#,
    );
}

#[test]
fn what_else_stands_in_the_impl_stays_there() {
    check(
        "wiring_members",
        r#"
        #[fal_app]
        #[doc = "How it works."]
        impl app::Hello {
            const LIMIT: usize = 4;

            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            #[tracing::instrument(skip(self))]
            async fn predict(&self, input: Input) -> Result<Output, PredictError> { Ok(Output) }

            fn helper<T: Into<String>>(text: T) -> String { text.into() }
        }
        "#,
    );
}
