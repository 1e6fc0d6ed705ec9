//! Looking at the 503 of another service.

use fal_app::prelude::*;

#[fal_app]
struct Proxy;

#[fal_app]
impl Proxy {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn predict(&self, upstream: u16) -> Result<u16, Failed> {
        let gone =
            upstream == 503 || matches!(upstream, 502 | 503) || [502, 503].contains(&upstream);
        let width = 503_usize;
        match upstream {
            503 => Err(Failed),
            _ if gone || width == 0 => Err(Failed),
            other => Ok(other),
        }
    }
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(504)]
struct Failed;

fn main() {}
