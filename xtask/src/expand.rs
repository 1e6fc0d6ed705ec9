//! What the attributes of `fal-app` make of a file.

use anyhow::Result;

use crate::{
    cmd::Cmd,
    flags::{Flags, Usage},
};

pub(crate) const HELP: &str = "
cargo xtask expand FILE

Prints the file as the compiler gets it after #[fal_app], #[derive(AppError)] and fal_app::main!.
Try it on crates/app/examples/hello.rs.";

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let file = flags.word().ok_or_else(|| Usage("say which file to expand".to_owned()))?;
    flags.finish()?;
    let file = std::path::absolute(file)?;
    // The macro's library and a printer are built for this command only, so that `serve` need not wait for them.
    Cmd::cargo()
        .args(["run", "--quiet", "-p", "fal-tests", "--bin", "expand", "--"])
        .arg(file)
        .run()
}
