//! A batch that holds nothing.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[realtime("/realtime", max_batch_size = 0)]
    async fn live(&self, inputs: Vec<String>) -> Result<String, Failed> {
        Ok(inputs.join(" "))
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
