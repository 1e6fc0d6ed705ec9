//! A 503 in a function that the shell calls on its own.

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

    #[on_cancel]
    async fn cancelled(&self, request: &Request) {
        let status = 503;
        tracing(request, status);
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn tracing(_: &Request, _: u16) {}

fn main() {}
