//! A websocket endpoint that takes an input in place of its socket.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[websocket("/ws")]
    async fn raw(&self, input: String) -> Result<(), Failed> {
        drop(input);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
