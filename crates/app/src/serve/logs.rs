//! Logs: one line per event on standard error, with the id of the request it belongs to.

use std::{fmt, io, panic, str::FromStr as _};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use crate::request;

/// Sends this process' logs to standard error, and its panics into the logs.
///
/// The level is a plain one (`error` to `trace`), `info` where it is none. A subscriber that the
/// author has installed before stays.
pub(crate) fn install(level: Option<&str>, stamp: Stamp) {
    let level = level.and_then(|level| LevelFilter::from_str(level).ok());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .with_writer(io::stderr)
        .event_format(Line { stamp })
        .finish();
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("the author's own log subscriber stays");
    }
    panic::set_hook(Box::new(|info| {
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        // What serves the request logs its panic itself, and knows more about it.
        if !request::note_panic(at.clone()) {
            let panic = info.payload_as_str().unwrap_or("a panic without a message");
            tracing::error!(panic, at, "a task panicked");
        }
    }));
}

/// Whether lines begin with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    With,
    Without,
}

struct Line {
    stamp: Stamp,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.stamp == Stamp::With {
            SystemTime.format_time(&mut writer)?;
            writer.write_char(' ')?;
        }
        let mut fields = String::new();
        ctx.format_fields(Writer::new(&mut fields), event)?;
        // Whoever reads these logs reads them by the line.
        let fields = fields.replace('\n', "\\n");
        write!(writer, "{:>5} {fields}", event.metadata().level())?;
        match request::id() {
            Some(id) => writeln!(writer, " request_id={id}"),
            None => writeln!(writer),
        }
    }
}
