-- What waits or runs, and nothing else: small, and changed all the time.
--
-- `state`: 0 waits since its submission and is due; 1 waits again and is due; 2 waits for its moment; 3 is leased. The
-- ready ones of an app lie side by side in one index, and the first-timers among them are only ever taken from its
-- front, so that a claim can begin behind what was taken before.
CREATE TABLE live (
    id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    submitted bigint NOT NULL,
    start_deadline bigint,
    not_before bigint,
    lease bigint,
    lease_node bigint,
    lease_since bigint,
    started bigint,
    lease_attempt integer,
    attempts integer NOT NULL DEFAULT 0,
    priority smallint NOT NULL,
    storage smallint NOT NULL,
    state smallint NOT NULL,
    spent smallint NOT NULL DEFAULT 0,
    spent_server_error smallint NOT NULL DEFAULT 0,
    spent_timeout smallint NOT NULL DEFAULT 0,
    spent_connection_error smallint NOT NULL DEFAULT 0,
    no_retry boolean NOT NULL,
    cancel_requested boolean NOT NULL DEFAULT false,
    has_lines boolean NOT NULL DEFAULT false,
    app text COLLATE "C" NOT NULL,
    path bytea NOT NULL,
    budgets text,
    hint bytea,
    key bytea,
    digest bytea,
    webhook bytea,
    accounts bytea
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
CREATE SEQUENCE live_seq CACHE 1;
CREATE INDEX live_waiting ON live (app, state, priority, seq) WHERE state < 3;
CREATE INDEX live_timed ON live (app, state, not_before) WHERE state IN (1, 2);
CREATE INDEX live_leased ON live (lease_node) WHERE state = 3;
CREATE INDEX live_cancelled ON live (lease_node) WHERE state = 3 AND cancel_requested;
CREATE INDEX live_deadlines ON live (start_deadline, seq)
    WHERE state < 3 AND start_deadline IS NOT NULL;
-- Of an expression, so that no statement takes it for its order that has a better index for its rows.
CREATE INDEX live_recent ON live ((seq + 0));

-- What is forwarded, until its request has ended.
CREATE TABLE contents (
    id uuid PRIMARY KEY,
    headers bytea NOT NULL,
    body bytea NOT NULL
) WITH (
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE contents ALTER COLUMN body SET STORAGE EXTERNAL;

-- What runners printed for requests that have not ended, piece by piece.
CREATE TABLE lines (
    n bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL,
    lines bytea NOT NULL
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX lines_of ON lines (id, n);

-- What has ended, with its result, by the day on which it expires: a day that has passed is dropped whole. There is no
-- partition for the rest, because nothing must be kept where it would never be dropped.
CREATE TABLE ended (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    submitted bigint NOT NULL,
    start_deadline bigint,
    started bigint,
    finished bigint NOT NULL,
    expires bigint NOT NULL,
    attempts integer NOT NULL,
    status integer,
    reply_status integer,
    priority smallint NOT NULL,
    storage smallint NOT NULL,
    spent smallint NOT NULL,
    spent_server_error smallint NOT NULL,
    spent_timeout smallint NOT NULL,
    spent_connection_error smallint NOT NULL,
    no_retry boolean NOT NULL,
    cancel_requested boolean NOT NULL,
    is_dead boolean NOT NULL,
    app text COLLATE "C" NOT NULL,
    path bytea NOT NULL,
    problem text,
    heir uuid,
    budgets text,
    hint bytea,
    key bytea,
    digest bytea,
    webhook bytea,
    accounts bytea,
    reply_headers bytea,
    reply_body bytea
) PARTITION BY RANGE (expires);
ALTER TABLE ended ALTER COLUMN reply_body SET STORAGE EXTERNAL;
CREATE INDEX ended_id ON ended (id);
CREATE INDEX ended_recent ON ended ((seq + 0));
CREATE INDEX ended_recent_of ON ended (app, seq);
CREATE INDEX ended_dead ON ended (finished, seq) WHERE is_dead;

-- What was forwarded of those that keep it, and what runners printed.
CREATE TABLE ended_contents (
    id uuid NOT NULL,
    expires bigint NOT NULL,
    headers bytea NOT NULL,
    body bytea NOT NULL
) PARTITION BY RANGE (expires);
ALTER TABLE ended_contents ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX ended_contents_of ON ended_contents (id);
CREATE TABLE ended_lines (
    n bigint NOT NULL,
    id uuid NOT NULL,
    expires bigint NOT NULL,
    lines bytea NOT NULL
) PARTITION BY RANGE (expires);
CREATE INDEX ended_lines_of ON ended_lines (id, n);

-- Webhooks that are to be sent, and those that need not be sent any more.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    due bigint NOT NULL,
    expires bigint NOT NULL,
    number integer NOT NULL,
    base integer NOT NULL,
    app text COLLATE "C" NOT NULL,
    url bytea NOT NULL,
    sent bytea
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX outbox_due ON outbox (due, seq);
CREATE TABLE deliveries (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    expires bigint NOT NULL,
    number integer NOT NULL,
    base integer NOT NULL,
    app text COLLATE "C" NOT NULL,
    url bytea NOT NULL,
    sent bytea
) PARTITION BY RANGE (expires);
CREATE INDEX deliveries_of ON deliveries (id);

-- Which request a caller's key stands for; until when, once that has ended.
CREATE TABLE keys (
    app text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    digest bytea NOT NULL,
    request uuid NOT NULL,
    expires bigint,
    PRIMARY KEY (app, key)
);
CREATE INDEX keys_expiring ON keys (expires) WHERE expires IS NOT NULL;

-- Until when each node lives that has said so; none where it is taken for dead.
CREATE TABLE nodes (
    node bigint PRIMARY KEY,
    alive_until bigint
) WITH (fillfactor = 50);

-- The last batch of each way in for commits: whether it has happened, should its answer be lost.
CREATE TABLE marks (
    lane uuid NOT NULL,
    batch bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (lane, batch)
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- What all who share the database must have the same of.
CREATE TABLE secrets (
    name text PRIMARY KEY,
    secret bytea NOT NULL
);
