//! Files in and out, against servers on this machine. Needs the feature `files`.

#![cfg(feature = "files")]

#[cfg(test)]
mod downloads;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod server;
