//! The platform as one program.
//!
//! `fal-server serve --config FILE` reads the configuration, takes the data directory, starts the node and the
//! gateway, prints one line on standard output, and serves until it is told to stop. `fal-server reload` makes it read the
//! configuration again.
//!
//! Invariants: only this crate reads the environment; nothing is started before the whole configuration has been
//! checked; standard output holds the line `listening on http://ADDR` and nothing else.

#![forbid(unsafe_code)]

mod ask;
mod cli;
mod describe;
mod doctor;
mod edge;
mod lock;
mod logs;
mod reload;
mod serve;
mod settings;
mod stores;
mod welcome;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::cli::{Cli, Command};

/// A proxied request is some forty short-lived allocations on two threads; this allocator takes a third off their
/// cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            let code = if told.use_stderr() { Failure::ARGUMENTS } else { 0 };
            // Where there is nobody to tell, the code still says it.
            let _untold = told.print().is_err();
            return ExitCode::from(code);
        }
    };
    match cli.command {
        Command::Guard => {
            let guarded = fal_supervisor::guard().context("the guard has failed");
            finish(guarded.map(drop).map_err(Failure::from))
        }
        Command::Serve(arguments) => {
            logs::start();
            finish(serve::serve(&arguments))
        }
        Command::Reload(arguments) => finish(reload::ask(&arguments)),
        Command::Why(arguments) => finish(ask::why(&arguments)),
        Command::Dead(arguments) => finish(ask::dead(&arguments)),
        Command::Webhook(arguments) => finish(ask::webhook(&arguments)),
        Command::Doctor(arguments) => finish(doctor::doctor(&arguments)),
        Command::Env(arguments) => finish(ask::env(&arguments)),
        Command::Key(arguments) => finish(ask::key(&arguments)),
        Command::Backup(arguments) => finish(doctor::backup(&arguments)),
    }
}

fn finish(served: Result<(), Failure>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            logs::last_words(&failure);
            ExitCode::from(failure.code())
        }
    }
}

/// Why the program ends with a code other than 0.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Arguments or configuration are wrong; the text names file, line and key.
    #[error("{0}")]
    Configuration(String),
    /// Everything else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Failure {
    const ARGUMENTS: u8 = 2;

    const fn code(&self) -> u8 {
        match self {
            Self::Configuration(_) => Self::ARGUMENTS,
            Self::Other(_) => 1,
        }
    }
}
