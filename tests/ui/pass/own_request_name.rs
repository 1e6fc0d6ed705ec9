//! A type of the author's own that is named like one of ours, where it is no argument.

use fal_app::prelude::*;

#[derive(Debug, Serialize, JsonSchema)]
struct Request {
    seen: u32,
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn predict(&self, seen: u32) -> Result<Request, Failed> {
        Ok(Request { seen })
    }
}

fn main() {}
