//! What is known of a batch should its connection be lost: enough to find out what became of it.
//!
//! Each batch begins by leaving a mark, which is there exactly when the batch has happened. Whoever lost the answer to a
//! commit leaves the same mark in its place: that waits for the batch where it is still under way, changes nothing where
//! it has happened, and otherwise keeps it from happening later. The two kinds of mark differ, so that this may be asked
//! as often as it takes.

use std::{cell::RefCell, collections::BTreeSet};

use fal_queue::store::Done;
use fal_record::moment;
use fal_types::{Moment, RequestId};

use crate::{
    error::{Failure, Result},
    heads::Horizon,
    query::change,
    session::Session,
    values::Id,
};

/// Kept beside a batch.
#[derive(Debug)]
pub(crate) struct Outcome {
    lane: Id,
    known: RefCell<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The number of the batch.
    batch: i64,
    /// The answers so far.
    answers: Vec<Done>,
    /// Whether the commit was sent.
    is_sent: bool,
    /// The days that something of it expires on.
    days: BTreeSet<i64>,
}

impl Outcome {
    /// For the batches of a lane, one after the other.
    pub(crate) fn new(lane: u128) -> Self {
        Self { lane: Id(RequestId::from_bits(lane)), known: RefCell::default() }
    }

    /// Another batch begins, or the same once more. Which days are needed is not forgotten.
    pub(crate) fn begin(&self) {
        let mut known = self.known.borrow_mut();
        known.batch += 1;
        known.answers.clear();
        known.is_sent = false;
    }

    /// Leaves the mark. Answers the moment that counts, and which transactions are over.
    pub(crate) async fn mark(
        &self,
        session: &Session,
        given: Option<i64>,
    ) -> Result<(Moment, Horizon)> {
        let batch = self.known.borrow().batch;
        let row = session.row(change::MARK, [&given, &self.lane, &batch]).await?;
        let row = row.ok_or_else(|| Failure::corrupt("a mark cannot be left"))?;
        let horizon = Horizon { over: row.try_get(1)?, next: row.try_get(2)? };
        Ok((moment::read(row.try_get(0)?)?, horizon))
    }

    /// Whether the batch has happened. It does not any more once this has answered.
    pub(crate) async fn has_happened(&self, session: &Session) -> Result<bool> {
        let (batch, given) = (self.known.borrow().batch, None::<i64>);
        session.change(change::UNMARK, [&given, &self.lane, &batch]).await?;
        let row = session.row(change::HAPPENED, [&self.lane, &batch]).await?;
        let row = row.ok_or_else(|| Failure::corrupt("a mark is gone"))?;
        Ok(row.try_get(0)?)
    }

    /// The next answer.
    pub(crate) fn answer(&self, done: Done) {
        self.known.borrow_mut().answers.push(done);
    }

    /// How many answers there are.
    pub(crate) fn answers(&self) -> usize {
        self.known.borrow().answers.len()
    }

    /// Changes answers that were given before.
    pub(crate) fn amend(&self, amend: impl FnOnce(&mut Vec<Done>)) {
        amend(&mut self.known.borrow_mut().answers);
    }

    /// All answers, which are then given.
    pub(crate) fn take(&self) -> Vec<Done> {
        std::mem::take(&mut self.known.borrow_mut().answers)
    }

    /// The commit is sent now: from here on it may have happened, whatever becomes of the connection.
    pub(crate) fn send(&self) {
        self.known.borrow_mut().is_sent = true;
    }

    /// Whether the commit was sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.known.borrow().is_sent
    }

    /// These days are needed.
    pub(crate) fn want(&self, days: BTreeSet<i64>) {
        self.known.borrow_mut().days.extend(days);
    }

    /// The days that were needed since this was last asked.
    pub(crate) fn wanted(&self) -> BTreeSet<i64> {
        std::mem::take(&mut self.known.borrow_mut().days)
    }
}
