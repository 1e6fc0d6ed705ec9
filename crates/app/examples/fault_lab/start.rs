//! What the environment does to the setup.

use std::{future, io, num::ParseIntError, process, time::Duration};

use fal_app::SetupContext;
use tokio::time;

use crate::{
    end::{Crash, end},
    journal::Journal,
};

/// Why the lab did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{0} asks for it")]
    Asked(&'static str),
    #[error("the journal cannot be written: {0}")]
    Journal(io::Error),
    #[error("the child process did not start: {0}")]
    Child(io::Error),
    #[error("{name} is not a number: {error}")]
    Number { name: &'static str, error: ParseIntError },
}

/// Takes the time and fails the way that the environment asks for.
pub(crate) async fn misbehave(cx: &SetupContext, journal: &Journal) -> Result<(), StartError> {
    let start = journal.start().map_err(StartError::Journal)?;
    if let Some(wait) = number(cx, "LAB_SETUP_MS")? {
        time::sleep(Duration::from_millis(wait)).await;
    }
    let first = number(cx, "LAB_SETUP_FAIL_FIRST")?;
    if first.is_some_and(|first| start as u64 > first) {
        return Ok(());
    }
    match cx.var("LAB_SETUP_FAIL") {
        None => Ok(()),
        Some(how) => fail(how, "LAB_SETUP_FAIL").await,
    }
}

/// Fails the way that a variable asks for.
pub(crate) async fn fail(how: &str, variable: &'static str) -> Result<(), StartError> {
    match how {
        "exit" => end(Crash::Exit(7)),
        "panic" => {
            #[expect(clippy::panic, reason = "a panic is what the environment asks for")]
            {
                panic!("{variable} asks for it");
            }
        }
        "hang" => {
            tracing::info!("hangs as asked");
            future::pending().await
        }
        _ => Err(StartError::Asked(variable)),
    }
}

/// Starts the child that the environment asks for, and leaves it alone.
pub(crate) fn child(cx: &SetupContext) -> Result<Option<u32>, StartError> {
    if cx.var("LAB_CHILD").is_none() {
        return Ok(None);
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a process that the app itself started is what a platform has to find and end"
    )]
    let child = process::Command::new("sleep").arg("86400").spawn().map_err(StartError::Child)?;
    Ok(Some(child.id()))
}

fn number(cx: &SetupContext, name: &'static str) -> Result<Option<u64>, StartError> {
    let parsed = cx.var(name).map(str::parse).transpose();
    parsed.map_err(|error| StartError::Number { name, error })
}
