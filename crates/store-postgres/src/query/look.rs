//! Statements that look on the way of a commit.

use super::now;
use crate::rows::{ended, live};

/// Those of `$2` that are ids of requests, whatever became of them.
pub(crate) const TAKEN: &str = concat!(
    "SELECT id FROM live WHERE id = ANY($2::uuid[])
    UNION ALL
    SELECT id FROM ended WHERE id = ANY($2::uuid[]) AND expires > ",
    now!()
);

pub(crate) const KEYS: &str = concat!(
    "SELECT keys.app, keys.key, keys.digest, keys.request
    FROM unnest($2::text[], $3::bytea[]) AS wanted (app, key)
    JOIN keys ON keys.app = wanted.app AND keys.key = wanted.key
    WHERE keys.expires IS NULL OR keys.expires > ",
    now!()
);

/// For each app (`$1`) how many wait in each state and priority, counted up to `$4`; where there are more, where they
/// begin and end. First-timers are counted from where claims have been (`$2` normal ones, `$3` low ones).
pub(crate) const COUNTS: &str = "
    SELECT wanted.place, kind.state, kind.priority, counted.n, counted.first, counted.nth,
        CASE WHEN counted.n >= $4 THEN (
            SELECT l.seq FROM live AS l
            WHERE l.app = wanted.app AND l.state = kind.state AND l.priority = kind.priority
                AND l.state < 3
            ORDER BY l.app DESC, l.state DESC, l.priority DESC, l.seq DESC LIMIT 1
        ) END,
        CASE WHEN kind.state > 0 AND kind.priority = 0 THEN (
            SELECT l.not_before FROM live AS l
            WHERE l.app = wanted.app AND l.state = kind.state AND l.state IN (1, 2)
            ORDER BY l.app, l.state, l.not_before LIMIT 1
        ) END
    FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY
        AS wanted (app, normal, low, place)
    CROSS JOIN unnest('{0,0,1,1,2,2}'::smallint[], '{0,1,0,1,0,1}'::smallint[])
        AS kind (state, priority)
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, min(seq) AS first, max(seq) AS nth FROM (
            SELECT l.seq FROM live AS l
            WHERE l.app = wanted.app AND l.state = kind.state AND l.priority = kind.priority
                AND l.state < 3 AND l.seq >= CASE
                    WHEN kind.state > 0 THEN 0
                    WHEN kind.priority = 0 THEN wanted.normal
                    ELSE wanted.low
                END
            ORDER BY l.app, l.state, l.priority, l.seq LIMIT $4
        ) AS few
    ) AS counted";

/// The first-timers of each app (`$2`), as many as are wanted (`$3`), from where claims have been (`$4`, `$5`), with what
/// is forwarded. One whose content is missing must show up as damage, and not wait for ever.
pub(crate) const READY: &str = concat!(
    "SELECT ",
    live!(),
    ", wanted.place, contents.headers, contents.body
    FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
        AS wanted (app, want, normal, low, place)
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT * FROM live AS w
            WHERE w.app = wanted.app AND w.state = 0 AND w.state < 3 AND w.priority = 0
                AND w.seq >= wanted.normal AND w.not_before <= ",
    now!(),
    "
            ORDER BY w.app, w.state, w.priority, w.seq LIMIT wanted.want
            FOR UPDATE SKIP LOCKED
        ) AS normal
        UNION ALL
        SELECT * FROM (
            SELECT * FROM live AS w
            WHERE w.app = wanted.app AND w.state = 0 AND w.state < 3 AND w.priority = 1
                AND w.seq >= wanted.low AND w.not_before <= ",
    now!(),
    "
            ORDER BY w.app, w.state, w.priority, w.seq LIMIT wanted.want
            FOR UPDATE SKIP LOCKED
        ) AS low
        LIMIT wanted.want
    ) AS l
    LEFT JOIN contents ON contents.id = l.id"
);

/// The same of those that wait again.
pub(crate) const AGAIN: &str = concat!(
    "SELECT ",
    live!(),
    ", wanted.place, contents.headers, contents.body
    FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS wanted (app, want, place)
    CROSS JOIN LATERAL (
        SELECT * FROM live AS w
        WHERE w.app = wanted.app AND w.state = 1 AND w.state < 3 AND w.not_before <= ",
    now!(),
    "
        ORDER BY w.app, w.state, w.priority, w.seq LIMIT wanted.want
        FOR UPDATE SKIP LOCKED
    ) AS l
    LEFT JOIN contents ON contents.id = l.id"
);

/// Always in the order of the submission, so that no two wait for each other.
pub(crate) const TOUCHED: &str = concat!(
    "SELECT ",
    live!(),
    " FROM live AS l WHERE l.id = ANY($1::uuid[]) ORDER BY l.seq FOR UPDATE"
);

pub(crate) const PRESENT: &str =
    concat!("SELECT id, app FROM ended WHERE id = ANY($2::uuid[]) AND expires > ", now!());

pub(crate) const LEASED_BY: &str = concat!(
    "SELECT ",
    live!(),
    " FROM live AS l WHERE l.state = 3 AND l.lease_node = ANY($1::bigint[])
    ORDER BY l.seq FOR UPDATE"
);

pub(crate) const OVERDUE: &str = concat!(
    "SELECT ",
    live!(),
    " FROM live AS l
    WHERE l.state < 3 AND l.start_deadline IS NOT NULL AND l.start_deadline <= ",
    now!(),
    " ORDER BY l.start_deadline, l.seq LIMIT $2 FOR UPDATE SKIP LOCKED"
);

/// None where they are spared.
pub(crate) const LATE_NODES: &str = concat!(
    "SELECT node FROM nodes WHERE $2 AND alive_until <= ",
    now!(),
    " ORDER BY node FOR UPDATE"
);

pub(crate) const LAPSED: &str = "SELECT alive_until IS NULL FROM nodes WHERE node = $1 FOR UPDATE";

pub(crate) const CANCELLED_OF: &str = "
    SELECT id, seq FROM live WHERE state = 3 AND cancel_requested AND lease_node = $1";

/// Whether nobody else sweeps at the moment.
pub(crate) const SWEEP_LOCK: &str =
    "SELECT pg_try_advisory_xact_lock(hashtext(current_setting('search_path')), 2)";

pub(crate) const NEXT_MOMENT: &str = "
    SELECT least(
        (SELECT start_deadline FROM live WHERE state < 3 AND start_deadline IS NOT NULL
            ORDER BY start_deadline, seq LIMIT 1),
        (SELECT min(alive_until) FROM nodes WHERE $1),
        (SELECT expires FROM keys WHERE expires IS NOT NULL ORDER BY expires LIMIT 1))";

pub(crate) const HOOKS: &str = "
    SELECT id, seq, app, url, due, number, base, sent, expires FROM outbox
    WHERE id = ANY($1::uuid[]) ORDER BY seq FOR UPDATE";

pub(crate) const FINISHED_HOOKS: &str = concat!(
    "SELECT id, seq, app, url, NULL::bigint, number, base, sent, expires FROM deliveries
    WHERE id = ANY($2::uuid[]) AND expires > ",
    now!(),
    " FOR UPDATE"
);

pub(crate) const DUE_HOOKS: &str = concat!(
    "SELECT id, seq, app, url, due, number, base, sent, expires FROM outbox
    WHERE due <= ",
    now!(),
    " AND expires > ",
    now!(),
    " ORDER BY due, seq LIMIT $2 FOR UPDATE SKIP LOCKED"
);

pub(crate) const NEXT_HOOK: &str =
    concat!("SELECT due FROM outbox WHERE expires > ", now!(), " ORDER BY due, seq LIMIT 1");

pub(crate) const DEAD: &str = concat!(
    "SELECT ",
    ended!(),
    " FROM ended AS e WHERE e.id = $2 AND e.expires > ",
    now!(),
    " FOR UPDATE"
);
