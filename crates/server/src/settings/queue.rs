//! Where the queue is kept, and for how long.

use std::time::Duration;

use fal_queue::Keep;
use toml::Spanned;

use crate::{
    Failure,
    settings::{
        bad,
        raw::{self, within},
        report::Source,
    },
};

/// Where queued requests are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Queue {
    /// In one file in the data directory.
    Embedded,
    /// In a database that other nodes may share.
    Postgres {
        /// Its URL, with whatever secret is in it.
        url: String,
        /// Whether a standby may be behind.
        allows_async_standby: bool,
    },
}

impl Queue {
    /// The queue that is configured. A flag or the environment wins over the file.
    pub(crate) fn read(
        source: &Source<'_>,
        raw: &raw::File,
        asked: Option<&str>,
    ) -> Result<Self, Failure> {
        let written = raw.queue.as_ref().map(|queue| queue.as_ref().as_str());
        let allows_async_standby = raw.queue_allow_async_standby.unwrap_or(false);
        let chosen = asked.or(written).unwrap_or("embedded");
        match chosen.split_once("://") {
            None if chosen == "embedded" => Ok(Self::Embedded),
            Some(("postgres" | "postgresql", _)) => {
                Ok(Self::Postgres { url: chosen.to_owned(), allows_async_standby })
            }
            // The text may hold a password, so it is not repeated.
            Some(_) | None => {
                let text =
                    "it is neither \"embedded\" nor a URL such as postgres://user@host/database";
                let span = raw.queue.as_ref().filter(|_| asked.is_none()).map(Spanned::span);
                Err(bad(&match span {
                    Some(span) => source.at(span, "queue", text),
                    None => format!("--queue: {text}"),
                }))
            }
        }
    }
}

/// A year, in seconds: nothing is kept for longer.
const LONGEST: f64 = 366.0 * 24.0 * 60.0 * 60.0;

/// How long what has ended is kept.
pub(crate) fn keep(source: &Source<'_>, raw: &raw::Retention) -> Result<Keep, Failure> {
    let usual = Keep::default();
    let large_from = match &raw.large_from {
        Some(written) => within(source, "retention.large_from", written, 0..=1 << 40)?,
        None => usual.large_from,
    };
    Ok(Keep {
        small: span(source, "retention.result", raw.result.as_ref(), usual.small)?,
        large: span(source, "retention.large_result", raw.large_result.as_ref(), usual.large)?,
        large_from,
        stored: span(source, "retention.stored", raw.stored.as_ref(), usual.stored)?,
        dead: span(source, "retention.dead_letter", raw.dead_letter.as_ref(), usual.dead)?,
    })
}

fn span(
    source: &Source<'_>,
    key: &str,
    written: Option<&Spanned<f64>>,
    usual: Duration,
) -> Result<Duration, Failure> {
    let Some(written) = written else { return Ok(usual) };
    let seconds = *written.as_ref();
    if (1.0..=LONGEST).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    let text = format!("{seconds} is out of range: 1 to {LONGEST} seconds");
    Err(bad(&source.at(written.span(), key, &text)))
}
