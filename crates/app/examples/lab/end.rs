//! Ways for a process to end that no runner should take.

use std::{process, thread};

use schemars::JsonSchema;
use serde::Deserialize;

/// How to end this process.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Crash {
    /// SIGABRT, as after a failed assertion in C.
    Abort,
    /// A signal 9 to itself, as from the kernel when memory is short.
    Kill,
    /// An exit with this code.
    Exit(i32),
}

/// Ends this process.
pub(crate) fn end(crash: Crash) -> ! {
    match crash {
        Crash::Abort => process::abort(),
        Crash::Exit(code) =>
        {
            #[expect(clippy::exit, reason = "an exit in the middle of a request is the point")]
            process::exit(code)
        }
        Crash::Kill => {
            #[expect(
                clippy::disallowed_methods,
                reason = "std cannot send signals, and the supervisor is not a tenant's to use"
            )]
            let killed =
                process::Command::new("kill").args(["-9", &process::id().to_string()]).status();
            tracing::error!(?killed, "still alive after kill -9");
            loop {
                thread::park();
            }
        }
    }
}
