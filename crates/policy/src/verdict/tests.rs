//! The whole table in snapshots, and the laws that hold all over it.

use std::time::Duration;

use fal_types::{Condition, PerCondition, Spent, Status};

use super::*;
use crate::{Answer, Attempted, Call, Caller, Delay, Flag, MAX_RETRIES, Outcome, Rules};

mod grid;
mod laws;
mod rows;
mod tables;

const CALLS: [(&str, Call); 2] = [("direct", Call::Direct), ("queued", Call::Queued)];
const FLAGS: [(&str, Option<Flag>); 3] =
    [("-", None), ("1", Some(Flag::Yes)), ("0", Some(Flag::No))];
const NO_RETRY: [(&str, bool); 2] = [("-", false), ("1", true)];
const SPENT: [(&str, u8); 3] = [("0", 0), ("9", 9), ("10", 10)];

/// Every way to end without an answer.
const SILENT: [(&str, Outcome); 8] = [
    ("truncated", Outcome::Truncated),
    ("disconnected", Outcome::Disconnected),
    ("timed out", Outcome::TimedOut),
    ("refused", Outcome::Refused),
    ("connect timed out", Outcome::ConnectTimedOut),
    ("connect failed", Outcome::ConnectFailed),
    ("abandoned", Outcome::Abandoned),
    ("cancelled", Outcome::Cancelled),
];

/// Every status that HTTP has, and some that it has not.
fn statuses() -> Vec<u16> {
    [0, 99].into_iter().chain(100..=599).chain([600, 999]).collect()
}

fn answer(code: u16) -> Answer {
    Answer::new(Status::new(code))
}

fn spent(total: u8) -> Spent {
    Spent { total, ..Spent::default() }
}

/// A queued attempt that nobody has said anything about.
fn plain(outcome: &Outcome) -> Verdict {
    judged(Call::Queued, outcome, Spent::default(), &Caller::default())
}

/// An attempt under the default rules.
fn judged(call: Call, outcome: &Outcome, spent: Spent, caller: &Caller) -> Verdict {
    decide(&Attempted { call, outcome, spent, caller, rules: &Rules::default() })
}
