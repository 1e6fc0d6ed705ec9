//! What all ways into one store have in common.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use fal_queue::store::Error;
use fal_types::Moment;

use crate::{
    days::Days,
    heads::Heads,
    herald::Herald,
    link::{Link, Target},
    options::{Options, Place, Time},
    session::Role,
};

/// Shared by the lanes, readers and listeners of one store.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    place: Place,
    pub(crate) days: Days,
    pub(crate) heads: Heads,
    pub(crate) herald: Herald,
    /// The last moment that a commit was given: readers are not told the time.
    given: AtomicU64,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Result<Arc<Self>, Error> {
        let place = Place::read(&options.url)?;
        let herald =
            Target { place: place.clone(), role: Role::Herald, patience: options.patience };
        let herald = Herald::start(herald)?;
        let (days, heads, given) = (Days::default(), Heads::default(), AtomicU64::new(0));
        Ok(Arc::new(Self { options, place, days, heads, herald, given }))
    }

    pub(crate) fn target(&self, role: Role) -> Target {
        Target { place: self.place.clone(), role, patience: self.options.patience }
    }

    /// A connection that is made when it is first used.
    pub(crate) fn link(&self, role: Role) -> Result<Link, Error> {
        Link::new(self.target(role))
    }

    pub(crate) fn schema(&self) -> &str {
        &self.place.schema
    }

    /// A commit happens at this moment. Answers what the server is told: none where it goes by its own clock.
    pub(crate) fn give(&self, now: Moment) -> Option<i64> {
        self.given.store(now.micros(), Ordering::Relaxed);
        self.given()
    }

    /// The moment that counts for a question, where it is not the server's.
    pub(crate) fn given(&self) -> Option<i64> {
        match self.options.time {
            Time::Server => None,
            Time::Given => {
                let micros = self.given.load(Ordering::Relaxed);
                Some(fal_record::moment::write(Moment::from_micros(micros)))
            }
        }
    }
}
