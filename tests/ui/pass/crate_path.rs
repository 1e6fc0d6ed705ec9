//! The crate under another name.

mod framework {
    pub use fal_app as shell;
}

use framework::shell::prelude::*;

#[fal_app(crate = crate::framework::shell)]
struct Hello;

#[fal_app(crate = crate::framework::shell)]
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
#[app_error(crate = crate::framework::shell)]
struct Failed;

fn main() {}
