//! Webhooks: handing out those that are due, and keeping how they went.

use std::time::Duration;

use fal_queue::store::{Delivery, Done, Sent};
use fal_record::{journal, moment};
use fal_types::{Moment, RequestId};
use rusqlite::{OptionalExtension as _, Row};

use crate::{
    batch::Batch,
    error::{Failure, Result},
    query::Query,
    rows,
};

/// Where a webhook stands.
struct Outbox {
    seq: i64,
    due: Option<Moment>,
    /// How many deliveries were handed out.
    number: u32,
    /// How many of them were before the present series.
    base: u32,
    sent: Vec<Sent>,
    /// When the request expires.
    expires: Option<Moment>,
}

impl Outbox {
    fn read(row: &Row<'_>) -> Result<Self> {
        let sent = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        Ok(Self {
            seq: row.get(0)?,
            due: rows::optional_moment(row, 1)?,
            number: row.get(2)?,
            base: row.get(3)?,
            sent: journal::read_sent(sent)?,
            expires: rows::optional_moment(row, 5)?,
        })
    }
}

/// What is handed out, and the row that it comes from.
fn delivery(row: &Row<'_>) -> Result<(i64, Delivery)> {
    let missing = || Failure::corrupt("a webhook lacks its request");
    let (number, base) = (row.get::<_, u32>(1)?, row.get::<_, u32>(2)?);
    let id = row.get::<_, Option<[u8; 16]>>(3)?.ok_or_else(missing)?;
    let app = row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?;
    let delivery = Delivery {
        request: rows::read_id(id),
        app: app.parse().map_err(|_| Failure::corrupt(format!("`{app}` is no app")))?,
        url: row.get::<_, Option<String>>(5)?.ok_or_else(missing)?,
        number: number.saturating_add(1),
        before: number.saturating_sub(base),
    };
    Ok((row.get(0)?, delivery))
}

impl Batch<'_, '_> {
    pub(crate) fn collect(&mut self, max: u32, hold: Duration) -> Result<Done> {
        let mut due = Vec::new();
        let mut rows = self.sql.get(Query::Due)?.query((moment::write(self.now), max))?;
        while let Some(row) = rows.next()? {
            due.push(delivery(row)?);
        }
        drop(rows);
        let until = moment::write(self.now + hold);
        let mut deliveries = Vec::with_capacity(due.len());
        for (seq, delivery) in due {
            self.sql.get(Query::HandOut)?.execute((seq, until, delivery.number))?;
            deliveries.push(delivery);
        }
        let read = |row: &Row<'_>| Ok(rows::optional_moment(row, 0));
        let next = self.sql.get(Query::NextDelivery)?.query_row([], read)??;
        Ok(Done::Collected { deliveries, next })
    }

    pub(crate) fn sent(
        &mut self,
        request: RequestId,
        sent: &Sent,
        next: Option<Moment>,
    ) -> Result<Done> {
        let Some(outbox) = self.outbox(request)? else { return Ok(Done::Stale) };
        let is_known = outbox.sent.last().is_some_and(|last| last.number == sent.number);
        if sent.number != outbox.number || is_known {
            return Ok(Done::Stale);
        }
        // A series that was begun meanwhile is not ended by a delivery of the one before.
        let due = if outbox.base < outbox.number { next } else { outbox.due };
        let values = (outbox.seq, due.map(moment::write), journal::sent(sent));
        self.sql.get(Query::Report)?.execute(values)?;
        Ok(Done::Noted)
    }

    pub(crate) fn send_again(&mut self, request: RequestId) -> Result<Done> {
        let now = self.now;
        let is_present = |outbox: &Outbox| outbox.expires.is_none_or(|expires| expires > now);
        let Some(outbox) = self.outbox(request)?.filter(is_present) else {
            return Ok(Done::Stale);
        };
        self.sql.get(Query::SendAgain)?.execute((outbox.seq, moment::write(now)))?;
        Ok(Done::Noted)
    }

    fn outbox(&mut self, request: RequestId) -> Result<Option<Outbox>> {
        let read = |row: &Row<'_>| Ok(Outbox::read(row));
        let found = self.sql.get(Query::Outbox)?.query_row([rows::id(request)], read);
        found.optional()?.transpose()
    }
}
