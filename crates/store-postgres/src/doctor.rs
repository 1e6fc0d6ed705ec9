//! What the server says of itself, and what that means for what is kept there.
//!
//! An ordinary user sees most of it. What such a one is not shown is said to be unseen, and counts as well as it can.

use std::time::Duration;

use fal_queue::store::{Finding, Fitness};

use crate::{
    error::{Failure, Result},
    options::Standbys,
    session::Session,
};

/// The oldest server that has what is needed.
const OLDEST: i32 = 130_000;

/// How long somebody may look at an old state before it is worth a word: what is done meanwhile cannot be cleared away.
const LONG: Duration = Duration::from_secs(60);

/// Connections that should be left for others.
const SPARE: i64 = 10;

/// Connections that one platform uses.
const OWN: i64 = 10;

/// Which numbers `server_version_num` has; how many follow, and how many of those are waited for; whether this user is
/// told about others' sessions; how many connections there are; how long the oldest state has been looked at.
const FACTS: &str = "
    SELECT current_setting('server_version_num')::integer,
        current_setting('fsync'), current_setting('full_page_writes'),
        current_setting('synchronous_commit'), current_setting('autovacuum'),
        current_setting('synchronous_standby_names'),
        (SELECT count(*) FROM pg_stat_replication),
        (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
        pg_has_role(current_user, 'pg_read_all_stats', 'MEMBER'),
        current_setting('max_connections')::bigint
            - current_setting('superuser_reserved_connections')::bigint,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::bigint
            FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND (backend_xmin IS NOT NULL OR state LIKE 'idle in%')),
        (SELECT count(*) FROM pg_prepared_xacts WHERE prepared < clock_timestamp() - interval '60 s')";

/// What the server says of itself.
#[derive(Debug, Clone)]
struct Facts {
    version: i32,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    autovacuum: String,
    /// The standbys that commits wait for, as they are configured.
    waited_for: String,
    standbys: i64,
    synchronous: i64,
    sees_others: bool,
    most_connections: i64,
    connections: i64,
    oldest: i64,
    prepared: i64,
}

/// Looks at the server, and says what it found, the worst first.
pub(crate) async fn examine(session: &Session, standbys: Standbys) -> Result<Vec<Finding>> {
    let rows = session.look(FACTS, &[]).await?;
    let row = rows.first().ok_or_else(|| Failure::corrupt("the server says nothing of itself"))?;
    let facts = Facts {
        version: row.try_get(0)?,
        fsync: row.try_get(1)?,
        full_page_writes: row.try_get(2)?,
        synchronous_commit: row.try_get(3)?,
        autovacuum: row.try_get(4)?,
        waited_for: row.try_get(5)?,
        standbys: row.try_get(6)?,
        synchronous: row.try_get(7)?,
        sees_others: row.try_get(8)?,
        most_connections: row.try_get(9)?,
        connections: row.try_get(10)?,
        oldest: row.try_get(11)?,
        prepared: row.try_get(12)?,
    };
    Ok(judge(&facts, standbys))
}

fn judge(facts: &Facts, allowed: Standbys) -> Vec<Finding> {
    let mut found = Vec::new();
    if facts.version < OLDEST {
        found.push(unfit(
            format!("the server is PostgreSQL {}", facts.version / 10_000),
            "it takes PostgreSQL 13 or newer",
        ));
    }
    for (name, value) in [("fsync", &facts.fsync), ("full_page_writes", &facts.full_page_writes)] {
        if value == "off" {
            found.push(unfit(
                format!("{name} is off, so the loss of power may damage everything"),
                "set it on in the server's configuration",
            ));
        }
    }
    if facts.synchronous_commit == "off" {
        found.push(unfit(
            "synchronous_commit is off, so the loss of power loses what was acknowledged last",
            "set it on for the server, or for this user with ALTER ROLE",
        ));
    }
    found.extend(standbys(facts, allowed));
    found.extend(old_states(facts));
    if facts.autovacuum == "off" {
        found.push(doubtful(
            "autovacuum is off, so what is cleared away stays on the disk",
            "set it on in the server's configuration",
        ));
    }
    let left = facts.most_connections.saturating_sub(facts.connections);
    if left < OWN + SPARE {
        found.push(doubtful(
            format!("{left} of {} connections are left", facts.most_connections),
            "raise max_connections: each platform on this server takes about ten",
        ));
    }
    if found.is_empty() {
        let version = (facts.version / 10_000, facts.version % 10_000);
        found.push(Finding {
            fitness: Fitness::Fit,
            found: format!("PostgreSQL {}.{}, and commits are durable", version.0, version.1),
            remedy: String::new(),
        });
    }
    found.sort_by_key(|found| found.fitness);
    found
}

/// Whether a failover loses what was acknowledged.
fn standbys(facts: &Facts, allowed: Standbys) -> Option<Finding> {
    let waits = !facts.waited_for.trim().is_empty()
        && !["local", "off"].contains(&facts.synchronous_commit.as_str());
    if facts.standbys == 0 && facts.waited_for.trim().is_empty() {
        return None;
    }
    // Somebody who is not told who follows how has to believe what is configured.
    let is_safe = waits && (!facts.sees_others || facts.synchronous > 0 || facts.standbys == 0);
    if is_safe {
        let remedy = "let this user see more: GRANT pg_read_all_stats";
        let unseen = !facts.sees_others && facts.standbys > 0;
        return unseen.then(|| {
            doubtful("whether a standby follows synchronously cannot be seen by this user", remedy)
        });
    }
    let text = format!(
        "{} standbys follow and no commit waits for any, so a failover loses what was acknowledged last",
        facts.standbys
    );
    let remedy = "name them in synchronous_standby_names, or allow asynchronous ones";
    Some(match allowed {
        Standbys::Synchronous => unfit(text, remedy),
        Standbys::Any => doubtful(text, remedy),
    })
}

fn old_states(facts: &Facts) -> Option<Finding> {
    let long = i64::try_from(LONG.as_secs()).unwrap_or(i64::MAX);
    if facts.oldest > long {
        return Some(doubtful(
            format!(
                "somebody has been looking at an old state for {} s, so nothing that was done \
                 since can be cleared away, and the queue gets slower",
                facts.oldest
            ),
            "find it in pg_stat_activity by its xact_start and end it, and set \
             idle_in_transaction_session_timeout",
        ));
    }
    if facts.prepared > 0 {
        return Some(doubtful(
            format!("{} prepared transactions wait to be finished", facts.prepared),
            "finish them: see pg_prepared_xacts",
        ));
    }
    None
}

fn unfit(found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { fitness: Fitness::Unfit, found: found.into(), remedy: remedy.into() }
}

fn doubtful(found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { fitness: Fitness::Doubtful, found: found.into(), remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Facts {
        let on = || "on".to_owned();
        Facts {
            version: 150_018,
            fsync: on(),
            full_page_writes: on(),
            synchronous_commit: on(),
            autovacuum: on(),
            waited_for: String::new(),
            standbys: 0,
            synchronous: 0,
            sees_others: true,
            most_connections: 97,
            connections: 5,
            oldest: 3,
            prepared: 0,
        }
    }

    #[track_caller]
    fn check(facts: &Facts, fitness: Fitness, word: &str) {
        let found = judge(facts, Standbys::Synchronous);
        let worst = found.first().expect("something is always said");
        assert_eq!(worst.fitness, fitness, "{found:?}");
        assert!(worst.found.contains(word), "{found:?}");
        assert!(fitness == Fitness::Fit || !worst.remedy.is_empty(), "{found:?}");
    }

    #[test]
    fn a_sound_server_is_fit() {
        check(&sound(), Fitness::Fit, "15.18");
    }

    #[test]
    fn what_may_lose_acknowledged_requests_is_unfit() {
        let off = || "off".to_owned();
        check(&Facts { fsync: off(), ..sound() }, Fitness::Unfit, "fsync");
        check(&Facts { full_page_writes: off(), ..sound() }, Fitness::Unfit, "full_page_writes");
        let facts = Facts { synchronous_commit: off(), ..sound() };
        check(&facts, Fitness::Unfit, "synchronous_commit");
        check(&Facts { version: 120_020, ..sound() }, Fitness::Unfit, "PostgreSQL 12");
    }

    #[test]
    fn a_standby_must_be_waited_for() {
        let alone = Facts { standbys: 1, ..sound() };
        check(&alone, Fitness::Unfit, "1 standbys");
        let found = judge(&alone, Standbys::Any);
        assert_eq!(found.first().map(|found| found.fitness), Some(Fitness::Doubtful));
        let named = Facts { waited_for: "*".to_owned(), ..alone };
        check(&named, Fitness::Unfit, "1 standbys");
        check(&Facts { synchronous: 1, ..named.clone() }, Fitness::Fit, "durable");
        let local =
            Facts { synchronous: 1, synchronous_commit: "local".to_owned(), ..named.clone() };
        check(&local, Fitness::Unfit, "standbys");
        check(&Facts { sees_others: false, ..named.clone() }, Fitness::Doubtful, "cannot be seen");
        check(&Facts { standbys: 0, ..named }, Fitness::Fit, "durable");
    }

    #[test]
    fn what_makes_it_slow_is_doubtful() {
        check(&Facts { oldest: 61, ..sound() }, Fitness::Doubtful, "61 s");
        check(&Facts { prepared: 1, ..sound() }, Fitness::Doubtful, "prepared");
        check(&Facts { autovacuum: "off".to_owned(), ..sound() }, Fitness::Doubtful, "autovacuum");
        check(&Facts { connections: 90, ..sound() }, Fitness::Doubtful, "7 of 97");
    }
}
