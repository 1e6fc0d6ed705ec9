//! An endpoint that hides what it returns.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn predict(&self, input: String) -> impl IntoResponse {
        input
    }
}

trait IntoResponse {}

impl IntoResponse for String {}

fn main() {}
