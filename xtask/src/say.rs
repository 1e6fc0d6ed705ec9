//! The one place that prints.

use std::fmt::Display;

/// One line of result, on standard output.
#[expect(clippy::print_stdout, reason = "printing is what a command is for")]
pub(crate) fn line(text: impl Display) {
    println!("{text}");
}

/// What is being done, on standard error, so that a result can be piped.
#[expect(clippy::print_stderr, reason = "progress belongs to the person who watches")]
pub(crate) fn note(text: impl Display) {
    eprintln!("xtask: {text}");
}

/// What went wrong, on standard error.
pub(crate) fn problem(text: impl Display) {
    note(format_args!("error: {text}"));
}

/// A line of a program that we run, as it is.
#[expect(clippy::print_stderr, reason = "the person watches that program through us")]
pub(crate) fn echo(text: impl Display) {
    eprintln!("{text}");
}
