//! The app shell: `hello` on its own port, without a platform, and its twin on bare axum take turns.

use anyhow::Result;

use crate::{
    bench::{
        Effort,
        load::{self, Side, program},
        server::Server,
    },
    cmd::Cmd,
};

pub(super) fn run(effort: Effort) -> Result<()> {
    load::build(&["--example", "hello", "--bin", "bench-twin", "--bin", "bench-load"])?;
    let twin = Server::start(Cmd::new(program("bench-twin")).env("PORT", "0"))?;
    let hello = Server::start_app(Cmd::new(program("examples/hello")).env("PORT", "0"))?;
    let by_hand = Side { name: "by hand", server: &twin, path: "/" };
    let ours = Side { name: "hello", server: &hello, path: "/" };
    load::compare("Calls of an app on its own port (goal: at least 90 %)", &by_hand, &ours, effort)
}
