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

#[test]
fn an_endpoint_may_take_its_request() {
    check(
        "wiring_request",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            async fn predict(&self, input: Input, request: &Request) -> Result<Output, PredictError> { Ok(Output) }

            #[endpoint("/first")]
            async fn first(&self, request: Request, input: Input) -> Result<Output, PredictError> { Ok(Output) }

            #[endpoint("/alone")]
            async fn alone(&self, request: &fal_app::Request) -> Result<Output, PredictError> { Ok(Output) }
        }
        "#,
    );
}

#[test]
fn a_blocking_endpoint_is_not_awaited() {
    check(
        "wiring_blocking",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            /// Paints.
            #[endpoint("/", blocking)]
            fn paint(&self, input: Input, request: &Request) -> Result<Blob, PaintError> { Ok(self.paint(input)) }
        }
        "#,
    );
}

#[test]
fn a_realtime_endpoint_has_sessions() {
    check(
        "wiring_realtime",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[realtime("/realtime", buffering = 4, session_timeout = 60)]
            async fn live(&self, input: Input) -> Result<Output, PredictError> { Ok(Output) }

            #[realtime("/bidi")]
            async fn bidi(&self, inputs: Inputs<Input>, request: &Request) -> Result<EventStream<Output>, PredictError> { Ok(self.answers(inputs)) }

            #[realtime("/together", max_batch_size = 4)]
            async fn together(&self, inputs: Vec<Input>) -> Result<Output, PredictError> { Ok(Output) }
        }
        "#,
    );
}

#[test]
fn a_websocket_endpoint_has_its_socket() {
    check(
        "wiring_websocket",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            /// Sends back what it gets.
            #[websocket("/echo")]
            async fn echo(&self, mut socket: WebSocket) -> Result<(), EchoError> { Ok(()) }

            #[websocket("/ws")]
            async fn raw(&self, request: &Request, socket: fal_app::WebSocket) -> Answer { Ok(()) }
        }
        "#,
    );
}

#[test]
fn the_shell_calls_every_hook() {
    check(
        "wiring_hooks",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[warmup]
            async fn warm(&self) -> Result<(), SetupError> { Ok(()) }

            #[endpoint("/")]
            async fn predict(&self) -> Result<Output, PredictError> { Ok(Output) }

            #[on_cancel]
            async fn cancelled(&self, request: &Request) {}

            #[on_exit]
            fn exiting(&self) {}
        }
        "#,
    );
}

#[test]
fn a_health_check_says_how_it_is_asked() {
    check(
        "wiring_health",
        r#"
        #[fal_app]
        impl Hello {
            #[setup]
            async fn setup() -> Result<Self, SetupError> { Ok(Self) }

            #[endpoint("/")]
            async fn predict(&self) -> Result<Output, PredictError> { Ok(Output) }

            #[health_check(path = "/alive", timeout_seconds = 2, failure_threshold = 5, call_regularly = false)]
            async fn healthy(&self) -> Result<(), Unhealthy> { Ok(()) }
        }
        "#,
    );
}
