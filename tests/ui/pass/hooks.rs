//! Every function that the shell calls, with and without `async`.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
enum Failed {
    #[error(transparent)]
    #[status(transparent)]
    Cancelled(#[from] Cancelled),
}

#[fal_app(retry_config(timeout = 0), version = "2")]
struct Patient;

#[fal_app]
impl Patient {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[warmup]
    fn warmup(&self) -> Result<(), SetupError> {
        Ok(())
    }

    #[endpoint("/")]
    async fn predict(&self, request: &Request) -> Result<u32, Failed> {
        Ok(request.until_cancelled(async { request.attempt() }).await?)
    }

    #[health_check(path = "/alive", start_period_seconds = 0, timeout_seconds = 1, interval_seconds = 5)]
    fn healthy(&self) -> Result<(), Unhealthy> {
        Ok(())
    }

    #[on_cancel]
    fn on_cancel(&self, request: Request) {
        drop(request);
    }

    #[on_exit]
    async fn on_exit(&self) {}

    #[teardown]
    fn teardown(self) {}
}

#[fal_app]
struct Plain;

#[fal_app]
impl Plain {
    #[setup]
    async fn setup() -> Result<Self, std::convert::Infallible> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn never_fails(&self) -> Result<u32, std::convert::Infallible> {
        Ok(1)
    }

    #[on_cancel]
    async fn cancelled(&self) {}
}

fn main() {}
