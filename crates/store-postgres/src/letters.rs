//! Dead letters: sent again, and dropped.

use std::slice;

use fal_queue::store::Done;
use fal_record::moment;
use fal_types::RequestId;
use futures_util::future::{try_join, try_join3, try_join4};

use crate::{
    batch::{Batch, count},
    counts::COUNTED,
    error::Result,
    query::{change, look},
    rows::{self, Found},
    session::Value,
    submit::taken,
    values::Id,
};

impl Batch<'_> {
    pub(crate) async fn resubmit(&mut self, request: RequestId, heir: RequestId) -> Result<()> {
        let done = self.again(request, heir).await?;
        self.outcome.answer(done);
        Ok(())
    }

    async fn again(&mut self, request: RequestId, heir: RequestId) -> Result<Done> {
        let Some(found) = self.letter(request).await? else { return Ok(Done::Stale) };
        let Some(new) = found.ticket.again(heir, self.said) else { return Ok(Done::Stale) };
        let (session, shared, given) = (self.session, self.shared, self.given);
        let (heir, app) = (Id(heir), new.app.clone());
        let looked = try_join(
            taken(session, given, slice::from_ref(&heir)),
            count(session, shared, slice::from_ref(&app), COUNTED),
        );
        let (taken, waiting) = self.fly(looked).await?;
        if !taken.is_empty() {
            return Ok(Done::Duplicate);
        }
        let ahead = waiting.first().copied().unwrap_or_default().ahead(new.priority);
        self.insert(&new)?;
        let (old, expires) = (Id(request), found.ticket.expires.map(moment::write));
        let copied = try_join(
            session.change(change::COPY_CONTENT, [&heir, &old, &expires]),
            session.change(change::SET_HEIR, [&old, &expires, &heir]),
        );
        self.fly(copied).await?;
        Ok(Done::Submitted { ahead })
    }

    pub(crate) async fn drop(&mut self, request: RequestId) -> Result<()> {
        let found = self.letter(request).await?.filter(|found| found.ticket.is_dead);
        let Some(Found { ticket, .. }) = found else {
            self.outcome.answer(Done::Stale);
            return Ok(());
        };
        let (session, id) = (self.session, Id(request));
        let expires = ticket.expires.map(moment::write);
        let values: [Value<'_>; 2] = [&id, &expires];
        let (app, key) = (ticket.app.as_str(), ticket.key.as_ref().map(|key| key.text.as_bytes()));
        let dropped = try_join3(
            try_join4(
                session.change(change::DROP_ENDED, values),
                session.change(change::DROP_ENDED_CONTENTS, values),
                session.change(change::DROP_ENDED_LINES, values),
                session.change(change::DROP_DELIVERIES, values),
            ),
            session.change(change::DROP_HOOKS, [&id]),
            session.change(change::DROP_KEYS, [&app, &key, &id]),
        );
        self.fly(dropped).await?;
        self.outcome.answer(Done::Noted);
        Ok(())
    }

    /// A request that has ended and has not expired, locked until the batch ends.
    async fn letter(&mut self, request: RequestId) -> Result<Option<Found>> {
        let (session, given) = (self.session, self.given);
        let row = self.fly(session.row(look::DEAD, [&given, &Id(request)])).await?;
        row.map(|row| Ok(rows::read(&row)?.0)).transpose()
    }
}
