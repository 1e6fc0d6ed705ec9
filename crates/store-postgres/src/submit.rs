//! New requests.

use std::collections::{BTreeMap, BTreeSet};

use fal_queue::{
    Key, Ticket,
    store::{Content, Done, Op, Wake},
};
use fal_types::{AppId, RequestId};
use futures_util::future::try_join3;
use tokio_postgres::Row;

use crate::{
    batch::{Batch, count},
    counts::{COUNTED, Waiting},
    error::{Failure, Result},
    query::look,
    session::Session,
    values::{Columns, Id},
};

/// One of a run.
struct New<'a> {
    ticket: &'a Ticket,
    content: &'a Content,
    max_ahead: Option<u64>,
}

/// What is known of the place that new requests come to.
struct Place {
    /// Ids that stand for a request.
    taken: BTreeSet<RequestId>,
    /// What callers' keys stand for.
    keys: Keys,
    waiting: BTreeMap<AppId, Waiting>,
}

type Keys = BTreeMap<(AppId, String), Meant>;

/// The request that a key stands for, and a digest of what was submitted under it.
type Meant = (RequestId, [u8; 32]);

impl<'a> Batch<'a> {
    //= docs/contract.md#queue-position
    //# `queue_position` MUST be the number of waiting requests of the same app that will start
    //# before this one.
    pub(crate) async fn submit(&mut self, run: &'a [Op]) -> Result<()> {
        let new = run.iter().filter_map(|op| {
            let Op::Submit { ticket, content, max_ahead } = op else { return None };
            Some(New { ticket, content, max_ahead: *max_ahead })
        });
        let new: Vec<_> = new.collect();
        let mut place = self.place(&new).await?;
        for New { ticket, content, max_ahead } in new {
            let done = place.admit(ticket, max_ahead);
            if matches!(done, Done::Submitted { .. }) {
                self.insert(ticket)?;
                self.writes.contents.push(ticket.id, content);
                self.writes.taken.push(self.given, ticket);
                self.relieve().await?;
            }
            self.outcome.answer(done);
        }
        Ok(())
    }

    /// Keeps a new request, but not yet what is forwarded.
    pub(crate) fn insert(&mut self, ticket: &Ticket) -> Result<()> {
        let clock = self.clock()?;
        let kept = Ticket {
            submitted: clock.kept(ticket.submitted),
            start_deadline: ticket.start_deadline.map(|deadline| clock.kept(deadline)),
            ..ticket.clone()
        };
        self.writes.inserts.push(clock.now, &kept);
        self.wakes.push(Wake::Waiting(kept.app));
        Ok(())
    }

    async fn place(&mut self, new: &[New<'_>]) -> Result<Place> {
        let ids: Vec<Id> = new.iter().map(|new| Id(new.ticket.id)).collect();
        let apps: BTreeSet<_> = new.iter().map(|new| &new.ticket.app).collect();
        let apps: Vec<AppId> = apps.into_iter().cloned().collect();
        let (session, shared, given) = (self.session, self.shared, self.given);
        let looked = try_join3(
            taken(session, given, &ids),
            count(session, shared, &apps, COUNTED),
            keys(session, given, new),
        );
        let (taken, waiting, keys) = self.fly(looked).await?;
        Ok(Place { taken, keys, waiting: apps.into_iter().zip(waiting).collect() })
    }
}

/// Which of these ids stand for a request.
pub(crate) async fn taken(
    session: &Session,
    given: Option<i64>,
    ids: &[Id],
) -> Result<BTreeSet<RequestId>> {
    let rows = session.rows(look::TAKEN, [&given, &ids]).await?;
    rows.iter().map(|row| Ok(row.try_get::<_, Id>(0)?.0)).collect()
}

/// What the keys of new requests stand for, where they stand for anything.
async fn keys(session: &Session, given: Option<i64>, new: &[New<'_>]) -> Result<Keys> {
    let keyed = new.iter().filter_map(|new| Some((&new.ticket.app, new.ticket.key.as_ref()?)));
    let (apps, keys): (Vec<&str>, Vec<&[u8]>) =
        keyed.map(|(app, key)| (app.as_str(), key.text.as_bytes())).unzip();
    if apps.is_empty() {
        return Ok(Keys::new());
    }
    let rows = session.rows(look::KEYS, [&given, &apps, &keys]).await?;
    rows.iter().map(key).collect()
}

fn key(row: &Row) -> Result<((AppId, String), Meant)> {
    let mut columns = Columns::of(row);
    let (app, text, digest) = (columns.app()?, columns.text()?, columns.take::<&[u8]>()?);
    let digest = digest.try_into().map_err(|_| Failure::corrupt("a digest is too short"))?;
    Ok(((app, text), (columns.id()?, digest)))
}

impl Place {
    /// What becomes of one more.
    fn admit(&mut self, ticket: &Ticket, max_ahead: Option<u64>) -> Done {
        if self.taken.contains(&ticket.id) {
            return Done::Duplicate;
        }
        if let Some(known) = ticket.key.as_ref().and_then(|key| self.known(&ticket.app, key)) {
            return known;
        }
        let waiting = self.waiting.entry(ticket.app.clone()).or_default();
        if max_ahead.is_some_and(|most| waiting.total() > most) {
            return Done::QueueFull { waiting: waiting.total() };
        }
        let ahead = waiting.ahead(ticket.priority);
        waiting.add(ticket.priority);
        self.taken.insert(ticket.id);
        if let Some(key) = &ticket.key {
            self.keys.insert((ticket.app.clone(), key.text.clone()), (ticket.id, key.digest));
        }
        Done::Submitted { ahead }
    }

    //= docs/contract.md#idempotency
    //# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as
    //# long as its result is kept.
    fn known(&self, app: &AppId, key: &Key) -> Option<Done> {
        let (request, digest) = *self.keys.get(&(app.clone(), key.text.clone()))?;
        let is_same = digest == key.digest;
        Some(if is_same { Done::Repeated { request } } else { Done::KeyTaken { request } })
    }
}
