//! A connection as it must be set before anything is done on it.

use std::{collections::BTreeMap, future::poll_fn, time::Duration};

use fal_queue::store::Error;
use futures_util::future::try_join_all;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Row, Statement, types::ToSql};

use crate::{
    error::{Failure, Result},
    options::Place,
    query::{Query, prepared},
};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Commits.
    Lane,
    /// Answers questions.
    Reader,
    /// Says what was committed.
    Herald,
    /// Hears what others say.
    Listener,
    /// Creates and drops tables; looks at the server.
    Keeper,
}

/// Set on every connection. Plans must not change with the statistics of tables that are empty in one minute and full in
/// the next: each statement has its index, and is to use it.
const SETTINGS: &str = "
    SET statement_timeout = '30s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '20s';
    SET default_transaction_isolation = 'read committed';
    SET client_min_messages = 'error';
    SET plan_cache_mode = 'force_generic_plan';
    SET jit = off;
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET enable_sort = off;
";

/// What acknowledged commits rest on, and who we are talking to.
const FOUND: &str = "
    SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool,
        current_setting('synchronous_commit'), current_setting('fsync'),
        current_setting('full_page_writes')";

/// Names a connection at the server: numbers of processes come again, but not at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) pid: i32,
    /// When it began.
    began: i64,
}

const BACKEND: &str = "
    SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity
    WHERE pid = pg_backend_pid()";

const END_BACKEND: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = $1 AND (extract(epoch FROM backend_start) * 1000000)::bigint = $2";

/// An open connection.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    statements: BTreeMap<Query, Statement>,
    /// What it is at the server.
    pub(crate) backend: Backend,
    driver: JoinHandle<()>,
    heard: Mutex<mpsc::UnboundedReceiver<(i32, String)>>,
}

/// A value of a statement.
pub(crate) type Value<'a> = &'a (dyn ToSql + Sync);

impl Session {
    /// Connects, and sees to it that what is committed here is safe.
    pub(crate) async fn open(place: &Place, role: Role) -> Result<Self> {
        let mut session = Self::connect(&place.config).await?;
        session.send(SETTINGS).await?;
        session.send(&format!("SET search_path = \"{}\"", place.schema)).await?;
        match role {
            Role::Lane => session.check().await?,
            // What is said need not be durable.
            Role::Herald => session.send("SET synchronous_commit = off").await?,
            Role::Listener => session.send(&format!("LISTEN \"{}\"", place.schema)).await?,
            Role::Reader | Role::Keeper => {}
        }
        let client = &session.client;
        let prepare = prepared(role).iter().map(async |text| {
            let statement = client.prepare(text).await?;
            Ok::<_, Failure>((*text, statement))
        });
        session.statements = try_join_all(prepare).await?.into_iter().collect();
        Ok(session)
    }

    async fn connect(config: &Config) -> Result<Self> {
        let (client, mut connection) = config.connect(NoTls).await?;
        let (hear, heard) = mpsc::unbounded_channel();
        let driver = tokio::spawn(async move {
            // An error ends the connection, which the client then says of everything that it is asked.
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(told) = message {
                    let _gone = hear.send((told.process_id(), told.payload().to_owned()));
                }
            }
        });
        let (statements, heard) = (BTreeMap::new(), Mutex::new(heard));
        let row = client.query_one(BACKEND, &[]).await?;
        let backend = Backend { pid: row.try_get(0)?, began: row.try_get(1)? };
        Ok(Self { client, statements, backend, driver, heard })
    }

    /// What is acknowledged on a server that is set otherwise may be lost. It is asked on every connection: the one
    /// before may have been to another server.
    async fn check(&self) -> Result<()> {
        let row = self.client.query_one(FOUND, &[]).await?;
        if row.try_get(0)? || row.try_get(1)? {
            // A failover may be under way.
            return Err(Failure::Lost("the server may only be read".to_owned()));
        }
        for (index, name) in [(2, "synchronous_commit"), (3, "fsync"), (4, "full_page_writes")] {
            if row.try_get::<_, String>(index)? == "off" {
                return Err(Failure::Failed(Error::Unfit(format!("{name} is off"))));
            }
        }
        Ok(())
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Ends another connection of ours whose end the server may not have heard of: its transaction would hold up whoever
    /// waits for what became of it.
    pub(crate) async fn end(&self, other: Backend) -> Result<()> {
        self.look(END_BACKEND, &[&other.pid, &other.began]).await.map(drop)
    }

    /// Sends statements without values.
    pub(crate) async fn send(&self, text: &str) -> Result<()> {
        Ok(self.client.batch_execute(text).await?)
    }

    /// Asks with a statement that is prepared for this role.
    pub(crate) async fn rows<const N: usize>(
        &self,
        query: Query,
        values: [Value<'_>; N],
    ) -> Result<Vec<Row>> {
        Ok(self.client.query(self.statement(query)?, &values).await?)
    }

    /// The first row of the answer, where there is one.
    pub(crate) async fn row<const N: usize>(
        &self,
        query: Query,
        values: [Value<'_>; N],
    ) -> Result<Option<Row>> {
        Ok(self.rows(query, values).await?.into_iter().next())
    }

    /// Changes rows with a statement that is prepared for this role; answers how many.
    pub(crate) async fn change<const N: usize>(
        &self,
        query: Query,
        values: [Value<'_>; N],
    ) -> Result<u64> {
        Ok(self.client.execute(self.statement(query)?, &values).await?)
    }

    /// Asks with a statement that is not prepared.
    pub(crate) async fn look(&self, text: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        Ok(self.client.query(text, values).await?)
    }

    fn statement(&self, query: Query) -> Result<&Statement> {
        let missing = || Failure::Failed(Error::Misuse(format!("not prepared: {query}")));
        self.statements.get(query).ok_or_else(missing)
    }

    /// What others than `own` have said; waits for the first of it, at most for `limit`.
    pub(crate) async fn notifications(&self, own: i32, limit: Duration) -> Result<Vec<String>> {
        let mut heard = self.heard.lock().await;
        let first = async {
            loop {
                match heard.recv().await {
                    Some((from, _)) if from == own => {}
                    Some((_, told)) => return Ok(told),
                    None => return Err(Failure::Lost("the connection has ended".to_owned())),
                }
            }
        };
        let Ok(first) = timeout(limit, first).await else { return Ok(Vec::new()) };
        let mut found = vec![first?];
        while let Ok((from, told)) = heard.try_recv() {
            if from != own {
                found.push(told);
            }
        }
        Ok(found)
    }

    /// Says goodbye, so that the server does not take the end for an accident.
    pub(crate) async fn close(self) {
        drop(self.client);
        let _ended = self.driver.await;
    }
}
