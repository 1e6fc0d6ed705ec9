//! The machines' diagrams, copied from their snapshots into the docs.

use anyhow::{Result, bail};

use crate::{
    flags::Flags,
    say,
    tidy::Fault,
    workspace::{self, File},
};

pub(crate) const HELP: &str = "
cargo xtask diagrams

Copies the diagrams (dot) that the tests of fal-lifecycle and fal-queue keep as snapshots into docs/diagrams.
`cargo xtask tidy` fails while a copy is stale. To look at one: dot -Tsvg docs/diagrams/lifecycle.dot";

/// The crates whose machines are drawn.
const MACHINES: [&str; 2] = ["lifecycle", "queue"];

pub(crate) fn run(flags: Flags) -> Result<()> {
    flags.finish()?;
    let files = workspace::files()?;
    for machine in MACHINES {
        let Some(drawing) = drawing(&files, machine) else {
            bail!("crates/{machine} keeps no snapshot that is a `digraph`");
        };
        let path = copy(machine);
        workspace::write(&workspace::root().join(&path), &drawing)?;
        say::note(format_args!("{path} is written"));
    }
    Ok(())
}

/// Copies that are not what the tests keep.
pub(crate) fn stale(files: &[File]) -> Vec<Fault> {
    let fault = |machine: &str| {
        let path = copy(machine);
        let kept = files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
        match drawing(files, machine) {
            Some(drawing) if kept == Some(drawing.as_str()) => None,
            Some(_) => Some(Fault::new(path, "is stale: `cargo xtask diagrams`")),
            None => Some(Fault::new(
                format!("crates/{machine}"),
                "keeps no snapshot that is a `digraph`",
            )),
        }
    };
    MACHINES.into_iter().filter_map(fault).collect()
}

fn copy(machine: &str) -> String {
    format!("docs/diagrams/{machine}.dot")
}

fn drawing(files: &[File], machine: &str) -> Option<String> {
    let home = format!("crates/{machine}/");
    let snapshots =
        files.iter().filter(|file| file.path.starts_with(&home) && file.path.ends_with(".snap"));
    let mut bodies = snapshots.filter_map(|file| file.text.splitn(3, "---\n").nth(2));
    bodies
        .find(|body| body.trim_start().starts_with("digraph"))
        .map(|body| format!("{}\n", body.trim()))
}
