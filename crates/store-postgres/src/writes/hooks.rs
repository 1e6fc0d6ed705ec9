//! Columns of webhooks.

use fal_queue::store::Delivery;
use fal_record::{journal, moment};
use fal_types::{AppId, Moment, RequestId};
use tokio_postgres::Row;

use super::{each, unless_empty};
use crate::{
    error::{Failure, Result},
    query::change,
    session::{Session, Value},
    values::{Columns, Id},
};

/// Where a webhook stands.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) request: RequestId,
    pub(crate) seq: i64,
    pub(crate) app: AppId,
    pub(crate) url: String,
    /// None where it need not be sent any more.
    pub(crate) due: Option<Moment>,
    /// How many deliveries were handed out.
    pub(crate) number: u32,
    /// How many of them were before the present series.
    pub(crate) base: u32,
    /// How they went, as records.
    pub(crate) sent: Option<Vec<u8>>,
    pub(crate) expires: Moment,
}

impl Hook {
    pub(crate) fn read(row: &Row) -> Result<Self> {
        let mut columns = Columns::of(row);
        Ok(Self {
            request: columns.id()?,
            seq: columns.take()?,
            app: columns.app()?,
            url: columns.text()?,
            due: columns.optional_moment()?,
            number: columns.small()?,
            base: columns.small()?,
            sent: columns.take()?,
            expires: columns.moment()?,
        })
    }

    /// The next delivery, which is held until then.
    pub(crate) fn hand_out(&mut self, until: Moment) -> Delivery {
        let before = self.number.saturating_sub(self.base);
        self.number = self.number.saturating_add(1);
        self.due = Some(until);
        Delivery {
            request: self.request,
            app: self.app.clone(),
            url: self.url.clone(),
            number: self.number,
            before,
        }
    }

    /// Whether the delivery with this number is the last one that was handed out, and not reported yet.
    pub(crate) fn awaits(&self, number: u32) -> Result<bool> {
        let sent = journal::read_sent(self.sent.as_deref().unwrap_or_default())?;
        let is_known = sent.last().is_some_and(|last| last.number == number);
        Ok(number == self.number && !is_known)
    }
}

fn signed(number: u32) -> Result<i32> {
    i32::try_from(number).map_err(|_| Failure::corrupt("a webhook was sent too often"))
}

/// Webhooks that are to be sent.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    id: Vec<Id>,
    seq: Vec<i64>,
    app: Vec<String>,
    url: Vec<Vec<u8>>,
    due: Vec<i64>,
    number: Vec<i32>,
    base: Vec<i32>,
    sent: Vec<Option<Vec<u8>>>,
    expires: Vec<i64>,
}

impl Hooks {
    pub(crate) fn push(&mut self, hook: Hook, due: Moment) -> Result<()> {
        self.number.push(signed(hook.number)?);
        self.base.push(signed(hook.base)?);
        self.id.push(Id(hook.request));
        self.seq.push(hook.seq);
        self.app.push(hook.app.as_str().to_owned());
        self.url.push(hook.url.into_bytes());
        self.due.push(moment::write(due));
        self.sent.push(hook.sent);
        self.expires.push(moment::write(hook.expires));
        Ok(())
    }

    pub(super) async fn insert(&self, session: &Session) -> Result<u64> {
        let values: [Value<'_>; 9] = [
            &self.id,
            &self.seq,
            &self.app,
            &self.url,
            &self.due,
            &self.number,
            &self.base,
            &self.sent,
            &self.expires,
        ];
        unless_empty(session, change::INSERT_HOOKS, &self.id, values).await
    }

    pub(super) async fn update(&self, session: &Session) -> Result<()> {
        let values: [Value<'_>; 5] = [&self.id, &self.due, &self.number, &self.base, &self.sent];
        each(session, change::UPDATE_HOOKS, &self.id, values).await
    }
}

/// Webhooks that need not be sent any more.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    id: Vec<Id>,
    number: Vec<i32>,
    base: Vec<i32>,
    sent: Vec<Option<Vec<u8>>>,
    /// Where they go.
    pub(super) expires: Vec<i64>,
}

impl Finished {
    pub(crate) fn push(&mut self, hook: Hook) -> Result<()> {
        self.number.push(signed(hook.number)?);
        self.base.push(signed(hook.base)?);
        self.id.push(Id(hook.request));
        self.sent.push(hook.sent);
        self.expires.push(moment::write(hook.expires));
        Ok(())
    }

    pub(super) async fn send(&self, session: &Session) -> Result<()> {
        let values: [Value<'_>; 4] = [&self.id, &self.number, &self.base, &self.sent];
        each(session, change::FINISH_HOOKS, &self.id, values).await
    }
}
