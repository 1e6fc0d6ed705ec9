//! fal clients.
