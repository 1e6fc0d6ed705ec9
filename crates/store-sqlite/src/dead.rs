//! Dead letters: making new requests from them, and removing them.

use fal_queue::store::Done;
use fal_types::RequestId;

use crate::{
    batch::Batch,
    bodies::Filed,
    error::Result,
    query::Query,
    rows::{self, CONTENT_FILE},
};

impl Batch<'_, '_> {
    pub(crate) fn resubmit(&mut self, request: RequestId, heir: RequestId) -> Result<Done> {
        let Some(found) = self.present(request)? else { return Ok(Done::Stale) };
        let Some(ticket) = found.ticket.again(heir, self.now) else { return Ok(Done::Stale) };
        let (ahead, _) = self.counts.ahead(&ticket.app, ticket.priority);
        let files = found.files & CONTENT_FILE;
        if !rows::insert(self.sql.get(Query::Insert)?, self.now, &ticket, files)? {
            return Ok(Done::Duplicate);
        }
        let seq = self.sql.last_seq();
        let filed = match self.file(found.seq, files, CONTENT_FILE)? {
            Some(filed) => Some(self.bodies.copy(&filed, heir)?),
            None => None,
        };
        let (name, size) = Filed::columns(filed);
        self.sql.get(Query::CopyContent)?.execute((found.seq, seq, name, size))?;
        self.sql.get(Query::SetHeir)?.execute((found.seq, rows::id(heir)))?;
        self.counts.added(&ticket);
        Ok(Done::Submitted { ahead })
    }

    pub(crate) fn drop(&mut self, request: RequestId) -> Result<Done> {
        match self.present(request)? {
            Some(found) if found.ticket.is_dead => {
                self.remove(found.seq, found.files).map(|()| Done::Noted)
            }
            Some(_) | None => Ok(Done::Stale),
        }
    }
}
