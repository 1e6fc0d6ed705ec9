//! What runners print, line by line, read by one thread for all of them.
//!
//! Invariant: nothing here waits for a pipe to close. A grandchild may hold its end open long after the
//! runner's death, so a pipe is simply read whenever it has something, until its end.

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};

use crate::{poller::Poller, runner::Sink};

/// A longer line is handed on in pieces of at most this many bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// Read at once. One read for each turn, so that a chatty runner does not starve the others.
const CHUNK: usize = 16 * 1024;

/// What a pipe holds at most.
const PIPE: usize = 64 * 1024;

/// What one read has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    Some,
    Nothing,
    End,
}

/// Which of a runner's two outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        })
    }
}

/// One output of one runner.
pub(crate) struct Output {
    pipe: OwnedFd,
    stream: Stream,
    sink: Arc<dyn Sink>,
    lines: Mutex<Lines>,
}

impl Output {
    /// Takes the reading end of a pipe. Only our end becomes non-blocking: the runner's is its own.
    pub(crate) fn new(pipe: OwnedFd, stream: Stream, sink: Arc<dyn Sink>) -> io::Result<Self> {
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        Ok(Self { pipe, stream, sink, lines: Mutex::new(Lines::default()) })
    }

    /// Reads once and hands on the lines. One thread at a time, so that lines keep their order.
    fn read(&self, chunk: &mut [u8]) -> Read {
        let mut lines = self.lines.lock();
        let length = match rustix::io::read(&self.pipe, &mut *chunk) {
            Ok(length) => length,
            Err(Errno::AGAIN | Errno::INTR) => return Read::Nothing,
            Err(_broken) => 0,
        };
        let bytes = chunk.get(..length).unwrap_or_default();
        lines.take(bytes, &mut |line| self.sink.line(self.stream, line));
        if length == 0 {
            lines.end(&mut |line| self.sink.line(self.stream, line));
            return Read::End;
        }
        Read::Some
    }

    /// Hands on what the runner has printed by now, as far as a pipe holds.
    pub(crate) fn catch_up(&self) {
        let mut chunk = [0; CHUNK];
        for _ in 0..=PIPE / CHUNK {
            match self.read(&mut chunk) {
                Read::Some => {}
                Read::Nothing | Read::End => return,
            }
        }
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// Starts the reading thread. It ends when it was stopped and every pipe has ended.
pub(crate) fn start() -> io::Result<Arc<Poller<Output>>> {
    let poller = Arc::new(Poller::new()?);
    let waiting = Arc::clone(&poller);
    thread::Builder::new().name("fal-output".to_owned()).spawn(move || run(&waiting))?;
    Ok(poller)
}

fn run(poller: &Poller<Output>) {
    let mut chunk = vec![0; CHUNK];
    while !(poller.is_stopped() && poller.is_empty()) {
        match poller.wait() {
            Ok(ready) => {
                for (key, output) in ready {
                    if output.read(&mut chunk) == Read::End {
                        poller.remove(key);
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, "runners' output is not read any more");
                return;
            }
        }
    }
}

/// Cuts bytes into lines.
#[derive(Default)]
struct Lines {
    /// The start of a line whose end has not come yet; never longer than [`LONGEST_LINE`].
    begun: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], line: &mut dyn FnMut(String)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            while self.begun.len() > LONGEST_LINE && !fits(&self.begun) {
                let rest = self.begun.split_off(boundary(&self.begun));
                line(text(&self.begun));
                self.begun = rest;
            }
            if self.begun.ends_with(b"\n") {
                line(text(&self.begun));
                self.begun.clear();
            }
        }
    }

    /// A last line without a line end is a line too.
    fn end(&mut self, line: &mut dyn FnMut(String)) {
        if !self.begun.is_empty() {
            line(text(&self.begun));
            self.begun.clear();
        }
    }
}

/// Whether it is only the line end that makes it too long.
fn fits(line: &[u8]) -> bool {
    line.strip_suffix(b"\n").is_some_and(|line| line.len() <= LONGEST_LINE)
}

/// Where to cut a line that is too long: not within a character.
fn boundary(line: &[u8]) -> usize {
    let is_start = |at: &usize| line.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    (LONGEST_LINE - 3..=LONGEST_LINE).rev().find(is_start).unwrap_or(LONGEST_LINE)
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&[u8]], want: &[&str]) {
        let (mut lines, mut got) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.take(chunk, &mut |line| got.push(line));
        }
        lines.end(&mut |line| got.push(line));
        assert_eq!(got, want);
    }

    #[test]
    fn lines_are_cut_where_they_end_however_they_arrive() {
        check(&[b"one\ntw", b"o\r\n\nthree"], &["one", "two", "", "three"]);
        check(&[], &[]);
    }

    #[test]
    fn what_is_not_utf_8_is_replaced() {
        check(&[b"a\xff\xfeb\n"], &["a\u{fffd}\u{fffd}b"]);
    }

    #[test]
    fn a_character_that_arrives_in_two_parts_stays_whole() {
        check(&[b"\xc3", b"\xa9\n"], &["\u{e9}"]);
    }

    #[test]
    fn a_long_line_comes_in_pieces_that_do_not_cut_a_character() {
        let long = format!("x{}", "\u{e9}".repeat(LONGEST_LINE / 2 + 10));
        let first = format!("x{}", "\u{e9}".repeat(LONGEST_LINE / 2 - 1));
        let rest = "\u{e9}".repeat(11);
        check(&[long.as_bytes(), b"\n"], &[&first, &rest]);
    }

    #[test]
    fn a_line_of_just_the_limit_is_one_line() {
        let long = "x".repeat(LONGEST_LINE);
        check(&[long.as_bytes(), b"\n"], &[&long]);
    }
}
