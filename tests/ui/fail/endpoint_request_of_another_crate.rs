//! A request that is not the one of `fal_app`.

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
    async fn predict(&self, input: String, request: &other::Request) -> Result<String, Failed> {
        drop(request);
        Ok(input)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

mod other {
    pub struct Request;
}

fn main() {}
