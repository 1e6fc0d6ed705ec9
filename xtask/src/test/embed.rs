//! The model demo, started as a program and asked once.

use std::net::TcpListener;

use anyhow::{Context, Result};

use crate::{cmd::Cmd, python, serve, weights};

/// Waits for the port, asks for two embeddings, and compares them.
const ASK: &str = include_str!("embed.py");

pub(crate) fn check() -> Result<String> {
    let model = weights::minilm()?;
    let program = serve::embed(serve::Profile::Debug)?;
    let python = python::environment()?;
    let port = free_port()?.to_string();
    let mut running = Cmd::new(program).env("PORT", &port).env("FAL_MODEL_DIR", model).start()?;
    let said = Cmd::new(python).args(["-c", ASK, &port]).output();
    running.stop();
    Ok(format!("({})", said?.trim()))
}

/// A port that nobody listened on a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("there is no free port")?;
    Ok(listener.local_addr()?.port())
}
