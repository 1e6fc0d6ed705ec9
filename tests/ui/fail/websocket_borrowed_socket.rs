//! A websocket endpoint that borrows its socket.

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
    async fn raw(&self, socket: &mut WebSocket) -> Result<(), Failed> {
        socket.send("hello").await.map_err(|_| Failed)
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

fn main() {}
