//! Saying where a configuration is wrong: file, line and key.

use std::{ops::Range, path::Path};

/// The text that was read, and where from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// What the TOML reader found, on one line.
    pub(crate) fn syntax(&self, error: &toml::de::Error) -> String {
        let message = error.message().trim().replace('\n', "; ");
        // What is written may be a secret, and is in the file for whoever may see it.
        let message = match message.split_once(" \"").zip(message.rsplit_once('"')) {
            Some(((before, _), (_, after))) => format!("{before}{after}"),
            None => message,
        };
        match error.span() {
            None => format!("{}: {message}", self.file.display()),
            Some(span) => {
                let key = self.key(span.start);
                self.at(span, &key, &message)
            }
        }
    }

    //= docs/contract.md#configuration
    //# The message MUST name the file, the line and the key.
    /// A finding about the value at `span`.
    pub(crate) fn at(&self, span: Range<usize>, key: &str, text: &str) -> String {
        let line = self.line(span.start);
        let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
        format!("{}:{line}: {key}{text}", self.file.display())
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at.min(self.text.len())).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    /// The key on the line of a finding: what stands before the first equals sign.
    fn key(&self, at: usize) -> String {
        let line = self.text.lines().nth(self.line(at) - 1).unwrap_or_default();
        let is_head = line.trim_start().starts_with('[') && !line.contains('"');
        match line.split_once('=') {
            Some((key, _)) if !key.contains('"') || key.trim_start().starts_with('[') => {
                key.trim().trim_matches(['[', ']']).to_owned()
            }
            None if is_head => line.trim().trim_matches(['[', ']']).to_owned(),
            // Within a list, where the line may hold a secret.
            Some(_) | None => String::new(),
        }
    }
}
