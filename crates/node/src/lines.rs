//! What runners print, kept for a while by request.
//!
//! A runner's output does not say which request it belongs to. While exactly one request is in flight on a runner, its
//! lines are that request's, and so are those that come before the next one; otherwise they are only the runner's.

use std::collections::{BTreeMap, VecDeque};

use fal_types::{Moment, RequestId};
use parking_lot::Mutex;

/// Requests whose lines are remembered.
const REQUESTS: usize = 1024;
/// Lines remembered of one request.
const LINES: usize = 1000;
/// Bytes remembered of one request, so that all of them together stay below 64 MiB.
const BYTES: usize = 64 * 1024;

/// One line of a runner's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was read.
    pub at: Moment,
    /// Whether it was written to standard error.
    pub is_error: bool,
    /// The text, without its end of line.
    pub text: String,
}

/// The lines of the last requests, in memory.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_request: BTreeMap<RequestId, Remembered>,
    order: VecDeque<RequestId>,
}

/// The first lines of one request, with the sum of their bytes.
#[derive(Debug, Default)]
struct Remembered {
    lines: Vec<Line>,
    bytes: usize,
}

impl Lines {
    pub(crate) fn push(&self, request: RequestId, line: Line) {
        let mut kept = self.kept.lock();
        if !kept.by_request.contains_key(&request) {
            kept.order.push_back(request);
            if kept.order.len() > REQUESTS
                && let Some(oldest) = kept.order.pop_front()
            {
                kept.by_request.remove(&oldest);
            }
        }
        let remembered = kept.by_request.entry(request).or_default();
        let bytes = remembered.bytes + line.text.len();
        if remembered.lines.len() < LINES && bytes <= BYTES {
            remembered.bytes = bytes;
            remembered.lines.push(line);
        }
    }

    pub(crate) fn of(&self, request: RequestId) -> Vec<Line> {
        let kept = self.kept.lock();
        kept.by_request.get(&request).map(|found| found.lines.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_request_is_forgotten_first() {
        let lines = Lines::default();
        let line = Line { at: Moment::default(), is_error: false, text: "x".to_owned() };
        for number in 0..=REQUESTS {
            lines.push(RequestId::from_bits(number as u128), line.clone());
        }
        assert_eq!(lines.of(RequestId::from_bits(0)), []);
        assert_eq!(lines.of(RequestId::from_bits(1)).len(), 1);
    }
}
