//! What runs before the first request.

use fal_app::{SetupContext, SetupFailure, prelude::*, run_setup, testing::TestApp};

use crate::studio::{Studio, Told};

//= docs/contract.md#app-hooks
//= type=test
//# An app of `fal-app` MUST run its `#[warmup]` between the setup and the opening of the port, and end
//# with a message that names the phase when one of the two fails.
#[tokio::test]
async fn the_warmup_runs_before_the_first_request() {
    let app = TestApp::<Studio>::start().await;
    let told: Told = app.post("/told", ()).await.output();
    assert!(told.warm);
}

/// An app that never gets warm.
#[fal_app]
struct Cold;

#[fal_app]
impl Cold {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[warmup]
    fn warmup(&self) -> Result<(), String> {
        Err("no coal".to_owned())
    }

    #[endpoint("/")]
    async fn work(&self) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failure_names_its_phase() {
    let cold = run_setup::<Cold>(SetupContext::default()).await.err();
    assert_eq!(cold.map(|error| error.to_string()).as_deref(), Some("warm-up failed: no coal"));
    let bare = SetupContext::default().with_var("NO_PAINT", "1");
    let failed = run_setup::<Studio>(bare).await;
    assert!(matches!(failed, Err(SetupFailure::Failed(text)) if text == "there is no paint"));
}
