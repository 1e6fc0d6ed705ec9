//! Server-sent events, as far as fal uses them: the data of each.
//!
//! Written here because the two libraries that could have been used drop a half event at the end of a stream without a
//! word, which is the very thing that has to be told, and hold events of any length.

use bytes::{Buf as _, Bytes};

/// Takes bytes as they come, and gives the data of each event that is complete.
#[derive(Debug)]
pub(crate) struct Parser {
    /// A line whose end has not come.
    line: Vec<u8>,
    /// What the event that is being read has of data.
    data: Option<Vec<u8>>,
    before: Before,
    /// The longest event, in bytes.
    limit: usize,
}

/// What stands before the line that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing, so that it may begin with a mark of its encoding.
    Start,
    /// A return, of which a line feed may be the other half.
    Return,
    /// A line feed.
    Feed,
}

/// An event, or a line of one, is longer than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Parser {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { line: Vec::new(), data: None, before: Before::Start, limit }
    }

    /// The data of the next event in these bytes, from which what was read is taken; none where more is needed.
    pub(crate) fn next(&mut self, bytes: &mut Bytes) -> Result<Option<Vec<u8>>, TooLong> {
        while !bytes.is_empty() {
            if self.before == Before::Return && self.line.is_empty() {
                self.before = Before::Feed;
                if bytes.first() == Some(&b'\n') {
                    bytes.advance(1);
                    continue;
                }
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let part = bytes.split_to(end.unwrap_or(bytes.len()));
            let data = self.data.as_ref().map_or(0, Vec::len);
            if self.line.len() + data + part.len() > self.limit {
                return Err(TooLong);
            }
            self.line.extend_from_slice(&part);
            let Some(end) = bytes.first().copied() else { break };
            bytes.advance(1);
            let line = self.take_line();
            self.before = if end == b'\r' { Before::Return } else { Before::Feed };
            if let Some(data) = self.read(&line) {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Whether no event is half read.
    pub(crate) fn is_between(&self) -> bool {
        self.data.is_none() && (self.line.is_empty() || self.line.starts_with(b":"))
    }

    fn take_line(&mut self) -> Vec<u8> {
        let mut line = std::mem::take(&mut self.line);
        if self.before == Before::Start && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        line
    }

    /// Reads a line, and gives the event's data where the line is empty, which ends it.
    fn read(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        if line.is_empty() {
            // Events without data are of no use to anybody.
            return self.data.take().filter(|data| !data.is_empty());
        }
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(at);
        if name != b"data" {
            return None;
        }
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            None => self.data = Some(value.to_vec()),
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a text ends.
    #[derive(Clone, Copy, PartialEq)]
    enum End {
        Between,
        Inside,
    }

    /// What comes of a text, however it is cut into pieces.
    #[track_caller]
    fn check(text: &str, wanted: &[&str], end: End) {
        for size in 1..=text.len() {
            let (mut parser, mut events) = (Parser::new(1000), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                let mut piece = Bytes::copy_from_slice(piece);
                while let Some(event) = parser.next(&mut piece).unwrap() {
                    events.push(String::from_utf8(event).unwrap());
                }
            }
            assert_eq!(events, wanted, "{text:?} in pieces of {size}");
            assert_eq!(parser.is_between(), end == End::Between, "{text:?}");
        }
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        check("data: 1\n\ndata:2\n\n", &["1", "2"], End::Between);
        check("data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", &["1", "2", "3"], End::Between);
        check("data: {\ndata:  \"a\": 1\ndata: }\n\n", &["{\n \"a\": 1\n}"], End::Between);
        check(": ping\n\nid: 7\nevent: x\nretry: 1\ndata: 1\n\n", &["1"], End::Between);
        check("\u{feff}data: 1\n\n", &["1"], End::Between);
        check("data: \u{e9}\u{1f600}\n\n", &["\u{e9}\u{1f600}"], End::Between);
        check("data\n\ndata:\n\ndatab: 1\n\n: c", &[], End::Between);
        check("data: a\ndata\n\n", &["a\n"], End::Between);
    }

    #[test]
    fn a_half_event_is_noticed() {
        check("data: 1\n\ndata: 2", &["1"], End::Inside);
        check("data: 1\n\ndata: 2\n", &["1"], End::Inside);
        check("data: 1\n\nda", &["1"], End::Inside);
    }

    #[test]
    fn a_long_event_is_refused() {
        for text in ["data: 123456789\n\n", "data: 123\ndata: 456\ndata: 7\n\n", "x: 1234567890"] {
            let mut bytes = Bytes::copy_from_slice(text.as_bytes());
            assert_eq!(Parser::new(12).next(&mut bytes), Err(TooLong), "{text}");
        }
    }
}
