//! What an app's file needs: `use fal_app::prelude::*;`.

pub use fal_policy::RunnerBroken;
pub use schemars::{self, JsonSchema};
pub use serde::{self, Deserialize, Serialize};

#[cfg(feature = "files")]
pub use crate::files::File;
pub use crate::{
    AppError,
    endpoint::{
        blob::Blob, event_stream::EventStream, health::Unhealthy, inputs::Inputs,
        web_socket::WebSocket,
    },
    fal_app,
    request::{Cancelled, Request},
    setup::{SetupContext, SetupError},
};
