//! One transaction under way.
//!
//! A batch is taken in runs of operations of the same kind. Each run loads all of its rows with one statement or a few, in
//! one flight together with what the run before it has changed; every ticket is then stepped here, in the order of the
//! operations; and what has changed is sent with the next flight, the last one together with the commit. So a batch of one
//! kind goes there and back twice.

use std::mem;

use fal_queue::store::{Done, Op, Wake};
use fal_types::{AppId, Moment};
use futures_util::future::{try_join, try_join3};
use tokio_postgres::Row;

use crate::{
    claim::Asked,
    counts::{ROUGHLY, Waiting},
    error::{Failure, Result},
    heads::Horizon,
    outcome::Outcome,
    query::look,
    session::Session,
    shared::Shared,
    writes::Writes,
};

/// A transaction with what it has learnt, and what it has yet to send.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) session: &'a Session,
    pub(crate) shared: &'a Shared,
    pub(crate) outcome: &'a Outcome,
    /// The moment that counts, where it is not the server's.
    pub(crate) given: Option<i64>,
    /// The moment at which it all happens, by the caller's clock.
    pub(crate) said: Moment,
    clock: Option<Clock>,
    /// What claims had seen when it began.
    pub(crate) turn: u64,
    pub(crate) writes: Writes<'a>,
    /// The claims that have yet to be told what still waits.
    pub(crate) asked: Option<Asked>,
    pub(crate) wakes: Vec<Wake>,
}

/// The moment at which a batch happens, by the clock that counts and by the caller's.
//= docs/contract.md#many-nodes
//# All nodes MUST go by the clock of the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) now: Moment,
    said: Moment,
    /// Which transactions were over by then.
    pub(crate) horizon: Horizon,
}

impl Clock {
    /// A moment of the caller's, by the clock that counts. The start of time stays what it is.
    pub(crate) fn kept(self, moment: Moment) -> Moment {
        if moment.micros() == 0 { moment } else { shifted(moment, self.said, self.now) }
    }

    /// A moment by the clock that counts, by the caller's.
    pub(crate) fn told(self, moment: Moment) -> Moment {
        if moment.micros() == 0 { moment } else { shifted(moment, self.now, self.said) }
    }
}

fn shifted(moment: Moment, from: Moment, to: Moment) -> Moment {
    let later = moment + to.since(from);
    Moment::from_micros(later.micros().saturating_sub(micros(from, to)))
}

/// How much earlier `to` is than `from`.
fn micros(from: Moment, to: Moment) -> u64 {
    from.micros().saturating_sub(to.micros())
}

/// What kind of run an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Submit,
    Claim,
    /// To requests that wait or run, named by their ids.
    Touch,
    /// To webhooks.
    Hook,
    /// On its own.
    Single,
}

const fn kind(op: &Op) -> Kind {
    match op {
        Op::Submit { .. } => Kind::Submit,
        Op::Claim { .. } => Kind::Claim,
        Op::Settle { .. } | Op::Note { .. } | Op::Cancel { .. } => Kind::Touch,
        Op::Sent { .. } | Op::SendAgain { .. } => Kind::Hook,
        Op::Recover { .. }
        | Op::Beat { .. }
        | Op::Collect { .. }
        | Op::Resubmit { .. }
        | Op::Drop { .. }
        | Op::Sweep { .. } => Kind::Single,
    }
}

/// Everything that a batch is to do, on a connection that is in no transaction.
pub(crate) async fn transact(
    session: &Session,
    shared: &Shared,
    outcome: &Outcome,
    said: Moment,
    ops: &[Op],
) -> Result<Vec<Done>> {
    let mut batch = Batch {
        session,
        shared,
        outcome,
        given: shared.give(said),
        said,
        clock: None,
        turn: shared.heads.turn(),
        writes: Writes::default(),
        asked: None,
        wakes: Vec::new(),
    };
    for run in ops.chunk_by(|one, next| kind(one) == kind(next) && kind(one) != Kind::Single) {
        batch.run(run).await?;
    }
    batch.commit().await
}

impl<'a> Batch<'a> {
    async fn run(&mut self, run: &'a [Op]) -> Result<()> {
        // Each on the heap: together they would be larger than a thread's stack allows for.
        match run {
            [] => Ok(()),
            [Op::Submit { .. }, ..] => Box::pin(self.submit(run)).await,
            [Op::Claim { .. }, ..] => Box::pin(self.claim(run)).await,
            [Op::Settle { .. } | Op::Note { .. } | Op::Cancel { .. }, ..] => {
                Box::pin(self.touch(run)).await
            }
            [Op::Sent { .. } | Op::SendAgain { .. }, ..] => Box::pin(self.report(run)).await,
            [Op::Recover { node, leases }, ..] => {
                Box::pin(self.recover(*node, leases.as_ref())).await
            }
            [Op::Beat { node, lasts }, ..] => Box::pin(self.beat(*node, *lasts)).await,
            [Op::Collect { max, hold }, ..] => Box::pin(self.collect(*max, *hold)).await,
            [Op::Resubmit { request, heir }, ..] => Box::pin(self.resubmit(*request, *heir)).await,
            [Op::Drop { request }, ..] => Box::pin(self.drop(*request)).await,
            [Op::Sweep { limit, silent }, ..] => Box::pin(self.sweep(*limit, *silent)).await,
        }
    }

    /// Sends what has changed, and `load` behind it. The first flight begins the transaction.
    pub(crate) async fn fly<T>(&mut self, load: impl Future<Output = Result<T>>) -> Result<T> {
        let writes = mem::take(&mut self.writes);
        let days = writes.days();
        if !self.shared.days.know(&days) {
            self.outcome.want(days);
            return Err(Failure::NoDay);
        }
        let apps = self.asked.as_ref().map(Asked::apps).unwrap_or_default();
        let this = &*self;
        let written = Box::pin(writes.send(this.session));
        let counted = count(this.session, this.shared, apps, ROUGHLY);
        let before = Box::pin(try_join3(this.begin(), written, counted));
        let ((clock, (), counts), loaded) = try_join(before, Box::pin(load)).await?;
        self.clock = Some(clock);
        if let Some(asked) = self.asked.take() {
            self.outcome.amend(|answers| asked.answer(&counts, clock, answers));
        }
        Ok(loaded)
    }

    /// Sends what has changed where it is much.
    pub(crate) async fn relieve(&mut self) -> Result<()> {
        if self.writes.is_heavy() { self.fly(async { Ok(()) }).await } else { Ok(()) }
    }

    /// Begins where nothing was begun.
    async fn begin(&self) -> Result<Clock> {
        if let Some(clock) = self.clock {
            return Ok(clock);
        }
        let mark = self.outcome.mark(self.session, self.given);
        let ((), (now, horizon)) = try_join(self.session.send("BEGIN"), mark).await?;
        Ok(Clock { now, said: self.said, horizon })
    }

    /// The moment at which it all happens, once the first flight is back.
    pub(crate) fn clock(&self) -> Result<Clock> {
        self.clock.ok_or_else(|| Failure::corrupt("nothing was begun"))
    }

    pub(crate) fn now(&self) -> Result<Moment> {
        Ok(self.clock()?.now)
    }

    async fn commit(mut self) -> Result<Vec<Done>> {
        if self.outcome.answers() > 0 {
            self.outcome.send();
            let session = self.session;
            self.fly(session.send("COMMIT")).await?;
            self.shared.herald.tell(self.wakes);
        }
        Ok(self.outcome.take())
    }
}

/// What waits for each of these apps, counted up to a bound.
pub(crate) async fn count(
    session: &Session,
    shared: &Shared,
    apps: &[AppId],
    bound: i64,
) -> Result<Vec<Waiting>> {
    use fal_queue::Priority::{Low, Normal};
    if apps.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = apps.iter().map(AppId::as_str).collect();
    let heads = |priority| -> Vec<i64> {
        apps.iter().map(|app| shared.heads.peek(app, priority)).collect()
    };
    let (normal, low) = (heads(Normal), heads(Low));
    let rows = session.rows(look::COUNTS, [&names, &normal, &low, &bound]).await?;
    let mut counts = vec![Waiting::default(); apps.len()];
    for row in &rows {
        if let Some(waiting) = counts.get_mut(place(row, 0)?) {
            waiting.take(row, 1, row.try_get(7)?)?;
        }
    }
    Ok(counts)
}

/// Which of the things that were asked about a row belongs to: its number there, from 0.
pub(crate) fn place(row: &Row, column: usize) -> Result<usize> {
    let place: i64 = row.try_get(column)?;
    let place = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
    place.ok_or_else(|| Failure::corrupt("a row belongs to nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shifted_between_two_clocks_and_back() {
        let at = Moment::from_micros;
        let horizon = Horizon { over: 1, next: 1 };
        for (now, said) in [(1_000, 1_700), (1_700, 1_000), (5, 5)] {
            let clock = Clock { now: at(now), said: at(said), horizon };
            assert_eq!(clock.kept(at(said)), at(now));
            assert_eq!(clock.kept(at(said + 9)), at(now + 9));
            assert_eq!(clock.told(clock.kept(at(9_000))), at(9_000));
            assert_eq!(clock.kept(at(0)), at(0), "the start of time is no moment");
        }
        let clock = Clock { now: at(9), said: at(5), horizon };
        assert_eq!(clock.kept(at(u64::MAX)), at(u64::MAX), "and the end of time none either");
    }
}
