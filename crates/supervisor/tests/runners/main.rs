//! The supervisor with real processes and real sockets.
//!
//! Programs to start are this very test binary, told by a variable to be something else (see `program`), or
//! a line of shell.

mod program;
mod stage;

mod ends;
mod forwarding;
mod guarding;
mod lines;
mod probing;
