//! `fal-server` as people type it beside a platform.

use std::process::Stdio;

use crate::{Platform, program};

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to standard output, line by line.
    pub lines: Vec<String>,
    /// What it wrote to standard error.
    pub error: String,
}

/// Runs `fal-server` with these words.
///
/// # Panics
/// When it cannot be started.
#[must_use]
#[track_caller]
pub fn tool(words: &[&str]) -> Told {
    let mut command = program::command(&program::server().to_string_lossy());
    let output = command.args(words).stdin(Stdio::null()).output().expect("it can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told {
        code: output.status.code(),
        lines: text(&output.stdout).lines().map(str::to_owned).collect(),
        error: text(&output.stderr),
    }
}

impl Platform {
    /// Runs `fal-server` with these words, and then the data directory of this platform.
    #[must_use]
    #[track_caller]
    pub fn tool(&self, words: &[&str]) -> Told {
        let dir = self.dir().join("data");
        tool(&[words, &["--data-dir", &dir.to_string_lossy()]].concat())
    }
}

impl Told {
    /// What it printed where it went well.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    #[track_caller]
    pub fn went_well(self) -> Vec<String> {
        assert_eq!((self.code, self.error.as_str()), (Some(0), ""), "{:?}", self.lines);
        self.lines
    }

    /// Asserts that it failed with 1, printed nothing, and said this.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn failed(&self, said: &str) {
        assert_eq!((self.code, self.lines.as_slice()), (Some(1), &[][..]), "{}", self.error);
        assert!(self.error.contains(said), "`{said}` in {}", self.error);
        assert!(!self.error.contains("panicked"), "{}", self.error);
    }
}
