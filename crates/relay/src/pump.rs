//! Passing bytes on, in both directions, until one side ends.

use std::{io, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::frames::{self, Towards, Tracker};

/// What is under way in one direction at most.
const BUFFER: usize = 16 * 1024;
/// How long the last bytes may take to whoever is told the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How one direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A frame that closes the session was passed on.
    Closed,
    /// The sending side ended without one.
    SenderGone,
    /// The receiving side takes no more.
    ReceiverGone,
}

/// One direction. What it has read and not yet written is kept here, so that a future of it may be dropped at any point.
#[derive(Debug)]
pub struct Flow {
    buffer: Vec<u8>,
    /// What of the buffer is to be written.
    waiting: std::ops::Range<usize>,
    tracker: Tracker,
}

impl Flow {
    /// A direction in which these bytes have come already.
    #[must_use]
    pub fn new(early: Vec<u8>) -> Self {
        let mut flow = Self { waiting: 0..0, tracker: Tracker::default(), buffer: early };
        flow.take(flow.buffer.len());
        flow
    }

    fn take(&mut self, read: usize) {
        let bytes = self.buffer.get(..read).unwrap_or_default();
        self.waiting = 0..self.tracker.follow(bytes);
    }

    /// Passes on until this direction ends.
    pub async fn run(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> End {
        loop {
            if self.drain(to).await.is_err() {
                return End::ReceiverGone;
            }
            if self.tracker.has_closed() {
                return End::Closed;
            }
            self.buffer.resize(BUFFER, 0);
            match from.read(&mut self.buffer).await {
                Ok(0) | Err(_) => return End::SenderGone,
                Ok(read) => self.take(read),
            }
        }
    }

    async fn drain(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let bytes = self.buffer.get(self.waiting.clone()).unwrap_or_default();
            match to.write(bytes).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => self.waiting.start += written,
            }
        }
        to.flush().await
    }

    /// Tells the receiving side why the session ends, where it has not been told and a frame can be put in.
    pub async fn close(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        (code, reason): (u16, &str),
        towards: Towards,
    ) {
        let last = async {
            self.drain(to).await?;
            if self.tracker.is_between() && !self.tracker.has_closed() {
                to.write_all(&frames::close(code, reason, towards)).await?;
            }
            to.shutdown().await
        };
        // Whoever does not take it has left.
        let _either = tokio::time::timeout(LAST_WORDS, last).await;
    }
}

/// Reads what a side still sends after it was told the end. A socket that is closed before takes the last words back.
pub async fn linger(from: &mut (impl AsyncRead + Unpin)) {
    let mut nowhere = tokio::io::sink();
    let rest = tokio::io::copy(from, &mut nowhere);
    // Whatever comes, and however it ends.
    let _either = tokio::time::timeout(LAST_WORDS, rest).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &[u8] = &[0x88, 5, 0x03, 0xf3, b'b', b'y', b'e'];

    #[tokio::test]
    async fn a_broken_sender_is_explained_between_frames_only() {
        for (sent, expected) in [
            (&[0x82, 1, 7][..], [&[0x82, 1, 7][..], BYE].concat()),
            (&[0x82, 9, 7], vec![0x82, 9, 7]),
            (&[0x88, 0, 7], vec![0x88, 0]),
        ] {
            let (mut to, mut taken) = tokio::io::duplex(1_000);
            let mut flow = Flow::new(Vec::new());
            let closed = flow.run(&mut &sent[..], &mut to).await;
            assert_eq!(closed == End::Closed, sent[0] == 0x88);
            flow.close(&mut to, (1011, "bye"), Towards::Caller).await;
            drop(to);
            let mut found = Vec::new();
            taken.read_to_end(&mut found).await.unwrap();
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn nothing_is_lost_where_a_run_is_dropped_and_begun_again() {
        let sent: Vec<u8> = (0..200).flat_map(|number| [0x82, 1, number]).collect();
        let (mut to, mut taken) = tokio::io::duplex(7);
        let mut flow = Flow::new(sent[..4].to_vec());
        let mut from = &sent[4..];
        let mut found = Vec::new();
        loop {
            let run = tokio::select! {
                biased;
                end = flow.run(&mut from, &mut to) => Some(end),
                read = taken.read_buf(&mut found) => { read.unwrap(); None }
            };
            if run.is_some() {
                break;
            }
        }
        drop(to);
        taken.read_to_end(&mut found).await.unwrap();
        assert_eq!(found, sent);
    }

    #[tokio::test]
    async fn a_receiver_that_is_gone_ends_it() {
        let (mut to, taken) = tokio::io::duplex(4);
        drop(taken);
        let mut flow = Flow::new(vec![0x82, 9, 7]);
        assert_eq!(flow.run(&mut tokio::io::empty(), &mut to).await, End::ReceiverGone);
    }
}
