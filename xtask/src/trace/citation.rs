//! Finding citations in a file.

use crate::workspace::File;

/// What a citation is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    Test,
    /// Kept by the shape of the code, which no single place shows.
    Implication,
    /// Not kept, or not provable, for a reason.
    Exception,
    Unknown,
}

/// One citation.
#[derive(Debug, Clone)]
pub(super) struct Citation {
    /// File and line.
    pub(super) place: String,
    pub(super) file: String,
    pub(super) clause: String,
    pub(super) kind: Kind,
    pub(super) has_reason: bool,
    /// White space folded.
    pub(super) quote: String,
}

/// Every citation of the contract in a file.
pub(super) fn find(file: &File) -> Vec<Citation> {
    let mut found: Vec<Citation> = Vec::new();
    let mut open = false;
    for (number, line) in file.text.lines().enumerate() {
        let line = line.trim_start();
        if let Some(tag) = after(line, "=") {
            let target = concat!("docs/contract", ".md#");
            if let Some(clause) = tag.strip_prefix(target) {
                found.push(begun(file, number + 1, clause));
                open = true;
            } else if let (true, Some(citation)) = (open, found.last_mut()) {
                citation.tag(tag);
            }
        } else if let (true, Some(text), Some(citation)) =
            (open, after(line, "#"), found.last_mut())
        {
            fold_onto(&mut citation.quote, text);
        } else {
            open = false;
        }
    }
    found
}

/// What follows the mark of a citation's line, in Rust's comments and in Python's.
fn after<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("//").or_else(|| line.strip_prefix("# "))?;
    rest.strip_prefix(mark).map(str::trim)
}

fn begun(file: &File, number: usize, clause: &str) -> Citation {
    Citation {
        place: format!("{}:{number}", file.path),
        file: file.path.clone(),
        clause: clause.to_owned(),
        kind: Kind::Code,
        has_reason: false,
        quote: String::new(),
    }
}

impl Citation {
    fn tag(&mut self, tag: &str) {
        match tag.split_once('=') {
            Some(("type", "test")) => self.kind = Kind::Test,
            Some(("type", "implication")) => self.kind = Kind::Implication,
            Some(("type", "exception")) => self.kind = Kind::Exception,
            Some(("reason", reason)) => self.has_reason = !reason.trim().is_empty(),
            Some(_) | None => self.kind = Kind::Unknown,
        }
    }
}

/// Adds a line to a text, one space between any two words.
pub(super) fn fold_onto(text: &mut String, line: &str) {
    for word in line.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
}
