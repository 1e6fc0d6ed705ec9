//! Requests that are cancelled when nobody waits for them any more.

use tokio::runtime;

use crate::{
    error::Error,
    handle::{Cancel, Handle},
};

/// Asks for a request's end when it is dropped.
///
/// That is done by a task of the runtime on which it was made. Where that runtime ends as well, the request may go on.
#[derive(Debug)]
#[must_use = "the request is cancelled when this is dropped"]
pub struct CancelOnDrop {
    /// None once there is nothing left to do.
    handle: Option<Handle>,
    runtime: runtime::Handle,
}

impl CancelOnDrop {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle: Some(handle), runtime: runtime::Handle::current() }
    }

    /// Lets the request go on.
    pub fn disarm(mut self) {
        self.handle = None;
    }

    /// Asks now, and waits for the answer.
    ///
    /// # Errors
    /// As [`Handle::cancel`].
    pub async fn cancel(mut self) -> Result<Cancel, Error> {
        match &self.handle {
            Some(handle) => {
                let answered = handle.cancel().await;
                // Only now: to drop the future before is to drop the guard.
                self.handle = None;
                answered
            }
            None => Ok(Cancel::Requested),
        }
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        let asked = self.runtime.spawn(async move {
            if let Err(error) = handle.cancel().await {
                let request = handle.request_id();
                tracing::debug!(request, %error, "an abandoned request is not cancelled");
            }
        });
        drop(asked);
    }
}
