//! Webhooks: which are due, and how they went.

use std::{collections::BTreeMap, time::Duration};

use fal_queue::store::{Done, Op, Sent};
use fal_record::journal;
use fal_types::{Moment, RequestId};
use futures_util::future::try_join;

use crate::{
    batch::Batch,
    error::Result,
    query::look,
    values::{Columns, Id, limit},
    writes::Hook,
};

/// A webhook that is loaded.
struct Loaded {
    hook: Hook,
    /// Whether it lies among those that need not be sent any more.
    was_finished: bool,
    has_changed: bool,
}

impl<'a> Batch<'a> {
    pub(crate) async fn collect(&mut self, max: u32, hold: Duration) -> Result<()> {
        let (session, given) = (self.session, self.given);
        let due = self.fly(session.rows(look::DUE_HOOKS, [&given, &limit(max)])).await?;
        let until = self.now()? + hold;
        let mut deliveries = Vec::new();
        for row in &due {
            let mut hook = Hook::read(row)?;
            deliveries.push(hook.hand_out(until));
            self.writes.changed_hooks.push(hook, until)?;
        }
        let next = self.fly(session.row(look::NEXT_HOOK, [&given])).await?;
        let next = next.map(|row| Columns::of(&row).moment()).transpose()?;
        let clock = self.clock()?;
        let next = next.map(|next| clock.told(next));
        self.outcome.answer(Done::Collected { deliveries, next });
        Ok(())
    }

    /// Deliveries that were made, and webhooks that somebody wants sent again.
    pub(crate) async fn report(&mut self, run: &'a [Op]) -> Result<()> {
        let ids: Vec<Id> = run.iter().filter_map(|op| Some(Id(named(op)?))).collect();
        let (session, given) = (self.session, self.given);
        let looked = try_join(
            session.rows(look::HOOKS, [&ids]),
            session.rows(look::FINISHED_HOOKS, [&given, &ids]),
        );
        let (open, finished) = self.fly(looked).await?;
        let mut hooks = BTreeMap::new();
        for (rows, was_finished) in [(&finished, true), (&open, false)] {
            for row in rows {
                let hook = Hook::read(row)?;
                hooks.insert(hook.request, Loaded { hook, was_finished, has_changed: false });
            }
        }
        let now = self.now()?;
        hooks.retain(|_, loaded| loaded.hook.expires > now);
        for op in run {
            if let Some(done) = self.judge(&mut hooks, op)? {
                self.outcome.answer(done);
            }
        }
        for loaded in hooks.into_values().filter(|loaded| loaded.has_changed) {
            self.write(loaded)?;
        }
        Ok(())
    }

    /// None for operations of another kind.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a run has operations of one kind, and `kind` names them all"
    )]
    fn judge(&self, hooks: &mut BTreeMap<RequestId, Loaded>, op: &Op) -> Result<Option<Done>> {
        let clock = self.clock()?;
        let changed = match op {
            Op::Sent { request, sent, next } => match hooks.get_mut(request) {
                Some(loaded) => {
                    let sent = Sent { at: clock.kept(sent.at), ..sent.clone() };
                    loaded.sent(&sent, next.map(|next| clock.kept(next)))?
                }
                None => false,
            },
            Op::SendAgain { request } => {
                hooks.get_mut(request).is_some_and(|loaded| loaded.send_again(clock.now))
            }
            _ => return Ok(None),
        };
        Ok(Some(if changed { Done::Noted } else { Done::Stale }))
    }

    fn write(&mut self, loaded: Loaded) -> Result<()> {
        let Loaded { hook, was_finished, .. } = loaded;
        match (hook.due, was_finished) {
            (Some(due), false) => self.writes.changed_hooks.push(hook, due),
            (Some(due), true) => {
                self.writes.revived.push(hook.request, hook.expires);
                self.writes.hooks.push(hook, due)
            }
            (None, false) => self.writes.finished.push(hook),
            // One that is finished changes only by being sent again.
            (None, true) => Ok(()),
        }
    }
}

impl Loaded {
    /// Takes in how a delivery went, where it is the one that is waited for.
    fn sent(&mut self, sent: &Sent, next: Option<Moment>) -> Result<bool> {
        if !self.hook.awaits(sent.number)? {
            return Ok(false);
        }
        // A series that was begun meanwhile is not ended by a delivery of the one before.
        if self.hook.base < self.hook.number {
            self.hook.due = next;
        }
        self.hook.sent.get_or_insert_default().append(&mut journal::sent(sent));
        self.has_changed = true;
        Ok(true)
    }

    /// Begins a new series.
    const fn send_again(&mut self, now: Moment) -> bool {
        (self.hook.base, self.hook.due) = (self.hook.number, Some(now));
        self.has_changed = true;
        true
    }
}

/// The request that an operation names, where it is one of these.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a run has operations of one kind, and `kind` names them all"
)]
const fn named(op: &Op) -> Option<RequestId> {
    match op {
        Op::Sent { request, .. } | Op::SendAgain { request } => Some(*request),
        _ => None,
    }
}
