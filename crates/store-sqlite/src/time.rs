//! What time asks for: deadlines, expiry, and nodes that are silent.

use std::time::Duration;

use fal_queue::{
    Event, NodeId, State,
    store::{Done, Leases, Silent},
};
use fal_record::moment;
use fal_types::{Moment, RequestId};
use rusqlite::{OptionalExtension as _, Row};

use crate::{
    batch::Batch,
    error::Result,
    query::Query,
    rows::{self, Found},
    step::Besides,
};

/// So many free pages of 4 KiB stay in the file in any case.
const SPARE: i64 = 4_096;

impl Batch<'_, '_> {
    pub(crate) fn sweep(&mut self, limit: u32, silent: Silent) -> Result<Done> {
        let deadlines = self.end_overdue(limit)?;
        let removed = self.remove_expired(limit)?;
        self.give_back()?;
        let (lost, nodes) = match silent {
            Silent::Dead => (self.bury()?, self.nodes()?),
            Silent::Spared => Default::default(),
        };
        let read = |row: &Row<'_>| Ok(rows::optional_moment(row, 0));
        let next = self.sql.get(Query::NextDeadline)?.query_row([], read)??;
        let living = nodes.into_iter().filter_map(|(_, until)| until);
        Ok(Done::Swept { deadlines, lost, removed, next: living.chain(next).min() })
    }

    //= docs/contract.md#retention
    //# After that it MUST be answered as unknown.
    fn remove_expired(&mut self, limit: u32) -> Result<u64> {
        let values = (moment::write(self.now), limit);
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let rows = self.sql.get(Query::Expired)?.query_map(values, read)?;
        let expired = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut removed = 0;
        for (seq, files) in expired {
            self.remove(seq, files)?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Gives the system a few pages, where the file has many to spare. What is left of them takes
    /// what comes next without the file having to grow.
    fn give_back(&mut self) -> Result<()> {
        let mut count =
            |query| -> Result<i64> { Ok(self.sql.get(query)?.query_row([], |row| row.get(0))?) };
        let (free, all) = (count(Query::FreePages)?, count(Query::Pages)?);
        if free > SPARE && free > all / 4 {
            let mut rows = self.sql.get(Query::GiveBack)?.query([])?;
            // One row a page.
            while rows.next()?.is_some() {}
        }
        Ok(())
    }

    fn end_overdue(&mut self, limit: u32) -> Result<Vec<RequestId>> {
        let mut overdue = Vec::new();
        let values = (moment::write(self.now), limit);
        let mut rows = self.sql.get(Query::Overdue)?.query(values)?;
        while let Some(row) = rows.next()? {
            overdue.push(rows::read(row, None)?);
        }
        drop(rows);
        for found in &mut overdue {
            self.step(found, &Event::Elapsed, Besides::default())?;
        }
        Ok(overdue.into_iter().map(|found| found.ticket.id).collect())
    }

    /// Takes for dead the nodes that have not said for too long that they live.
    //= docs/contract.md#many-nodes
    //# A node that has not said that it lives for as long as its lease lasts MUST lose what it had
    //# leased, and those requests wait again without being charged.
    fn bury(&mut self) -> Result<Vec<RequestId>> {
        let now = self.now;
        let mut lost = Vec::new();
        for (node, until) in self.nodes()? {
            if until.is_some_and(|until| until <= now) {
                self.set_node(node, None)?;
                let leased = self.leased_by(node)?;
                lost.extend(self.lose(node, leased)?);
            }
        }
        Ok(lost)
    }

    pub(crate) fn recover(&mut self, node: NodeId, leases: Option<&Leases>) -> Result<Done> {
        if leases.is_none() {
            self.sql.get(Query::DeleteNode)?.execute([rows::number(node.0)])?;
        }
        let mut leased = self.leased_by(node)?;
        leased.retain(|found| match (leases, found.ticket.state) {
            (None, _) => true,
            (Some(leases), State::Leased(held)) => leases.contain(&found.ticket.app, held.id),
            (Some(_), State::Waiting { .. } | State::Done(_)) => false,
        });
        let tickets = self.lose(node, leased)?.iter().map(|_| 1).sum();
        Ok(Done::Recovered { tickets })
    }

    fn leased_by(&mut self, node: NodeId) -> Result<Vec<Found>> {
        let mut leased = Vec::new();
        let mut rows = self.sql.get(Query::LeasedBy)?.query([rows::number(node.0)])?;
        while let Some(row) = rows.next()? {
            leased.push(rows::read(row, None)?);
        }
        Ok(leased)
    }

    fn lose(&mut self, node: NodeId, leased: Vec<Found>) -> Result<Vec<RequestId>> {
        let mut lost = Vec::with_capacity(leased.len());
        for mut found in leased {
            if self.step(&mut found, &Event::Lost { node }, Besides::default())? {
                lost.push(found.ticket.id);
            }
        }
        Ok(lost)
    }

    pub(crate) fn beat(&mut self, node: NodeId, lasts: Duration) -> Result<Done> {
        let number = rows::number(node.0);
        let read = |row: &Row<'_>| Ok(rows::optional_moment(row, 0));
        let before =
            self.sql.get(Query::Node)?.query_row([number], read).optional()?.transpose()?;
        self.set_node(node, Some(self.now + lasts))?;
        let cancelled = self
            .sql
            .get(Query::CancelledOf)?
            .query_map([number], |row| row.get(0).map(rows::read_id))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Done::Beaten { lapsed: before == Some(None), cancelled })
    }

    fn set_node(&mut self, node: NodeId, until: Option<Moment>) -> Result<()> {
        let values = (rows::number(node.0), until.map(moment::write));
        self.sql.get(Query::SetNode)?.execute(values)?;
        Ok(())
    }

    /// Until when each node lives that has said so; none where it is taken for dead.
    fn nodes(&mut self) -> Result<Vec<(NodeId, Option<Moment>)>> {
        let mut nodes = Vec::new();
        let mut rows = self.sql.get(Query::Nodes)?.query([])?;
        while let Some(row) = rows.next()? {
            let node = NodeId(row.get::<_, i64>(0)?.cast_unsigned());
            nodes.push((node, rows::optional_moment(row, 1)?));
        }
        // The table has them by their bits as signed numbers.
        nodes.sort_unstable();
        Ok(nodes)
    }
}
