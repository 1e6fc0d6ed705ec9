//! The shared store against real servers, each of one test's own.

mod conformance;
mod failing;
mod nodes;
mod sharing;
mod suite;
mod upkeep;
