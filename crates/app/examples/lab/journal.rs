//! What the labs write down: one JSON line per call, for tests to count.
//!
//! `LAB_LOG` names the file. A line is appended by one write before the call does anything, so it
//! is there even when the call ends the process.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

/// The file that calls are written to, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    file: Option<String>,
}

impl Journal {
    /// Writes to this file; without one, nothing is written and nothing is counted.
    pub(crate) fn new(file: Option<&str>) -> Self {
        Self { file: file.map(str::to_owned) }
    }

    /// Writes a call down, and says the how manieth it is of this request at this path: from 1.
    pub(crate) fn call(&self, request_id: Option<&str>, path: &str) -> io::Result<usize> {
        let call = json!({
            "request_id": request_id,
            "pid": process::id(),
            "path": path,
            "started": now(),
        });
        self.append(self.file.as_deref(), &call)?;
        let same = |line: &Value| {
            line.get("request_id") == call.get("request_id") && line.get("path") == call.get("path")
        };
        self.count(self.file.as_deref(), same)
    }

    /// Writes a start of the program to `LAB_LOG` with `.starts` behind it; how manieth it is.
    pub(crate) fn start(&self) -> io::Result<usize> {
        let file = self.file.as_ref().map(|file| format!("{file}.starts"));
        self.append(file.as_deref(), &json!({ "pid": process::id(), "started": now() }))?;
        self.count(file.as_deref(), |_| true)
    }

    fn append(&self, file: Option<&str>, line: &Value) -> io::Result<()> {
        let Some(file) = file else { return Ok(()) };
        let mut file = OpenOptions::new().create(true).append(true).open(file)?;
        file.write_all(format!("{line}\n").as_bytes())
    }

    fn count(&self, file: Option<&str>, same: impl Fn(&Value) -> bool) -> io::Result<usize> {
        let Some(file) = file else { return Ok(1) };
        let text = fs::read_to_string(file)?;
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        Ok(lines.filter(same).count())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the journal is the lab's own, and has no other clock"
)]
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
