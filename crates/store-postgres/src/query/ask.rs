//! Questions of readers, one statement each, so that each sees one moment of the store.

use super::now;
use crate::rows::{ended, live};

pub(crate) const FIND: &str = concat!(
    "SELECT ",
    live!(),
    " FROM live AS l WHERE l.id = $2
    UNION ALL
    SELECT ",
    ended!(),
    " FROM ended AS e WHERE e.id = $2 AND e.expires > ",
    now!()
);

/// The same as the counts of one app, but of those before one request.
pub(crate) const AHEAD: &str = "
    SELECT kind.state, kind.priority, counted.n, counted.first, counted.nth,
        CASE WHEN counted.n >= $4 THEN CASE WHEN kind.priority = mine.priority THEN mine.seq ELSE (
            SELECT l.seq FROM live AS l
            WHERE l.app = mine.app AND l.state = kind.state AND l.priority = kind.priority
                AND l.state < 3
            ORDER BY l.app DESC, l.state DESC, l.priority DESC, l.seq DESC LIMIT 1
        ) END END
    FROM (SELECT app, priority, seq FROM live WHERE id = $1 AND state < 3) AS mine
    CROSS JOIN unnest('{0,0,1,1,2,2}'::smallint[], '{0,1,0,1,0,1}'::smallint[])
        AS kind (state, priority)
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, min(seq) AS first, max(seq) AS nth FROM (
            SELECT l.seq FROM live AS l
            WHERE l.app = mine.app AND l.state = kind.state AND l.priority = kind.priority
                AND l.state < 3
                AND l.seq >= CASE
                    WHEN kind.state > 0 THEN 0
                    WHEN kind.priority = 0 THEN $2::bigint
                    ELSE $3::bigint
                END
                AND l.seq < CASE
                    WHEN kind.priority = mine.priority THEN mine.seq
                    ELSE 9223372036854775807
                END
            ORDER BY l.app, l.state, l.priority, l.seq LIMIT $4
        ) AS few
    ) AS counted
    WHERE kind.priority <= mine.priority";

pub(crate) const REPLY: &str = concat!(
    "SELECT reply_status, reply_headers, reply_body FROM ended
    WHERE id = $2 AND reply_status IS NOT NULL AND expires > ",
    now!()
);

pub(crate) const RECENT: &str = concat!(
    "SELECT * FROM (
        (SELECT ",
    live!(),
    " FROM live AS l ORDER BY l.seq + 0 DESC LIMIT $2)
        UNION ALL
        (SELECT ",
    ended!(),
    " FROM ended AS e WHERE e.expires > ",
    now!(),
    " ORDER BY e.seq + 0 DESC LIMIT $2)
    ) AS found ORDER BY seq DESC LIMIT $2"
);

/// What is live of one app has no index by age alone: it lies in seven ranges, of which each gives its newest. Those that
/// run are few, and are not to be looked for among all by their age.
pub(crate) const RECENT_OF: &str = concat!(
    "SELECT * FROM (
        SELECT ",
    live!(),
    " FROM unnest('{0,0,1,1,2,2}'::smallint[], '{0,1,0,1,0,1}'::smallint[])
        AS kind (state, priority)
        CROSS JOIN LATERAL (
            SELECT * FROM live AS w
            WHERE w.app = $3 AND w.state = kind.state AND w.priority = kind.priority AND w.state < 3
            ORDER BY w.app DESC, w.state DESC, w.priority DESC, w.seq DESC LIMIT $2
        ) AS l
        UNION ALL
        (SELECT ",
    live!(),
    " FROM live AS l WHERE l.state = 3 AND l.app = $3 ORDER BY l.seq DESC LIMIT $2)
        UNION ALL
        (SELECT ",
    ended!(),
    " FROM ended AS e WHERE e.app = $3 AND e.expires > ",
    now!(),
    " ORDER BY e.app DESC, e.seq DESC LIMIT $2)
    ) AS found ORDER BY seq DESC LIMIT $2"
);

pub(crate) const CONTENT: &str = concat!(
    "SELECT headers, body FROM contents WHERE id = $2
    UNION ALL
    SELECT headers, body FROM ended_contents WHERE id = $2 AND expires > ",
    now!()
);

pub(crate) const ACCOUNTS: &str = concat!(
    "SELECT accounts FROM live WHERE id = $2
    UNION ALL
    SELECT accounts FROM ended WHERE id = $2 AND expires > ",
    now!()
);

pub(crate) const LINES: &str = concat!(
    "SELECT lines FROM (
        SELECT n, lines FROM lines WHERE id = $2
        UNION ALL
        SELECT n, lines FROM ended_lines WHERE id = $2 AND expires > ",
    now!(),
    ") AS found ORDER BY n"
);

pub(crate) const HOOK: &str = concat!(
    "SELECT url, due, number, sent FROM outbox WHERE id = $2 AND expires > ",
    now!(),
    " UNION ALL
    SELECT url, NULL, number, sent FROM deliveries WHERE id = $2 AND expires > ",
    now!()
);

pub(crate) const DEAD_OF: &str = concat!(
    "SELECT ",
    ended!(),
    " FROM ended AS e
    WHERE e.is_dead AND ($3::text IS NULL OR e.app = $3) AND e.expires > ",
    now!(),
    " ORDER BY e.finished DESC, e.seq DESC LIMIT $2"
);
