//! Why a store failed.

/// A failure of the store itself. What it says is for the log, not for callers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no room left. Reading goes on, and so does writing once there is room again.
    #[error("the store has no room left: {0}")]
    Full(String),
    /// The store may be read but not written.
    #[error("the store cannot be written: {0}")]
    ReadOnly(String),
    /// What is kept cannot be what was written.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// A later version of the platform has written it.
    #[error("the store has schema {found}, and this version knows up to {known}")]
    NewerSchema {
        /// The schema that the store has.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// Somebody else holds the store.
    #[error("the store is in use: {0}")]
    Locked(String),
    /// The device failed under the store. After a commit that ends so, the batch may or may not
    /// be found when the store is opened again; until then the store must not be used.
    #[error("the store's device failed: {0}")]
    Io(String),
    /// The server that keeps the store does not answer, or does not now. A commit that ends so may
    /// or may not have happened; the store connects again by itself.
    #[error("the store's server cannot be reached: {0}")]
    Unreachable(String),
    /// The server that keeps the store is set so that what is acknowledged may be lost.
    #[error("the store's server is not fit: {0}")]
    Unfit(String),
    /// The store does not take the operation, which is a mistake in the program.
    #[error("the store was misused: {0}")]
    Misuse(String),
}
