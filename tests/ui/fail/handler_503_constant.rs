//! The constant in an endpoint.

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
        Ok(StatusCode::SERVICE_UNAVAILABLE.0)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

struct StatusCode(u16);

impl StatusCode {
    const SERVICE_UNAVAILABLE: Self = Self(500 + 3);
}

fn main() {}
