//! What need not wait is an ordinary function.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    fn setup(_: &SetupContext) -> Result<Self, std::io::Error> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn predict(&self) -> Result<(), Failed> {
        Ok(())
    }

    #[health_check]
    fn healthy(&self) -> Result<(), String> {
        Ok(())
    }

    #[teardown]
    fn teardown(self) {}
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
