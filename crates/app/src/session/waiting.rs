//! The inputs of one session that have come and not been taken: bounded in number and in bytes.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream;
use parking_lot::Mutex;
use tokio::time::{Sleep, sleep};

use crate::{app::RealtimeOptions, session::line};

/// How many inputs are read ahead where there is no buffering. The rest stay with the client.
const AHEAD: usize = 64;

/// How many bytes of messages wait at most; one more message may be longer by itself.
const BYTES: usize = line::LONGEST;

/// Why no more inputs come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// None came for too long.
    Idle,
    Cancelled,
    GoingAway,
    /// The endpoint takes no more.
    Unwanted,
}

/// Where the reader of a session puts its inputs.
#[derive(Debug)]
pub(crate) struct Waiting<I> {
    state: Mutex<State<I>>,
    most: usize,
    fullness: Fullness,
}

/// What happens when as many inputs wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fullness {
    /// The oldest is dropped for a newer one.
    Drops,
    /// No more are read.
    Holds,
}

#[derive(Debug)]
struct State<I> {
    inputs: VecDeque<(I, usize)>,
    bytes: usize,
    ended: Option<Why>,
    /// Waits for an input.
    taker: Option<Waker>,
    /// Waits for room.
    giver: Option<Waker>,
}

/// Whoever takes a session's inputs.
#[derive(Debug)]
pub struct Taking<I> {
    waiting: Arc<Waiting<I>>,
    timeout: Option<Duration>,
    /// Runs while somebody waits for an input.
    idle: Option<Pin<Box<Sleep>>>,
    batch: usize,
}

/// Both ends of a session's inputs.
pub(crate) fn queue<I>(options: RealtimeOptions) -> (Arc<Waiting<I>>, Taking<I>) {
    let number = |number: Option<u32>| number.map(|number| number as usize);
    let batch = number(options.max_batch_size).unwrap_or(1);
    let (most, fullness) = match number(options.buffering) {
        Some(most) => (most, Fullness::Drops),
        None => (AHEAD.max(batch), Fullness::Holds),
    };
    let state = State { inputs: VecDeque::new(), bytes: 0, ended: None, taker: None, giver: None };
    let waiting = Arc::new(Waiting { state: Mutex::new(state), most, fullness });
    let timeout = options.session_timeout.map(Duration::from_secs);
    let taking = Taking { waiting: Arc::clone(&waiting), timeout, idle: None, batch };
    (waiting, taking)
}

impl<I> Waiting<I> {
    /// Puts an input behind the others. One that comes too late is nobody's.
    //= docs/contract.md#app-buffering
    //# With `buffering = n` at most n inputs wait, and the oldest of them MUST be dropped for a newer
    //# one.
    pub(crate) fn push(&self, input: I, bytes: usize) {
        let mut state = self.state.lock();
        if state.ended.is_some() {
            return;
        }
        while self.fullness == Fullness::Drops && self.is_full(&state, bytes) {
            drop(state.pop());
        }
        state.bytes += bytes;
        state.inputs.push_back((input, bytes));
        wake(&mut state.taker);
    }

    /// Whether one more input, of so many bytes, would be too much.
    fn is_full(&self, state: &State<I>, bytes: usize) -> bool {
        let is_some = !state.inputs.is_empty();
        is_some && (state.inputs.len() >= self.most || state.bytes + bytes > BYTES)
    }

    //= docs/contract.md#app-buffering
    //# Without it every input MUST be answered: a session that is behind reads no more.
    /// Returns when there is room for an input.
    pub(crate) async fn room(&self) {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            let is_held = self.fullness == Fullness::Holds && self.is_full(&state, 1);
            if state.ended.is_none() && is_held {
                state.giver = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Ends the inputs after those that wait. The first reason counts.
    pub(crate) fn end(&self, why: Why) {
        let mut state = self.state.lock();
        state.ended.get_or_insert(why);
        wake(&mut state.taker);
        wake(&mut state.giver);
    }

    /// Why no more come.
    pub(crate) fn ended(&self) -> Option<Why> {
        self.state.lock().ended
    }
}

impl<I> State<I> {
    fn pop(&mut self) -> Option<I> {
        let (input, bytes) = self.inputs.pop_front()?;
        self.bytes -= bytes;
        wake(&mut self.giver);
        Some(input)
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl<I> Taking<I> {
    /// The next input; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<I> {
        poll_fn(|cx| self.poll(cx)).await
    }

    //= docs/contract.md#app-buffering
    //# An endpoint that takes several inputs MUST get those that wait, up to `max_batch_size`.
    /// This input with those that wait behind it, as many as a batch may have.
    pub(crate) fn with_others(&self, first: I) -> Vec<I> {
        let mut state = self.waiting.state.lock();
        let others = std::iter::from_fn(|| state.pop());
        std::iter::once(first).chain(others).take(self.batch).collect()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<I>> {
        {
            let mut state = self.waiting.state.lock();
            if let Some(input) = state.pop() {
                self.idle = None;
                return Poll::Ready(Some(input));
            }
            if state.ended.is_some() {
                return Poll::Ready(None);
            }
            state.taker = Some(cx.waker().clone());
        }
        //= docs/contract.md#app-session-timeout
        //# A session MUST end when no input has come for `session_timeout` while none was being answered:
        //# with the text frame `{"type":"x-fal-error","error":"TIMEOUT","reason":"no inputs, reconnect
        //# when needed!"}`, and close 1000.
        let Some(timeout) = self.timeout else { return Poll::Pending };
        let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(timeout)));
        if idle.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.waiting.end(Why::Idle);
        Poll::Ready(None)
    }
}

impl<I> Stream for Taking<I> {
    type Item = I;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<I>> {
        self.poll(cx)
    }
}

impl<I> Drop for Taking<I> {
    fn drop(&mut self) {
        self.waiting.end(Why::Unwanted);
    }
}

#[cfg(test)]
mod tests;
