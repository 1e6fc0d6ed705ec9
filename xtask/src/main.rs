//! The project's own commands, one file each: `cargo xtask` lists them.
//!
//! A command builds, runs or checks by starting cargo; nothing here is part of the platform. `tidy`, `graph` and
//! `trace` are functions with a test each, so that `cargo test --workspace` holds the rules too.

use std::process::ExitCode;

use anyhow::Result;

use crate::flags::{Flags, Usage};

mod bench;
mod cmd;
mod diagrams;
mod expand;
mod flags;
mod graph;
mod python;
mod say;
mod serve;
mod test;
mod tidy;
mod trace;
mod weights;
mod workspace;

/// One command of `cargo xtask`.
struct Command {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(Flags) -> Result<()>,
}

const COMMANDS: [Command; 9] = [
    Command {
        name: "serve",
        summary: "build and start the platform with the demo apps",
        help: serve::HELP,
        run: serve::run,
    },
    Command {
        name: "test",
        summary: "everything that CI checks",
        help: test::HELP,
        run: test::run,
    },
    Command {
        name: "bench",
        summary: "measure the cores, the store, the whole path and an app's own cost",
        help: bench::HELP,
        run: bench::run,
    },
    Command {
        name: "weights",
        summary: "fetch the weights of a demo model",
        help: weights::HELP,
        run: weights::run,
    },
    Command {
        name: "tidy",
        summary: "check the rules of the house that no compiler knows",
        help: tidy::HELP,
        run: tidy::run,
    },
    Command {
        name: "graph",
        summary: "check that crates depend on lower floors only",
        help: graph::HELP,
        run: graph::run,
    },
    Command {
        name: "trace",
        summary: "check that the contract is cited in code and tests",
        help: trace::HELP,
        run: trace::run,
    },
    Command {
        name: "expand",
        summary: "print what the attributes of fal-app generate",
        help: expand::HELP,
        run: expand::run,
    },
    Command {
        name: "diagrams",
        summary: "copy the machines' diagrams into the docs",
        help: diagrams::HELP,
        run: diagrams::run,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else {
        overview();
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        overview();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        say::problem(format_args!("there is no command `{name}`; `cargo xtask help` lists them"));
        return ExitCode::from(2);
    };
    let mut flags = Flags::new(words);
    if flags.switch("--help") || flags.switch("-h") {
        say::line(command.help.trim());
        return ExitCode::SUCCESS;
    }
    match (command.run)(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::problem(format_args!("{error:#}"));
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

fn overview() {
    say::line("cargo xtask COMMAND [--help]\n");
    for command in &COMMANDS {
        say::line(format_args!("  {:<9} {}", command.name, command.summary));
    }
}
