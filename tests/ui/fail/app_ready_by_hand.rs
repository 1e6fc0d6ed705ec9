//! A finished setup that nobody ran.

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
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn serve(app: std::sync::Arc<Hello>) -> fal_app::Ready<Hello> {
    fal_app::Ready { app, ..never() }
}

fn never<T>() -> T {
    unreachable!()
}

fn main() {}
