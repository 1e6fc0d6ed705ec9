//! The number made a status.

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
        Ok(StatusCode::from_u16(503).0)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

struct StatusCode(u16);

impl StatusCode {
    fn from_u16(code: u16) -> Self {
        Self(code)
    }
}

fn main() {}
