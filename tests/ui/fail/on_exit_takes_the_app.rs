//! An exit hook that would take the app away from its requests.

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
    async fn predict(&self, input: String) -> Result<String, Failed> {
        Ok(input)
    }

    #[on_exit]
    fn exiting(self) {
        
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
