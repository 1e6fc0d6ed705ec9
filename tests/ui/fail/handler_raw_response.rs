//! A response made by hand.

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
    async fn predict(&self, input: u16) -> Result<u16, Failed> {
        drop(input);
        let _ = Response::builder();
        Ok(0)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

struct Response;

impl Response {
    fn builder() -> Self {
        Self
    }
}

fn main() {}
