//! Logs go to standard error, one line each.

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::Failure;

/// Starts logging. `FAL_SERVER_LOG` sets the level: `error`, `warn`, `info` (the default), `debug`, `trace`, or
/// targets such as `info,fal_node=debug`.
#[expect(clippy::disallowed_methods, reason = "the server reads the environment")]
pub(crate) fn start() {
    let wanted = std::env::var("FAL_SERVER_LOG").ok();
    let filter = wanted.as_deref().and_then(|text| text.parse::<Targets>().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

/// Why the program ends, as plain text: it is for whoever typed the command.
#[expect(clippy::print_stderr, reason = "this is what the program has to say")]
pub(crate) fn last_words(failure: &Failure) {
    match failure {
        Failure::Configuration(text) => eprintln!("fal-server: {text}"),
        Failure::Other(error) => eprintln!("fal-server: {error:#}"),
    }
}
