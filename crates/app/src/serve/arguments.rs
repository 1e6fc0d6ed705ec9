//! The few arguments that an app's program takes.

use std::ffi::OsString;

/// What the program was asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Serve,
    Describe,
    Help,
}

/// Reads the arguments; the first unknown one is the error.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut command = Command::Serve;
    for argument in arguments {
        match argument.to_str() {
            Some("--describe") if command == Command::Serve => command = Command::Describe,
            Some("--describe") => {}
            Some("--help" | "-h") => command = Command::Help,
            _ => return Err(argument.to_string_lossy().into_owned()),
        }
    }
    Ok(command)
}

/// The text of `--help`.
pub(super) fn help(name: &str) -> String {
    format!(
        "{name}: a fal app. Without arguments it runs its setup, then serves HTTP on \
         127.0.0.1:$PORT (8080 without PORT) until SIGTERM or SIGINT; with --describe it prints \
         its name, limits and endpoints as JSON and runs nothing. RUST_LOG sets the log level."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: Result<Command, &str>) {
        let parsed = parse(arguments.iter().map(OsString::from));
        assert_eq!(parsed, expected.map_err(str::to_owned), "{arguments:?}");
    }

    #[test]
    fn unknown_arguments_are_refused_and_help_wins() {
        check(&[], Ok(Command::Serve));
        check(&["--describe"], Ok(Command::Describe));
        check(&["--help"], Ok(Command::Help));
        check(&["--describe", "-h"], Ok(Command::Help));
        check(&["-h", "--describe"], Ok(Command::Help));
        check(&["--port=1"], Err("--port=1"));
        check(&["--describe", "x"], Err("x"));
    }
}
