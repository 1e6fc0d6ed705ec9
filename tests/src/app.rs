//! An app's section of the configuration.

use std::fmt::Write as _;

use serde_json::Value;

use crate::program;

/// An app to be served. Its settings are written as they will stand in the configuration.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) name: String,
    command: Vec<String>,
    settings: Vec<(String, String)>,
    env: Vec<(String, String)>,
}

impl App {
    /// Any program as `demo/lab`, with no wait before retries, and starts that follow failed ones almost at once.
    #[must_use]
    pub fn new(command: &[&str]) -> Self {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let app =
            Self { name: "demo/lab".to_owned(), command, settings: Vec::new(), env: Vec::new() };
        app.set("max_concurrency", 1)
            .set("retry_backoff", "{ initial = 0, max = 0 }")
            .set("crash_backoff", "{ step = 0.02, max = 0.1 }")
            .set("termination_grace_period_seconds", 1)
    }

    /// The runner that misbehaves, one at a time.
    #[must_use]
    pub fn unruly() -> Self {
        Self::new(&[&program::unruly().to_string_lossy()])
    }

    /// The same, deaf to SIGTERM.
    #[must_use]
    pub fn deaf() -> Self {
        let program = program::unruly();
        Self::new(&["sh", "-c", "trap '' TERM; exec \"$0\"", &program.to_string_lossy()])
    }

    /// An example app of `fal-app`.
    #[must_use]
    pub fn example(name: &str) -> Self {
        Self::new(&[&program::example(name).to_string_lossy()])
    }

    /// Under another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// With a setting: a number, a truth, or a text that is TOML; the last one counts.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.to_owned(), text(value.into())));
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.env.push((name.to_owned(), text(value.into())));
        self
    }

    /// The section, for runners that share a folder.
    pub(crate) fn section(&self, lab: &str) -> String {
        let quoted: Vec<_> = self.command.iter().map(|word| quote(word)).collect();
        let mut text = format!("\n[apps.\"{}\"]\ncommand = [{}]\n", self.name, quoted.join(", "));
        for (key, value) in &self.settings {
            let _infallible = writeln!(text, "{key} = {value}");
        }
        let own = [
            ("UNRULY_DIR".to_owned(), lab.to_owned()),
            ("LAB_LOG".to_owned(), format!("{lab}/log")),
        ];
        let env = own.iter().chain(&self.env);
        let env: Vec<_> = env.map(|(name, value)| format!("{name} = {}", quote(value))).collect();
        let _infallible = writeln!(text, "env = {{ {} }}", env.join(", "));
        text
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}
