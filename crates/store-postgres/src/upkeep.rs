//! What time asks for, and who lives.

use std::time::Duration;

use fal_queue::{
    Event, NodeId, State,
    store::{Done, Leases, Silent},
};
use fal_record::moment;
use fal_types::{Moment, RequestId};
use futures_util::future::{try_join, try_join4};

use crate::{
    batch::Batch,
    error::Result,
    held::{Besides, Held},
    query::{change, look},
    rows,
    session::{Session, Value},
    values::{Columns, limit, number},
};

impl<'a> Batch<'a> {
    pub(crate) async fn recover(&mut self, node: NodeId, leases: Option<&Leases>) -> Result<()> {
        let session = self.session;
        if leases.is_none() {
            self.fly(session.change(change::FORGET, [&number(node.0)])).await?;
        }
        let mut leased = self.fly(leased_by(session, &[node])).await?;
        if let Some(leases) = leases {
            leased.retain(|held| is_one_of(leases, held));
        }
        let lost = self.lose(leased)?;
        self.outcome.answer(Done::Recovered { tickets: lost.iter().map(|_| 1).sum() });
        Ok(())
    }

    /// Puts back what nodes had leased that have died, in the order in which it is given.
    fn lose(&mut self, leased: Vec<Held<'a>>) -> Result<Vec<RequestId>> {
        let mut lost = Vec::new();
        for mut held in leased {
            let State::Leased(lease) = held.found.ticket.state else { continue };
            let event = Event::Lost { node: lease.node };
            if self.step(&mut held, &event, Besides::default())? {
                lost.push(held.id());
            }
            self.keep(held)?;
        }
        Ok(lost)
    }

    pub(crate) async fn beat(&mut self, node: NodeId, lasts: Duration) -> Result<()> {
        let (session, key) = (self.session, number(node.0));
        let values: [Value<'_>; 1] = [&key];
        let looked =
            try_join(session.row(look::LAPSED, values), session.rows(look::CANCELLED_OF, values));
        let (before, cancelled) = self.fly(looked).await?;
        let lapsed = before.map(|row| row.try_get(0)).transpose()?.unwrap_or(false);
        let read = |row| {
            let mut columns = Columns::of(row);
            let id = columns.id()?;
            Ok((columns.take::<i64>()?, id))
        };
        let mut cancelled = cancelled.iter().map(read).collect::<Result<Vec<_>>>()?;
        cancelled.sort_unstable();
        let until = moment::write(self.now()? + lasts);
        self.fly(session.change(change::BEAT, [&key, &until])).await?;
        let cancelled = cancelled.into_iter().map(|(_, id)| id).collect();
        self.outcome.answer(Done::Beaten { lapsed, cancelled });
        Ok(())
    }

    //= docs/contract.md#retention
    //# After that it MUST be answered as unknown.
    pub(crate) async fn sweep(&mut self, most: u32, silent: Silent) -> Result<()> {
        let session = self.session;
        let lock = self.fly(session.row(look::SWEEP_LOCK, [])).await?;
        let is_mine = lock.map(|row| row.try_get(0)).transpose()?.unwrap_or(false);
        let done = if is_mine { self.sweep_alone(most, silent).await? } else { nothing() };
        self.outcome.answer(done);
        Ok(())
    }

    async fn sweep_alone(&mut self, most: u32, silent: Silent) -> Result<Done> {
        let (session, given, most) = (self.session, self.given, limit(most));
        let are_dead = silent == Silent::Dead;
        let looked = try_join(
            session.rows(look::OVERDUE, [&given, &most]),
            session.rows(look::LATE_NODES, [&given, &are_dead]),
        );
        let (overdue, late) = self.fly(looked).await?;
        let mut deadlines = Vec::new();
        for found in rows::read_all(&overdue)? {
            let mut held = Held::new(found);
            if self.step(&mut held, &Event::Elapsed, Besides::default())? {
                deadlines.push(held.id());
            }
            self.keep(held)?;
        }
        let late = late.iter().map(|row| row.try_get::<_, i64>(0));
        let late =
            late.map(|node| Ok(NodeId(node?.cast_unsigned()))).collect::<Result<Vec<_>>>()?;
        let lost = self.bury(&late).await?;
        let values: [Value<'_>; 2] = [&given, &most];
        let cleared = try_join4(
            session.change(change::REMOVE_KEYS, values),
            session.change(change::REMOVE_HOOKS, values),
            session.change(change::REMOVE_MARKS, [&given]),
            session.row(look::NEXT_MOMENT, [&are_dead]),
        );
        let (_, _, _, next) = self.fly(cleared).await?;
        let next = next.map(|row| Columns::of(&row).optional_moment()).transpose()?.flatten();
        let clock = self.clock()?;
        let next = next.map(|next: Moment| clock.told(next));
        Ok(Done::Swept { deadlines, lost, removed: 0, next })
    }

    /// Takes these nodes for dead.
    //= docs/contract.md#many-nodes
    //# A node that has not said that it lives for as long as its lease lasts MUST lose what it had
    //# leased, and those requests wait again without being charged.
    async fn bury(&mut self, late: &[NodeId]) -> Result<Vec<RequestId>> {
        if late.is_empty() {
            return Ok(Vec::new());
        }
        let session = self.session;
        let nodes: Vec<i64> = late.iter().map(|node| number(node.0)).collect();
        self.fly(session.change(change::BURY, [&nodes])).await?;
        let leased = self.fly(leased_by(session, late)).await?;
        self.lose(leased)
    }
}

/// What these nodes have leased, node by node, in the order of submission.
async fn leased_by<'a>(session: &Session, nodes: &[NodeId]) -> Result<Vec<Held<'a>>> {
    let nodes: Vec<i64> = nodes.iter().map(|node| number(node.0)).collect();
    let rows = session.rows(look::LEASED_BY, [&nodes]).await?;
    let mut leased: Vec<_> = rows::read_all(&rows)?.into_iter().map(Held::new).collect();
    leased.sort_unstable_by_key(|held| (holder(held), held.found.seq));
    Ok(leased)
}

fn holder(held: &Held<'_>) -> Option<NodeId> {
    match held.found.ticket.state {
        State::Leased(lease) => Some(lease.node),
        State::Waiting { .. } | State::Done(_) => None,
    }
}

fn is_one_of(leases: &Leases, held: &Held<'_>) -> bool {
    match held.found.ticket.state {
        State::Leased(lease) => leases.contain(&held.found.ticket.app, lease.id),
        State::Waiting { .. } | State::Done(_) => false,
    }
}

/// The answer where somebody else is at it.
const fn nothing() -> Done {
    Done::Swept { deadlines: Vec::new(), lost: Vec::new(), removed: 0, next: None }
}
