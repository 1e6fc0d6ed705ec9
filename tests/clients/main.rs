//! Clients against a served platform: this project's own, and fal's, unmodified, over HTTP, and over TLS where keys are
//! asked for.

mod javascript;
mod pages;
mod python;
mod rust;
mod stage;
