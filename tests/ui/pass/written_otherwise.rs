//! Markers with our crate's name before them, hooks that say that they return nothing, and a function for
//! tests alone.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[fal_app::setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[fal_app::endpoint("/")]
    async fn predict(&self, input: String) -> Result<String, Failed> {
        Ok(input)
    }

    #[on_exit]
    fn exiting(&self) -> () {}

    #[teardown]
    async fn teardown(self) -> () {}

    #[cfg(test)]
    fn upstream_answer() -> u16 {
        503
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
