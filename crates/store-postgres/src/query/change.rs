//! Statements that change something. Their values are arrays, one for each column.

use super::now;

/// Says that this batch (`$3`) of this lane (`$2`) has happened, if it has, and no longer that the one before has. Answers
/// the moment that counts, the first transaction that is under way, and the one that is to come.
pub(crate) const MARK: &str = concat!(
    "WITH old AS (DELETE FROM marks WHERE lane = $2 AND batch = $3::bigint - 1)
    INSERT INTO marks (lane, batch, at) VALUES ($2, $3::bigint, ",
    now!(),
    ") RETURNING at, pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
);

/// Waits for a batch whose answer was lost, and sees to it that it does not happen any more if it has not: its mark is
/// taken then, with a moment below 0.
pub(crate) const UNMARK: &str = concat!(
    "INSERT INTO marks (lane, batch, at) VALUES ($2, $3, -",
    now!(),
    ") ON CONFLICT (lane, batch) DO NOTHING"
);

/// Whether that batch has happened, once its mark is there in either way.
pub(crate) const HAPPENED: &str = "SELECT at > 0 FROM marks WHERE lane = $1 AND batch = $2";

/// New requests, numbered in their order.
pub(crate) const INSERT: &str = "
    INSERT INTO live (
        seq, id, app, path, priority, submitted, start_deadline, no_retry, budgets, hint, key,
        digest, webhook, storage, state, not_before
    )
    SELECT nextval('live_seq'), id, app, path, priority, submitted, start_deadline, no_retry,
        budgets, hint, key, digest, webhook, storage, state, not_before
    FROM (
        SELECT * FROM unnest(
            $1::uuid[], $2::text[], $3::bytea[], $4::smallint[], $5::bigint[], $6::bigint[],
            $7::boolean[], $8::text[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[],
            $13::smallint[], $14::smallint[], $15::bigint[]
        ) WITH ORDINALITY AS new (
            id, app, path, priority, submitted, start_deadline, no_retry, budgets, hint, key,
            digest, webhook, storage, state, not_before, place
        ) ORDER BY place
    ) AS new";

/// A content may be there already only where the same request was submitted twice at the same moment.
pub(crate) const INSERT_CONTENTS: &str = "
    INSERT INTO contents (id, headers, body)
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[])
    ON CONFLICT (id) DO NOTHING";

/// The content of a dead letter, once more for the request that is made from it.
pub(crate) const COPY_CONTENT: &str = "
    INSERT INTO contents (id, headers, body)
    SELECT $1, headers, body FROM ended_contents WHERE id = $2 AND expires = $3
    ON CONFLICT (id) DO NOTHING";

pub(crate) const UPDATE: &str = "
    UPDATE live SET
        attempts = new.attempts, spent = new.spent, spent_server_error = new.spent_server_error,
        spent_timeout = new.spent_timeout, spent_connection_error = new.spent_connection_error,
        cancel_requested = new.cancel_requested, started = new.started, accounts = new.accounts,
        state = new.state, not_before = new.not_before, lease = new.lease,
        lease_attempt = new.lease_attempt, lease_node = new.lease_node,
        lease_since = new.lease_since, has_lines = new.has_lines
    FROM unnest(
        $1::uuid[], $2::integer[], $3::smallint[], $4::smallint[], $5::smallint[], $6::smallint[],
        $7::boolean[], $8::bigint[], $9::bytea[], $10::smallint[], $11::bigint[], $12::bigint[],
        $13::integer[], $14::bigint[], $15::bigint[], $16::boolean[]
    ) AS new (
        id, attempts, spent, spent_server_error, spent_timeout, spent_connection_error,
        cancel_requested, started, accounts, state, not_before, lease, lease_attempt, lease_node,
        lease_since, has_lines
    )
    WHERE live.id = new.id";

/// Moves what has ended to where it lies until it expires.
pub(crate) const END: &str = "
    WITH gone AS (
        DELETE FROM live USING unnest(
            $1::uuid[], $2::integer[], $3::smallint[], $4::smallint[], $5::smallint[],
            $6::smallint[], $7::boolean[], $8::bigint[], $9::bytea[], $10::integer[], $11::text[],
            $12::bigint[], $13::bigint[], $14::boolean[], $15::integer[], $16::bytea[], $17::bytea[]
        ) AS new (
            id, attempts, spent, spent_server_error, spent_timeout, spent_connection_error,
            cancel_requested, started, accounts, status, problem, finished, expires, is_dead,
            reply_status, reply_headers, reply_body
        )
        WHERE live.id = new.id
        RETURNING live.id, live.seq, live.submitted, live.start_deadline, new.started,
            new.finished, new.expires, new.attempts, new.status, new.reply_status, live.priority,
            live.storage, new.spent, new.spent_server_error, new.spent_timeout,
            new.spent_connection_error, live.no_retry, new.cancel_requested, new.is_dead, live.app,
            live.path, new.problem, NULL::uuid AS heir, live.budgets, live.hint, live.key,
            live.digest, live.webhook, new.accounts, new.reply_headers, new.reply_body
    )
    INSERT INTO ended (
        id, seq, submitted, start_deadline, started, finished, expires, attempts, status,
        reply_status, priority, storage, spent, spent_server_error, spent_timeout,
        spent_connection_error, no_retry, cancel_requested, is_dead, app, path, problem, heir,
        budgets, hint, key, digest, webhook, accounts, reply_headers, reply_body
    )
    SELECT * FROM gone";

pub(crate) const KEEP_CONTENTS: &str = "
    WITH gone AS (
        DELETE FROM contents USING unnest($1::uuid[], $2::bigint[]) AS kept (id, expires)
        WHERE contents.id = kept.id
        RETURNING contents.id, kept.expires, contents.headers, contents.body
    )
    INSERT INTO ended_contents (id, expires, headers, body) SELECT * FROM gone";

pub(crate) const DROP_CONTENTS: &str = "DELETE FROM contents WHERE id = ANY($1::uuid[])";

pub(crate) const INSERT_LINES: &str = "
    INSERT INTO lines (id, lines)
    SELECT id, lines FROM unnest($1::uuid[], $2::bytea[]) WITH ORDINALITY AS new (id, lines, place)
    ORDER BY place";

pub(crate) const END_LINES: &str = "
    WITH gone AS (
        DELETE FROM lines USING unnest($1::uuid[], $2::bigint[]) AS kept (id, expires)
        WHERE lines.id = kept.id
        RETURNING lines.n, lines.id, kept.expires, lines.lines
    )
    INSERT INTO ended_lines (n, id, expires, lines) SELECT * FROM gone";

pub(crate) const INSERT_ENDED_LINES: &str = "
    INSERT INTO ended_lines (n, id, expires, lines)
    SELECT nextval('lines_n_seq'), id, expires, lines FROM (
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])
            WITH ORDINALITY AS new (id, expires, lines, place)
        ORDER BY place
    ) AS new";

/// A webhook of the same id may be left of a request that expired before it was sent.
pub(crate) const INSERT_HOOKS: &str = "
    INSERT INTO outbox (id, seq, app, url, due, number, base, sent, expires)
    SELECT * FROM unnest(
        $1::uuid[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::integer[],
        $7::integer[], $8::bytea[], $9::bigint[])
    ON CONFLICT (id) DO UPDATE SET
        seq = excluded.seq, app = excluded.app, url = excluded.url, due = excluded.due,
        number = excluded.number, base = excluded.base, sent = excluded.sent,
        expires = excluded.expires";

pub(crate) const UPDATE_HOOKS: &str = "
    UPDATE outbox SET due = new.due, number = new.number, base = new.base, sent = new.sent
    FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::integer[], $5::bytea[])
        AS new (id, due, number, base, sent)
    WHERE outbox.id = new.id";

/// Moves those that need not be sent any more out of the way.
pub(crate) const FINISH_HOOKS: &str = "
    WITH gone AS (
        DELETE FROM outbox USING unnest($1::uuid[], $2::integer[], $3::integer[], $4::bytea[])
            AS new (id, number, base, sent)
        WHERE outbox.id = new.id
        RETURNING outbox.id, outbox.seq, outbox.expires, new.number, new.base, outbox.app,
            outbox.url, new.sent
    )
    INSERT INTO deliveries (id, seq, expires, number, base, app, url, sent) SELECT * FROM gone";

/// Removes those that are to be sent again from among the finished ones.
pub(crate) const REVIVE_HOOKS: &str = "
    DELETE FROM deliveries USING unnest($1::uuid[], $2::bigint[]) AS old (id, expires)
    WHERE deliveries.id = old.id AND deliveries.expires = old.expires";

/// Takes keys that are free. Where one is not any more, it is not counted.
pub(crate) const TAKE_KEYS: &str = concat!(
    "INSERT INTO keys (app, key, digest, request)
    SELECT * FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::uuid[])
    ON CONFLICT (app, key) DO UPDATE
        SET digest = excluded.digest, request = excluded.request, expires = NULL
        WHERE keys.expires <= ",
    now!()
);

pub(crate) const EXPIRE_KEYS: &str = "
    UPDATE keys SET expires = new.expires
    FROM unnest($1::text[], $2::bytea[], $3::uuid[], $4::bigint[])
        AS new (app, key, request, expires)
    WHERE keys.app = new.app AND keys.key = new.key AND keys.request = new.request";

/// Makes ready what was held and is due, of each app (`$2`), those first whose moment came first.
pub(crate) const PROMOTE: &str = concat!(
    "UPDATE live SET state = 1 FROM (
        SELECT due.id FROM unnest($2::text[]) AS wanted (app)
        CROSS JOIN LATERAL (
            SELECT l.id FROM live AS l
            WHERE l.app = wanted.app AND l.state = 2 AND l.state IN (1, 2) AND l.not_before <= ",
    now!(),
    " ORDER BY l.app, l.state, l.not_before LIMIT $3 FOR UPDATE SKIP LOCKED
        ) AS due
    ) AS due
    WHERE live.id = due.id"
);

pub(crate) const BEAT: &str = "
    INSERT INTO nodes (node, alive_until) VALUES ($1, $2)
    ON CONFLICT (node) DO UPDATE SET alive_until = excluded.alive_until";

pub(crate) const BURY: &str = "UPDATE nodes SET alive_until = NULL WHERE node = ANY($1::bigint[])";

pub(crate) const FORGET: &str = "DELETE FROM nodes WHERE node = $1";

pub(crate) const SET_HEIR: &str = "UPDATE ended SET heir = $3 WHERE id = $1 AND expires = $2";

pub(crate) const DROP_ENDED: &str = "DELETE FROM ended WHERE id = $1 AND expires = $2";

pub(crate) const DROP_ENDED_CONTENTS: &str =
    "DELETE FROM ended_contents WHERE id = $1 AND expires = $2";

pub(crate) const DROP_ENDED_LINES: &str = "DELETE FROM ended_lines WHERE id = $1 AND expires = $2";

pub(crate) const DROP_DELIVERIES: &str = "DELETE FROM deliveries WHERE id = $1 AND expires = $2";

pub(crate) const DROP_HOOKS: &str = "DELETE FROM outbox WHERE id = $1";

pub(crate) const DROP_KEYS: &str = "DELETE FROM keys WHERE app = $1 AND key = $2 AND request = $3";

/// Removes keys that are free, so many at a time.
pub(crate) const REMOVE_KEYS: &str = concat!(
    "DELETE FROM keys USING (
        SELECT app, key FROM keys WHERE expires IS NOT NULL AND expires <= ",
    now!(),
    " ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS old WHERE keys.app = old.app AND keys.key = old.key"
);

/// Removes webhooks whose request has expired, so many at a time.
pub(crate) const REMOVE_HOOKS: &str = concat!(
    "DELETE FROM outbox USING (
        SELECT id FROM outbox WHERE due <= ",
    now!(),
    " AND expires <= ",
    now!(),
    " ORDER BY due, seq LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS old WHERE outbox.id = old.id"
);

/// Removes marks of lanes that are gone: they are a day old.
pub(crate) const REMOVE_MARKS: &str =
    concat!("DELETE FROM marks WHERE abs(at) < ", now!(), " - 86400000000");
