//! What the runner writes down, and the files that tests move it with.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    process, thread,
    time::Duration,
};

use serde_json::{Value, json};

/// The folder that all runners of a test share; without one, nothing is written.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: Option<PathBuf>,
}

impl Journal {
    pub(crate) fn new(dir: Option<String>) -> Self {
        Self { dir: dir.map(PathBuf::from) }
    }

    /// Writes a start down; answers the how manieth it is.
    pub(crate) fn start(&self, port: u16) -> io::Result<usize> {
        self.append("starts", &json!({ "pid": process::id(), "port": port }))
    }

    /// Writes down that the port is open.
    pub(crate) fn ready(&self, port: u16) -> io::Result<usize> {
        self.append("calls", &json!({ "pid": process::id(), "port": port, "method": "READY" }))
    }

    /// Writes a call down.
    pub(crate) fn call(&self, call: &Value) -> io::Result<usize> {
        self.append("calls", call)
    }

    /// Writes an attempt of a request down; answers the how manieth it is.
    pub(crate) fn attempt(&self, request: &str) -> io::Result<usize> {
        self.append(&format!("requests/{request}"), &json!({ "pid": process::id() }))
    }

    /// One write, so that lines of several runners do not mix; answers the line's number, from 1. Lines that are
    /// alike are counted by the last of them.
    fn append(&self, name: &str, line: &Value) -> io::Result<usize> {
        let Some(dir) = &self.dir else { return Ok(1) };
        let path = dir.join(name);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        if name == "calls" {
            return Ok(0);
        }
        let (text, own) = (fs::read_to_string(path)?, line.to_string());
        Ok(text
            .lines()
            .collect::<Vec<_>>()
            .iter()
            .rposition(|line| *line == own)
            .map_or(0, |at| at + 1))
    }

    pub(crate) fn is_there(&self, name: &str) -> bool {
        self.dir.as_ref().is_some_and(|dir| dir.join(name).exists())
    }

    pub(crate) fn create(&self, name: &str) -> io::Result<()> {
        self.dir.as_ref().map_or(Ok(()), |dir| fs::write(dir.join(name), ""))
    }

    pub(crate) fn delete(&self, name: &str) -> io::Result<()> {
        self.dir.as_ref().map_or(Ok(()), |dir| fs::remove_file(dir.join(name)))
    }

    /// Waits until the test lets it go on.
    pub(crate) fn hold(&self, name: &str) {
        while !self.is_there(name) {
            pause(Duration::from_millis(1));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "to be slow is what this runner is for")]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}
