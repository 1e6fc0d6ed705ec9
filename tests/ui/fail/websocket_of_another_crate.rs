//! A websocket endpoint that takes the socket of another crate.

use fal_app::prelude::*;

mod another {
    pub struct WebSocket;
}

#[fal_app]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[websocket("/ws")]
    async fn raw(&self, socket: another::WebSocket) -> Result<(), Failed> {
        drop(socket);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
