//! What the platform has logged, at the moments that it says.

use std::{collections::BTreeMap, fs};

use crate::Failure;

const DAY: u64 = 86_400_000_000;

/// The ends of runners, in microseconds of the day.
#[derive(Debug)]
pub(crate) struct Log {
    ends: BTreeMap<String, u64>,
}

impl Log {
    pub(crate) fn read(path: &str) -> Result<Self, Failure> {
        let mut ends = BTreeMap::new();
        for line in fs::read_to_string(path)?.lines() {
            let ends_here = ["TERMINATING", "TERMINATED"].iter().any(|state| line.contains(state));
            if line.contains("runner moved") && ends_here {
                let runner = word(line, "runner=").ok_or("a runner without a name")?;
                let at = time_of_day(line).ok_or("a line without its time")?;
                ends.entry(runner.to_owned()).or_insert(at);
            }
        }
        Ok(Self { ends })
    }

    /// When a runner was first seen to end.
    pub(crate) fn ended(&self, runner: &str) -> Option<u64> {
        self.ends.get(runner).copied()
    }

    /// How many have ended.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Microseconds from a moment of the wall clock to one of the log. One before it is none at all.
    pub(crate) const fn since(&self, wall: u64, logged: u64) -> u64 {
        let passed = (logged + DAY - wall % DAY) % DAY;
        if passed > DAY / 2 { 0 } else { passed }
    }
}

fn word<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name))
}

/// The microseconds of a line that begins as `2026-01-02T03:04:05.678901Z`.
fn time_of_day(line: &str) -> Option<u64> {
    let (_, time) = line.split_whitespace().next()?.trim_end_matches('Z').split_once('T')?;
    let (whole, micros) = time.split_once('.')?;
    let seconds =
        whole.split(':').try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
    Some(seconds * 1_000_000 + format!("{micros:0<6}").parse::<u64>().ok()?)
}
