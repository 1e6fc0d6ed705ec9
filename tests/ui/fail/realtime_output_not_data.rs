//! A realtime endpoint whose output cannot be written as a message.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[realtime("/realtime")]
    async fn live(&self, input: String) -> Result<std::time::Instant, Failed> {
        drop(input);
        Err(Failed)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
