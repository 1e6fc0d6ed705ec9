//! An app that would be served without its setup.

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

fn serve(app: Hello) -> fal_app::Shell<Hello> {
    app.into_shell()
}

fn main() {}
