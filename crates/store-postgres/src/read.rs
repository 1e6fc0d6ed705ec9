//! The ways in for questions: one statement a question, so that each sees one moment of the store.

use std::sync::Arc;

use fal_queue::{
    Account, Ticket,
    store::{self, Backlog, Content, Error, Line, Reply, Webhook},
};
use fal_record::{headers, journal, moment};
use fal_types::{AppId, RequestId, Status};
use tokio_postgres::Row;

use crate::{
    batch::count,
    counts::{COUNTED, Waiting},
    error::Result,
    link::{Link, apart},
    query::{Query, ask},
    rows,
    session::Value,
    shared::Shared,
    values::{Columns, Id, limit},
};

type Answer<T> = std::result::Result<T, Error>;

/// A connection that only asks, and is made when it is first used.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    link: Link,
}

impl Reader {
    pub(crate) const fn new(shared: Arc<Shared>, link: Link) -> Self {
        Self { shared, link }
    }

    fn many<T: Send, const N: usize>(
        &mut self,
        query: Query,
        values: [Value<'_>; N],
        read: impl Fn(&Row) -> Result<T> + Send,
    ) -> Answer<Vec<T>> {
        let link = &mut self.link;
        apart(|| {
            let rows = link.ask(async |session| session.rows(query, values).await)?;
            Ok(rows.iter().map(read).collect::<Result<_>>()?)
        })
    }

    /// What is kept of one request, where there is any.
    fn of<T: Send>(
        &mut self,
        query: Query,
        id: RequestId,
        read: impl Fn(&Row) -> Result<T> + Send,
    ) -> Answer<Option<T>> {
        let given = self.shared.given();
        Ok(self.many(query, [&given, &Id(id)], read)?.into_iter().next())
    }
}

fn ticket(row: &Row) -> Result<Ticket> {
    Ok(rows::read(row)?.0.ticket)
}

fn content(row: &Row) -> Result<Content> {
    let written: &[u8] = row.try_get(0)?;
    Ok(Content { headers: headers::read(written)?, body: row.try_get(1)? })
}

fn bytes(row: &Row) -> Result<Vec<u8>> {
    Ok(row.try_get::<_, Option<Vec<u8>>>(0)?.unwrap_or_default())
}

impl store::Reader for Reader {
    fn ticket(&mut self, app: &AppId, id: RequestId) -> Answer<Option<Ticket>> {
        Ok(self.find(id)?.filter(|ticket| ticket.app == *app))
    }

    fn find(&mut self, id: RequestId) -> Answer<Option<Ticket>> {
        self.of(ask::FIND, id, ticket)
    }

    fn ahead(&mut self, ticket: &Ticket) -> Answer<u64> {
        use fal_queue::Priority::{Low, Normal};
        let head = |priority| self.shared.heads.peek(&ticket.app, priority);
        let (id, normal, low) = (Id(ticket.id), head(Normal), head(Low));
        let counted = |row: &Row| {
            let mut waiting = Waiting::default();
            waiting.take(row, 0, None)?;
            Ok(waiting.total())
        };
        Ok(self.many(ask::AHEAD, [&id, &normal, &low, &COUNTED], counted)?.into_iter().sum())
    }

    fn reply(&mut self, id: RequestId) -> Answer<Option<Reply>> {
        self.of(ask::REPLY, id, |row| {
            let mut columns = Columns::of(row);
            Ok(Reply {
                status: Status::new(columns.small()?),
                headers: headers::read(columns.take()?)?,
                body: columns.take()?,
            })
        })
    }

    fn backlog(&mut self, app: &AppId) -> Answer<Backlog> {
        let (link, shared) = (&mut self.link, &self.shared);
        let counts = apart(|| {
            link.ask(async |session| {
                count(session, shared, std::slice::from_ref(app), COUNTED).await
            })
        })?;
        Ok(counts.first().copied().unwrap_or_default().backlog())
    }

    fn recent(&mut self, app: Option<&AppId>, most: u32) -> Answer<Vec<Ticket>> {
        let (given, most) = (self.shared.given(), limit(most));
        match app {
            Some(app) => self.many(ask::RECENT_OF, [&given, &most, &app.as_str()], ticket),
            None => self.many(ask::RECENT, [&given, &most], ticket),
        }
    }

    fn content(&mut self, id: RequestId) -> Answer<Option<Content>> {
        self.of(ask::CONTENT, id, content)
    }

    fn accounts(&mut self, id: RequestId) -> Answer<Vec<Account>> {
        journal::read_accounts(&self.of(ask::ACCOUNTS, id, bytes)?.unwrap_or_default())
    }

    fn lines(&mut self, id: RequestId) -> Answer<Vec<Line>> {
        let given = self.shared.given();
        journal::read_lines(&self.many(ask::LINES, [&given, &Id(id)], bytes)?.concat())
    }

    fn webhook(&mut self, id: RequestId) -> Answer<Option<Webhook>> {
        self.of(ask::HOOK, id, |row| {
            let mut columns = Columns::of(row);
            let (url, next) = (columns.text()?, columns.take::<Option<i64>>()?);
            let number = columns.small()?;
            let sent = columns.take::<Option<Vec<u8>>>()?.unwrap_or_default();
            let next = next.map(moment::read).transpose()?;
            Ok(Webhook { url, next, number, sent: journal::read_sent(&sent)? })
        })
    }

    fn dead(&mut self, app: Option<&AppId>, most: u32) -> Answer<Vec<Ticket>> {
        let (given, most, app) = (self.shared.given(), limit(most), app.map(AppId::as_str));
        self.many(ask::DEAD_OF, [&given, &most, &app], ticket)
    }
}
