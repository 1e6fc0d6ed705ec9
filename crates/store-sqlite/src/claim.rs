//! Claims: handing out the head of an app's queue.

use fal_queue::{
    Event, NodeId, State,
    store::{Backlog, Content, Done},
};
use fal_record::{headers, moment};
use fal_types::{AppId, LeaseId, Moment};

use crate::{
    batch::Batch,
    bodies::Filed,
    error::Result,
    query::Query,
    rows::{self, COLUMNS, CONTENT_FILE, Found},
    step::Besides,
};

/// Held requests that one claim makes ready at most. Where more have become due at once, the rest
/// follows with the next claims, those first whose moment came first.
const PROMOTED: u32 = 4_096;

/// Requests past their start deadline, besides as many as were asked for, that one claim ends
/// before it stops short. The backlog then says that there is more to claim.
const OVERDUE: usize = 1_024;

impl Batch<'_, '_> {
    //= docs/contract.md#queue-order
    //# Requests of one app MUST start in the order of their submits within a priority, and `low`
    //# ones after every `normal` one.
    //= docs/contract.md#queue-order
    //# Claiming a request and marking it as leased MUST be one durable step.
    pub(crate) fn claim(
        &mut self,
        app: &AppId,
        max: u32,
        node: NodeId,
        leases_from: LeaseId,
    ) -> Result<Done> {
        self.promote(app)?;
        let (mut batch, mut deadlines) = (Vec::new(), Vec::new());
        let mut slots = max;
        let mut lease = leases_from;
        while slots > 0 && deadlines.len() <= OVERDUE {
            let page = self.ready(app, slots)?;
            if page.is_empty() {
                break;
            }
            for (mut found, content) in page {
                self.step(&mut found, &Event::Claimed { lease, node }, Besides::default())?;
                match found.ticket.state {
                    State::Leased(_) => {
                        batch.push((found.ticket, content));
                        lease = LeaseId::new(lease.number().wrapping_add(1));
                        slots = slots.saturating_sub(1);
                    }
                    State::Waiting { .. } | State::Done(_) => deadlines.push(found.ticket.id),
                }
            }
        }
        Ok(Done::Claimed { batch, deadlines, backlog: self.backlog(app)? })
    }

    fn promote(&mut self, app: &AppId) -> Result<()> {
        if self.counts.of(app).timed > 0 {
            let values = (app.as_str(), moment::write(self.now), PROMOTED);
            self.sql.get(Query::Promote)?.execute(values)?;
        }
        Ok(())
    }

    /// The first of the queue. None of them is ready any more once each has taken its step.
    fn ready(&mut self, app: &AppId, limit: u32) -> Result<Vec<(Found, Content)>> {
        let (mut page, mut filed) = (Vec::new(), Vec::new());
        let values = (app.as_str(), moment::write(self.now), limit);
        let mut rows = self.sql.get(Query::Ready)?.query(values)?;
        while let Some(row) = rows.next()? {
            let found = rows::read(row, Some(app))?;
            let headers = row.get_ref(COLUMNS)?.as_blob().map_err(rusqlite::Error::from)?;
            let content = Content { headers: headers::read(headers)?, body: row.get(COLUMNS + 1)? };
            if found.files & CONTENT_FILE != 0 {
                filed.extend(Filed::read(row, COLUMNS + 2)?.map(|filed| (page.len(), filed)));
            }
            page.push((found, content));
        }
        drop(rows);
        for (at, filed) in filed {
            let body = self.bodies.read(&filed)?;
            if let Some((_, content)) = page.get_mut(at) {
                content.body = body;
            }
        }
        Ok(page)
    }

    fn backlog(&mut self, app: &AppId) -> Result<Backlog> {
        let counted = self.counts.of(app);
        let waiting = counted.total();
        let next_due = if waiting > counted.timed {
            Some(Moment::from_micros(0))
        } else if waiting == 0 {
            None
        } else {
            let read = |row: &rusqlite::Row<'_>| Ok(rows::optional_moment(row, 0));
            self.sql.get(Query::NextDue)?.query_row([app.as_str()], read)??
        };
        Ok(Backlog { waiting, next_due })
    }
}
