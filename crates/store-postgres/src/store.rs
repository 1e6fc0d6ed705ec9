//! The ways in for commits.

use std::{collections::BTreeSet, sync::Arc};

use fal_queue::store::{
    self, Caps, Done, Durability, Error, Finding, Fitness, Op, Position, Removal, Wakes,
};
use fal_record::moment;
use fal_types::Moment;

use crate::{
    batch::transact,
    counts::COUNTED,
    days, doctor,
    error::Failure,
    herald::Listener,
    link::{Link, Target, apart, roll},
    options::{Options, Place, Time},
    outcome::Outcome,
    read::Reader,
    schema,
    session::Role,
    shared::Shared,
};

/// Operations worth one batch.
const BATCH: usize = 256;

/// Threads that commit at once to some purpose, one for each kind of operation: with more, batches get smaller, which costs
/// more than it saves.
const LANES: usize = 4;

/// The server takes neither a value nor a message above 1 GB; this leaves room for what else is in one.
const LARGEST_BODY: usize = 768 * 1024 * 1024;

/// How often a batch is begun again because others were in the way.
const CLASHES: u8 = 20;

/// How often a batch is begun again because its connection was lost.
const LOSSES: u8 = 3;

const KEEP_SECRET: &str =
    "INSERT INTO secrets (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

const SECRET: &str = "SELECT secret FROM secrets WHERE name = $1";

const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// A queue in a PostgreSQL database. Open it with [`Store::open`].
///
/// It blocks the thread that calls it, and drives its own connection. Another way in is a [`store::Store::lane`].
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    link: Link,
    outcome: Outcome,
    /// Whether it is not known yet what became of the last batch.
    is_in_doubt: bool,
}

impl Store {
    /// Connects, brings the tables up to date, and refuses a server that may lose what it has acknowledged.
    ///
    /// Several processes may have it open at once.
    ///
    /// # Errors
    /// [`Error::Misuse`] where the URL is none or asks for what this version cannot do, [`Error::Unreachable`] where
    /// nothing answers there, [`Error::Unfit`] where commits would not be durable, [`Error::NewerSchema`] where a later
    /// version has written it, [`Error::Corrupt`] where the schema is another program's, and the others as [`Error`] says.
    //= docs/contract.md#doctor
    //# A store whose settings could lose what it has acknowledged MUST be refused, by `fal-server doctor` and at the start.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let shared = Shared::new(options.clone())?;
        apart(move || {
            let mut keeper = shared.link(Role::Keeper)?;
            let found = Self::examine(options)?;
            if let Some(unfit) = found.into_iter().find(|found| found.fitness == Fitness::Unfit) {
                return Err(Error::Unfit(format!("{}: {}", unfit.found, unfit.remedy)));
            }
            let name = shared.schema().to_owned();
            keeper.ask(async |session| schema::migrate(session, &name).await)?;
            let mut store = Self::lane_of(&shared)?;
            let now = store.server_time()?;
            store.shared.days.make(store.shared.target(Role::Keeper), &days::ahead(now))?;
            Ok(store)
        })
    }

    /// What [`store::Store::check`] says, of a server that the store may refuse to be opened on. Changes nothing there.
    ///
    /// # Errors
    /// [`Error::Misuse`] where the URL is none or asks for what this version cannot do, [`Error::Unreachable`] where
    /// nothing answers there, and the others as [`Error`] says.
    pub fn examine(options: &Options) -> Result<Vec<Finding>, Error> {
        let (place, patience) = (Place::read(&options.url)?, options.patience);
        // One for commits would be refused by an unfit server, which is what is to be said here.
        let mut keeper = Link::new(Target { place, role: Role::Keeper, patience })?;
        let standbys = options.standbys;
        apart(|| keeper.ask(async |session| doctor::examine(session, standbys).await))
    }

    fn lane_of(shared: &Arc<Shared>) -> Result<Self, Error> {
        let link = shared.link(Role::Lane)?;
        // Wide enough that no two are ever the same.
        let name = (u128::from(roll()) << 64) | u128::from(roll());
        let outcome = Outcome::new(name);
        Ok(Self { shared: Arc::clone(shared), link, outcome, is_in_doubt: false })
    }

    fn server_time(&mut self) -> Result<Moment, Error> {
        let micros = self.link.ask(async |session| {
            let rows = session.look(CLOCK, &[]).await?;
            let row = rows.first().ok_or_else(|| Failure::corrupt("the server has no clock"))?;
            Ok(row.try_get(0)?)
        })?;
        moment::read(micros)
    }

    fn commit_here(&mut self, now: Moment, ops: &[Op]) -> Result<Vec<Done>, Error> {
        // What is said here of a batch that may still be under way must come behind it.
        if self.is_in_doubt {
            self.has_happened("the connection was lost")?;
        }
        let (mut clashes, mut losses) = (0, 0);
        loop {
            match self.attempt(now, ops) {
                Ok(done) => return Ok(done),
                Err(Failure::Clash(_)) if clashes < CLASHES => {
                    self.link.give_way(clashes);
                    clashes += 1;
                }
                Err(Failure::NoDay) if clashes < CLASHES => {
                    self.link.roll_back();
                    clashes += 1;
                    self.shared
                        .days
                        .make(self.shared.target(Role::Keeper), &self.outcome.wanted())?;
                }
                Err(Failure::Lost(_)) if losses < LOSSES && !self.outcome.is_sent() => losses += 1,
                Err(Failure::Lost(text)) if losses < LOSSES => {
                    losses += 1;
                    if self.has_happened(&text)? {
                        return Ok(self.outcome.take());
                    }
                }
                Err(failure) => {
                    let is_lost = matches!(failure, Failure::Lost(_));
                    self.is_in_doubt = is_lost && self.outcome.is_sent();
                    self.link.roll_back();
                    return Err(failure.into());
                }
            }
        }
    }

    fn attempt(&mut self, now: Moment, ops: &[Op]) -> crate::error::Result<Vec<Done>> {
        let Self { shared, link, outcome, .. } = self;
        outcome.begin();
        link.once(async |session| transact(session, shared, outcome, now, ops).await)
    }

    /// Finds out what became of a batch whose connection was lost.
    fn has_happened(&mut self, lost: &str) -> Result<bool, Error> {
        let Self { link, outcome, .. } = self;
        let others = link.lost();
        let happened = link.ask(async |session| {
            for other in &others {
                session.end(*other).await?;
            }
            outcome.has_happened(session).await
        });
        if happened.is_ok() {
            link.ended(&others);
        }
        self.is_in_doubt = happened.is_err();
        happened.map_err(|_| {
            let text = "whether the last commit has happened is not known";
            Error::Unreachable(format!("{lost}; {text}"))
        })
    }

    /// Drops days that have passed, and makes those that come. That it fails is no reason to refuse anything: it is tried
    /// again with the next sweep.
    fn keep_days(&mut self, said: Moment) {
        let now = match self.shared.options.time {
            Time::Given => Ok(said),
            // What is dropped is gone: the clock of a caller is not to be relied on.
            Time::Server => self.server_time(),
        };
        let Ok(now) = now else { return };
        let days = &self.shared.days;
        let ahead = days::ahead(now);
        if !days.know(&ahead) {
            let _tried_again = days.make(self.shared.target(Role::Keeper), &ahead);
        }
        let passed: BTreeSet<i64> = days.passed(now);
        if !passed.is_empty() {
            let _tried_again = days.drop(self.shared.target(Role::Keeper), &passed);
        }
    }
}

impl store::Store for Store {
    fn caps(&self) -> Caps {
        Caps {
            shared: true,
            durable: Durability::Disk,
            max_batch: BATCH,
            inline_max: LARGEST_BODY,
            lanes: LANES,
            position: Position::Estimate { beyond: COUNTED.unsigned_abs() },
            removal: Removal::Daily,
        }
    }

    //= docs/contract.md#queue-durable
    //# A submit MUST NOT be answered before the request is durable.
    //= docs/contract.md#queue-restart
    //# Accepted requests MUST survive the platform's death, and go on after its next start.
    fn commit(&mut self, now: Moment, ops: Vec<Op>) -> Result<Vec<Done>, Error> {
        if ops.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(bytes) = ops.iter().map(body).find(|bytes| *bytes > LARGEST_BODY) {
            return Err(Error::Misuse(format!("a body of {bytes} bytes does not fit into a row")));
        }
        apart(|| {
            let done = self.commit_here(now, &ops)?;
            if ops.iter().any(|op| matches!(op, Op::Sweep { .. })) {
                self.keep_days(now);
            }
            Ok(done)
        })
    }

    fn reader(&self) -> Result<Box<dyn store::Reader>, Error> {
        let link = self.shared.link(Role::Reader)?;
        Ok(Box::new(Reader::new(Arc::clone(&self.shared), link)))
    }

    fn lane(&self) -> Result<Option<Box<dyn store::Store>>, Error> {
        Ok(Some(Box::new(Self::lane_of(&self.shared)?)))
    }

    fn clock(&mut self) -> Result<Option<Moment>, Error> {
        apart(|| self.server_time().map(Some))
    }

    fn wakes(&self) -> Result<Option<Box<dyn Wakes>>, Error> {
        let link = self.shared.link(Role::Listener)?;
        Ok(Some(Box::new(Listener::new(link, &self.shared.herald))))
    }

    fn secret(&mut self, name: &str, offered: Vec<u8>) -> Result<Vec<u8>, Error> {
        let link = &mut self.link;
        apart(|| {
            link.ask(async |session| {
                session.look(KEEP_SECRET, &[&name, &offered]).await?;
                let rows = session.look(SECRET, &[&name]).await?;
                let row = rows.first().ok_or_else(|| Failure::corrupt("a secret is gone"))?;
                Ok(row.try_get(0)?)
            })
        })
    }

    fn check(&mut self) -> Result<Vec<Finding>, Error> {
        Self::examine(&self.shared.options)
    }
}

/// The size of the body that an operation carries.
const fn body(op: &Op) -> usize {
    match op {
        Op::Submit { content, .. } => content.body.len(),
        Op::Settle { reply: Some(reply), .. } => reply.body.len(),
        Op::Settle { reply: None, .. }
        | Op::Claim { .. }
        | Op::Note { .. }
        | Op::Cancel { .. }
        | Op::Recover { .. }
        | Op::Beat { .. }
        | Op::Collect { .. }
        | Op::Sent { .. }
        | Op::SendAgain { .. }
        | Op::Resubmit { .. }
        | Op::Drop { .. }
        | Op::Sweep { .. } => 0,
    }
}
