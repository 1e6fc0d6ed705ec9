//! What is done to requests that wait or run, named by their ids.

use std::collections::BTreeMap;

use fal_queue::{
    Event, Ruling, State,
    store::{CancelAnswer, Done, Line, Op},
};
use fal_record::journal;
use fal_types::{AppId, Attempt, LeaseId, RequestId};
use futures_util::future::try_join;

use crate::{
    batch::{Batch, Clock},
    error::Result,
    held::{Besides, Held},
    query::look,
    rows,
    session::Session,
    values::{Columns, Id},
};

type Loaded<'a> = BTreeMap<RequestId, Held<'a>>;

impl<'a> Batch<'a> {
    pub(crate) async fn touch(&mut self, run: &'a [Op]) -> Result<()> {
        let ids: Vec<Id> = run.iter().filter_map(|op| Some(Id(touched(op)?))).collect();
        let asked = run.iter().filter(|op| matches!(op, Op::Cancel { .. }));
        let asked: Vec<Id> = asked.filter_map(|op| Some(Id(touched(op)?))).collect();
        let session = self.session;
        let looked =
            try_join(session.rows(look::TOUCHED, [&ids]), ended(session, self.given, &asked));
        // Behind the first statement, so that what ended while that one waited is seen by the second.
        let (rows, ended) = self.fly(looked).await?;
        let found = rows::read_all(&rows)?.into_iter().map(Held::new);
        let mut loaded: Loaded<'a> = found.map(|held| (held.id(), held)).collect();
        for op in run {
            if let Some(done) = self.apply(&mut loaded, &ended, op)? {
                self.outcome.answer(done);
            }
        }
        for held in loaded.into_values() {
            self.keep(held)?;
            self.relieve().await?;
        }
        Ok(())
    }

    /// None for operations of another kind.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a run has operations of one kind, and `kind` names them all"
    )]
    fn apply(
        &self,
        loaded: &mut Loaded<'a>,
        ended: &BTreeMap<RequestId, AppId>,
        op: &'a Op,
    ) -> Result<Option<Done>> {
        Ok(Some(match op {
            Op::Settle { request, lease, attempt, ruling, told, lines, reply } => {
                let clock = self.clock()?;
                let (lease, attempt) = (*lease, *attempt);
                let event = Event::Settled { lease, attempt, ruling: kept(clock, *ruling) };
                let lines = records(clock, lines);
                let besides = Besides { told: told.clone(), lines, reply: reply.as_ref() };
                let held = loaded.get_mut(request);
                held.map_or(Ok(Done::Stale), |held| self.settle(held, &event, besides))?
            }
            Op::Note { request, lease, attempt, lines } => {
                let held = loaded.get_mut(request);
                match held.filter(|held| is_held(&held.found.ticket.state, *lease, *attempt)) {
                    Some(held) => {
                        held.print(records(self.clock()?, lines));
                        Done::Noted
                    }
                    None => Done::Stale,
                }
            }
            Op::Cancel { app, request } => {
                let held = loaded.get_mut(request).filter(|held| held.found.ticket.app == *app);
                Done::Cancelled(match held {
                    Some(held) => self.cancel(held)?,
                    None if ended.get(request) == Some(app) => CancelAnswer::AlreadyCompleted,
                    None => CancelAnswer::Unknown,
                })
            }
            _ => return Ok(None),
        }))
    }

    fn settle(&self, held: &mut Held<'a>, event: &Event, besides: Besides<'a>) -> Result<Done> {
        let has_moved = self.step(held, event, besides)?;
        let ticket = || Box::new(held.found.ticket.clone());
        Ok(if has_moved { Done::Settled(ticket()) } else { Done::Stale })
    }

    fn cancel(&self, held: &mut Held<'a>) -> Result<CancelAnswer> {
        let answer = CancelAnswer::from_state(&held.found.ticket.state);
        self.step(held, &Event::CancelAsked, Besides::default())?;
        Ok(answer)
    }

    /// Moves a ticket at the moment of the batch.
    pub(crate) fn step(
        &self,
        held: &mut Held<'a>,
        event: &Event,
        besides: Besides<'a>,
    ) -> Result<bool> {
        Ok(held.step(self.shared.options.keep, self.now()?, event, besides))
    }
}

/// The request that an operation names, where it is one of these.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a run has operations of one kind, and `kind` names them all"
)]
const fn touched(op: &Op) -> Option<RequestId> {
    match op {
        Op::Settle { request, .. } | Op::Note { request, .. } | Op::Cancel { request, .. } => {
            Some(*request)
        }
        _ => None,
    }
}

/// A ruling with its moment by the clock that counts.
fn kept(clock: Clock, ruling: Ruling) -> Ruling {
    match ruling {
        Ruling::Again { charge, not_before } => {
            Ruling::Again { charge, not_before: clock.kept(not_before) }
        }
        Ruling::Finish(_) | Ruling::Exhaust(_) | Ruling::GiveBack => ruling,
    }
}

/// Lines as records, with their moments by the clock that counts.
fn records(clock: Clock, lines: &[Line]) -> Vec<u8> {
    let kept = |line: &Line| Line { at: clock.kept(line.at), ..line.clone() };
    journal::lines(&lines.iter().map(kept).collect::<Vec<_>>())
}

//= docs/contract.md#queue-fencing
//# A result of an attempt whose lease is no longer current MUST change nothing.
fn is_held(state: &State, lease: LeaseId, attempt: Attempt) -> bool {
    match state {
        State::Leased(held) => (held.id, held.attempt) == (lease, attempt),
        State::Waiting { .. } | State::Done(_) => false,
    }
}

/// Which of these have ended, and whose they are.
async fn ended(
    session: &Session,
    given: Option<i64>,
    ids: &[Id],
) -> Result<BTreeMap<RequestId, AppId>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = session.rows(look::PRESENT, [&given, &ids]).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, columns.app()?))
    };
    rows.iter().map(read).collect()
}
