//! Whole steps of the engine: transcripts of what happened and what it led to, a table of every input in every
//! situation, and random worlds.
//!
//! A transcript is a script and its expectation in one. A line with a time is something that happens, a line
//! with an arrow is a command that it leads to, and a line with a star is a deadline that led to something
//! before the next input came. See [`script`] for the words.

mod cancelling;
mod claims;
mod containment;
mod direct;
mod ending;
mod faults;
mod hints;
mod queued;
mod reload;
mod render;
mod room;
mod scaling;
mod script;
mod shield;
mod spares;
mod starting;
mod table;
mod world;

use std::time::Duration;

use fal_lifecycle::Limits;
use fal_queue::Backoff;
use fal_types::{AppId, Moment};

use crate::{CrashBackoff, Scale, Settings};

fn app() -> AppId {
    "acme/sketch".parse().expect("an app id")
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The moment so many seconds after the start of every transcript.
fn at(seconds: f64) -> Moment {
    Moment::from_micros(0) + Duration::from_secs_f64(seconds)
}

/// One slot on each of at most two runners, and retries that do not wait.
fn settings() -> Settings {
    Settings {
        limits: Limits { startup_timeout: seconds(100), grace: seconds(5), health: None },
        scale: Scale { max: 2, ..Scale::default() },
        retry_backoff: Backoff { initial: Duration::ZERO, max: Duration::ZERO },
        crash_backoff: CrashBackoff::default(),
        ..Settings::default()
    }
}

fn scaled(scale: Scale) -> Settings {
    Settings { scale, ..settings() }
}

/// Lives through a transcript, and compares what it says with what the engine does.
#[track_caller]
fn check(settings: Settings, transcript: &str) {
    let lines = transcript.lines().map(str::trim).filter(|line| !line.is_empty());
    let expected: String = lines.map(|line| format!("{line}\n")).collect();
    let found = script::play(settings, transcript);
    assert!(found == expected, "the transcript is\n{found}\nand not\n{expected}");
}
