//! The store, and the one connection that writes.

use fal_queue::{
    Keep,
    store::{self, Caps, Done, Durability, Error, Finding, Op, Position, Removal},
};
use fal_types::Moment;
use rusqlite::Connection;

use crate::{
    batch::Batch,
    bodies::{self, Bodies},
    checkpoint::Checkpoints,
    counts::Counts,
    error::Result,
    health,
    open::{self, Options},
    query::Statements,
    read::Reader,
};

/// Operations worth one batch: at this size the flush is no longer what a batch waits for.
const BATCH: usize = 256;

/// A queue in one SQLite file. Open it with [`Store::open`].
#[derive(Debug)]
pub struct Store {
    pub(crate) options: Options,
    /// None from a failure of the device on, until the file is opened anew: what is on disk is
    /// unknown till then.
    pub(crate) writer: Option<Writer>,
    /// How often the device has failed since the store was opened.
    pub(crate) failures: u32,
}

/// The file, opened for writing.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) counts: Counts,
    pub(crate) bodies: Bodies,
    pub(crate) checkpoints: Checkpoints,
}

impl store::Store for Store {
    fn caps(&self) -> Caps {
        Caps {
            shared: false,
            durable: Durability::Disk,
            max_batch: BATCH,
            inline_max: bodies::INLINE,
            lanes: 1,
            position: Position::Exact,
            removal: Removal::Single,
        }
    }

    //= docs/contract.md#queue-durable
    //# A submit MUST NOT be answered before the request is durable.
    //= docs/contract.md#queue-restart
    //# Accepted requests MUST survive the platform's death, and go on after its next start.
    fn commit(&mut self, now: Moment, ops: Vec<Op>) -> std::result::Result<Vec<Done>, Error> {
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => open::reopened(&self.options)?,
        };
        let done = writer.commit(self.options.keep, now, ops);
        // A transaction that could not even be rolled back leaves no less doubt than a device that
        // failed. Dropped, the connection gives the file back.
        let failed = matches!(done, Err(Error::Io(_))) || !writer.connection.is_autocommit();
        self.failures = self.failures.saturating_add(u32::from(failed));
        self.writer = (!failed).then_some(writer);
        done
    }

    fn reader(&self) -> std::result::Result<Box<dyn store::Reader>, Error> {
        Ok(Box::new(Reader::open(&self.options.path)?))
    }

    fn check(&mut self) -> std::result::Result<Vec<Finding>, Error> {
        Ok(health::findings(self)?)
    }
}

impl Writer {
    fn commit(
        &mut self,
        keep: Keep,
        now: Moment,
        ops: Vec<Op>,
    ) -> std::result::Result<Vec<Done>, Error> {
        let done = self.transact(keep, now, ops).map_err(Error::from);
        match &done {
            Ok(_) => {
                self.counts.keep();
                self.bodies.kept();
                self.checkpoints.committed(&self.connection);
            }
            // The rows may be there all the same. It shows when the file is opened anew.
            Err(Error::Io(_)) => {}
            Err(_) => {
                self.counts.undo();
                self.bodies.undone();
            }
        }
        done
    }

    fn transact(&mut self, keep: Keep, now: Moment, ops: Vec<Op>) -> Result<Vec<Done>> {
        self.run("BEGIN IMMEDIATE")?;
        let done = self.batch(keep, now, ops);
        if done.is_err() && !self.connection.is_autocommit() {
            // Where even this fails, the transaction stays open, and the file is opened anew.
            let _open = self.run("ROLLBACK");
        }
        done
    }

    fn batch(&mut self, keep: Keep, now: Moment, ops: Vec<Op>) -> Result<Vec<Done>> {
        let sql = Statements::new(&self.connection);
        let (counts, bodies) = (&mut self.counts, &mut self.bodies);
        let done = Batch { now, keep, sql, counts, bodies }.apply_all(ops)?;
        self.bodies.flush()?;
        self.run("COMMIT")?;
        Ok(done)
    }

    fn run(&self, text: &str) -> Result<()> {
        self.connection.prepare_cached(text)?.execute([])?;
        Ok(())
    }
}
