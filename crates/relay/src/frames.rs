//! As much of WebSocket's framing (RFC 6455, section 5) as is needed to pass frames on.

/// A frame that says why a session ends. Its text is at most 123 bytes.
pub(crate) fn close(code: u16, reason: &str, to: Towards) -> Vec<u8> {
    const LONGEST: usize = 123;
    let mut end = reason.len().min(LONGEST);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.as_bytes().iter().take(end));
    control(CLOSE, &payload, to)
}

/// The answer to a ping.
fn pong(payload: &[u8]) -> Vec<u8> {
    control(PONG, payload, Towards::Caller)
}

/// Where a frame goes. What goes to a runner is masked, as a client's frames are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// To the caller.
    Caller,
    /// To the runner.
    Runner,
}

const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
/// What a control frame carries at most.
const CONTROL: usize = 125;

fn control(opcode: u8, payload: &[u8], to: Towards) -> Vec<u8> {
    let payload = payload.get(..CONTROL).unwrap_or(payload);
    // At most 125.
    let length = u8::try_from(payload.len()).unwrap_or_default();
    let mut frame = vec![FINAL | opcode];
    match to {
        Towards::Caller => frame.push(length),
        // A mask of zeros leaves the payload as it is.
        Towards::Runner => frame.extend([MASKED | length, 0, 0, 0, 0]),
    }
    frame.extend(payload);
    frame
}

/// Follows the bytes of one direction, to know where frames end.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    head: Vec<u8>,
    /// What is still to come of the payload.
    left: u64,
    is_close: bool,
    has_closed: bool,
}

impl Tracker {
    /// Takes note of bytes that are passed on. Answers how many of them there are up to the end of a frame that closes
    /// the session; all of them where there is none.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !self.has_closed {
            if self.left > 0 {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.left -= taken as u64;
                rest = rest.get(taken..).unwrap_or_default();
                self.end_payload();
                continue;
            }
            let Some((first, others)) = rest.split_first() else { break };
            self.head.push(*first);
            rest = others;
            if let Some(head) = Head::read(&self.head) {
                self.head.clear();
                self.left = head.payload;
                self.is_close = head.opcode == CLOSE;
                self.end_payload();
            }
        }
        bytes.len() - rest.len()
    }

    fn end_payload(&mut self) {
        self.has_closed |= self.is_close && self.left == 0;
    }

    /// Whether a frame that closes the session has gone by whole.
    pub(crate) const fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Whether a frame may be put in here.
    pub(crate) const fn is_between(&self) -> bool {
        self.left == 0 && self.head.is_empty()
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    opcode: u8,
    /// How long the head is.
    length: usize,
    mask: Option<[u8; 4]>,
    /// How long the payload is.
    payload: u64,
}

impl Head {
    /// Reads a head that is all there.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (payload, at) = match second & !MASKED {
            126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
            length => (u64::from(length), 2),
        };
        let is_masked = second & MASKED != 0;
        let mask = if is_masked { Some(*bytes.get(at..)?.first_chunk::<4>()?) } else { None };
        let length = at + if is_masked { 4 } else { 0 };
        Some(Self { opcode: first & 0xf, length, mask, payload })
    }
}

/// What a caller has sent before there is a runner to send it to.
#[derive(Debug, Default)]
pub struct Early {
    bytes: Vec<u8>,
    /// Up to here it is whole frames that wait for the runner.
    seen: usize,
}

/// What has to be done about what a caller sent early.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// Send this to the caller.
    Answer(Vec<u8>),
    /// The caller has closed the session.
    Closed,
}

impl Early {
    /// What is kept at most while nobody takes it.
    const MOST: usize = 64 * 1024;

    /// How many more bytes there is room for.
    #[must_use]
    pub const fn room(&self) -> usize {
        Self::MOST.saturating_sub(self.bytes.len())
    }

    /// Takes in more of it.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes out the next frame that is not for the runner: a session that waits for long is kept up by pings.
    pub fn due(&mut self) -> Option<Due> {
        loop {
            let head = Head::read(self.bytes.get(self.seen..)?)?;
            let from = self.seen + head.length;
            let to = from.checked_add(usize::try_from(head.payload).ok()?)?;
            let payload = self.bytes.get(from..to)?;
            match head.opcode {
                CLOSE => return Some(Due::Closed),
                PING => {
                    let answer = Due::Answer(pong(&unmask(payload, head.mask)));
                    self.bytes.drain(self.seen..to);
                    return Some(answer);
                }
                _ => self.seen = to,
            }
        }
    }

    /// All that is for the runner.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn unmask(payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mask = mask.unwrap_or_default();
    payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A caller's frame.
    fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![FINAL | opcode];
        match payload.len() {
            length @ 0..=125 => frame.push(MASKED | u8::try_from(length).unwrap()),
            length @ 126..=65_535 => {
                frame.push(MASKED | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(MASKED | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(unmask(payload, Some(mask)));
        frame
    }

    #[test]
    fn the_end_of_a_frame_is_known_wherever_the_bytes_are_cut() {
        let frames: Vec<u8> = [0, 5, 125, 126, 65_535, 65_536]
            .into_iter()
            .flat_map(|length| masked(2, &vec![7; length]))
            .chain(close(1000, "bye", Towards::Caller))
            .collect();
        for step in [1, 2, 3, 7, 1_000, 100_000, frames.len()] {
            let mut tracker = Tracker::default();
            let chunks: Vec<_> = frames.chunks(step).collect();
            for (number, chunk) in chunks.iter().enumerate() {
                assert_eq!(tracker.follow(chunk), chunk.len());
                assert_eq!(tracker.has_closed(), number + 1 == chunks.len(), "{step}");
            }
            assert!(tracker.is_between());
        }
    }

    #[test]
    fn what_follows_the_close_is_not_passed_on() {
        let mut tracker = Tracker::default();
        let mut bytes = close(1000, "", Towards::Runner);
        let end = bytes.len();
        bytes.extend(b"more");
        assert_eq!(tracker.follow(&bytes), end);
        assert!(tracker.has_closed());
        assert_eq!(tracker.follow(b"more"), 0);
    }

    #[test]
    fn between_frames_is_not_within_one() {
        let frame = masked(1, b"text");
        let mut tracker = Tracker::default();
        assert!(tracker.is_between());
        for byte in &frame[..frame.len() - 1] {
            tracker.follow(&[*byte]);
            assert!(!tracker.is_between());
        }
        tracker.follow(&frame[frame.len() - 1..]);
        assert!(tracker.is_between() && !tracker.has_closed());
    }

    #[test]
    fn pings_are_answered_while_the_rest_waits() {
        let mut early = Early::default();
        let (text, ping) = (masked(1, b"hello"), masked(PING, b"are you there"));
        early.push(&text);
        early.push(&ping[..3]);
        assert_eq!(early.due(), None);
        early.push(&ping[3..]);
        early.push(&text);
        early.push(&ping);
        early.push(&text[..4]);
        let answer = || Some(Due::Answer([&[0x8a, 13][..], b"are you there"].concat()));
        assert_eq!(early.due(), answer());
        assert_eq!(early.due(), answer());
        assert_eq!(early.due(), None);
        early.push(&text[4..]);
        early.push(&masked(CLOSE, &1000_u16.to_be_bytes()));
        assert_eq!(early.due(), Some(Due::Closed));
        assert_eq!(early.into_bytes()[..3 * text.len()], [&text[..], &text, &text].concat());
    }

    #[test]
    fn a_frame_that_claims_to_be_huge_waits_for_its_end() {
        let mut early = Early::default();
        early.push(&[0x82, MASKED | 127, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]);
        assert_eq!(early.due(), None);
        let mut tracker = Tracker::default();
        tracker.follow(&early.into_bytes());
        assert!(!tracker.is_between());
    }

    #[test]
    fn a_close_says_no_more_than_fits() {
        let long = "é".repeat(100);
        let frame = close(1011, &long, Towards::Caller);
        assert_eq!(frame[..4], [0x88, 124, 0x03, 0xf3]);
        assert_eq!(frame.len(), 126);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
        assert_eq!(close(1001, "x", Towards::Runner), [0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe9, b'x']);
    }
}
