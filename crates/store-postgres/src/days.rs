//! The days on which things expire, each with partitions of its own, which are dropped whole once it has passed.
//!
//! A day's partitions are made by a connection of their own, so that no batch waits for them longer than it must: attaching
//! one stops neither readers nor writers, and dropping one stops both, for as long as nobody reads or writes at that very
//! moment; it gives up otherwise and is tried again later.

use std::collections::BTreeSet;

use fal_queue::store::Error;
use fal_types::Moment;
use parking_lot::Mutex;

use crate::{
    error::Result,
    link::{Link, Target},
    session::Session,
};

/// In microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// From this day on, some 27,000 years from now, everything expires on one day.
const FAR: i64 = 10_000_000;

/// The tables that have a partition for each day.
const PARENTS: [&str; 4] = ["ended", "ended_contents", "ended_lines", "deliveries"];

const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext(current_setting('search_path')), 3)";

const FOUND: &str = "
    SELECT child.relname::text FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = to_regclass('ended')";

/// The day on which something expires.
pub(crate) const fn of(expires: i64) -> i64 {
    let day = expires / DAY;
    if day < FAR { day } else { FAR }
}

/// The days that have partitions, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Days(Mutex<BTreeSet<i64>>);

impl Days {
    /// Whether all of them have partitions.
    pub(crate) fn know(&self, days: &BTreeSet<i64>) -> bool {
        days.is_empty() || days.is_subset(&self.0.lock())
    }

    /// Makes the partitions of these days where they are missing, and finds out which others there are.
    pub(crate) fn make(
        &self,
        target: Target,
        days: &BTreeSet<i64>,
    ) -> std::result::Result<(), Error> {
        let found = Link::new(target)?.ask(async |session| {
            session.send("BEGIN").await?;
            session.look(LOCK, &[]).await?;
            let mut found = found(session).await?;
            for day in days {
                if found.insert(*day) {
                    session.send(&creation(*day)).await?;
                }
            }
            session.send("COMMIT").await?;
            Ok(found)
        })?;
        *self.0.lock() = found;
        Ok(())
    }

    /// The days that have passed entirely, with all that expired on them.
    pub(crate) fn passed(&self, now: Moment) -> BTreeSet<i64> {
        let today = of(fal_record::moment::write(now));
        self.0.lock().iter().copied().filter(|day| *day < today).collect()
    }

    /// Drops the partitions of these days.
    pub(crate) fn drop(
        &self,
        target: Target,
        days: &BTreeSet<i64>,
    ) -> std::result::Result<(), Error> {
        Link::new(target)?.ask(async |session| {
            session.send("BEGIN; SET LOCAL lock_timeout = '300ms'").await?;
            session.look(LOCK, &[]).await?;
            for day in days {
                let tables = PARENTS.map(|parent| partition(parent, *day)).join(", ");
                session.send(&format!("DROP TABLE IF EXISTS {tables}")).await?;
            }
            session.send("COMMIT").await
        })?;
        self.0.lock().retain(|day| !days.contains(day));
        Ok(())
    }
}

/// The day of `now` and the next one: what will be wanted first.
pub(crate) fn ahead(now: Moment) -> BTreeSet<i64> {
    let today = of(fal_record::moment::write(now));
    [today, today + 1].into()
}

async fn found(session: &Session) -> Result<BTreeSet<i64>> {
    let rows = session.look(FOUND, &[]).await?;
    let day = |name: &str| name.strip_prefix("ended_d")?.parse().ok();
    rows.iter()
        .map(|row| row.try_get(0))
        .filter_map(|name| match name {
            Ok(name) => day(name).map(Ok),
            Err(error) => Some(Err(error.into())),
        })
        .collect()
}

fn partition(parent: &str, day: i64) -> String {
    format!("{parent}_d{day}")
}

/// The partition is made beside the table and then attached, because that stops nobody.
fn creation(day: i64) -> String {
    let from = day * DAY;
    let to = if day < FAR { (from + DAY).to_string() } else { "MAXVALUE".to_owned() };
    let make = PARENTS.map(|parent| {
        let name = partition(parent, day);
        format!(
            "CREATE TABLE {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
            ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to});"
        )
    });
    make.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_has_a_day() {
        assert_eq!((of(0), of(DAY - 1), of(DAY)), (0, 0, 1));
        assert_eq!(of(i64::MAX), FAR);
        assert!(creation(FAR).contains("TO (MAXVALUE)"));
        assert!(
            creation(3).contains("ended_lines_d3 FOR VALUES FROM (259200000000) TO (345600000000)")
        );
    }

    #[test]
    fn what_will_be_wanted_is_known_ahead() {
        let now = Moment::from_micros(5 * DAY.unsigned_abs() + 7);
        assert_eq!(ahead(now), [5, 6].into());
        let days = Days(Mutex::new([3, 4, 5, 6].into()));
        assert_eq!(days.passed(now), [3, 4].into());
        assert!(days.know(&[5, 6].into()) && !days.know(&[7].into()));
    }
}
