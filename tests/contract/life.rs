//! The life of a runner.

mod end;
mod health;
mod reload;
mod start;
