//! The tables, and how an older database is brought up to them.
//!
//! Everything lies in one schema, which is created where it is missing. The steps from nothing to the present tables lie
//! beside this file; a step that was ever released stays as it is.

use fal_queue::store::Error;

use crate::{
    error::{Failure, Result},
    session::Session,
};

const MIGRATIONS: [&str; 1] = [include_str!("schema/1.sql")];

/// The schema that this program writes.
pub(crate) const KNOWN: u32 = 1;

/// One program at a time looks and changes. The lock ends with the transaction.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext(current_setting('search_path')), 1)";

/// Whether the schema is there, how many tables it has, and whether one of them is the one that says its version.
const FOUND: &str = "
    SELECT to_regnamespace(quote_ident($1)) IS NOT NULL,
        (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relkind IN ('r', 'p')),
        EXISTS (SELECT FROM pg_class
            WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname = 'fal_version')";

/// Brings the schema up to what this program knows; refuses one that is not ours or too new for us, without writing to it.
pub(crate) async fn migrate(session: &Session, name: &str) -> Result<()> {
    session.send("BEGIN").await?;
    session.look(LOCK, &[]).await?;
    let row = session.look(FOUND, &[&name]).await?.into_iter().next();
    let row = row.ok_or_else(|| Failure::corrupt("the server does not say what there is"))?;
    let (is_there, tables, is_ours) =
        (row.try_get::<_, bool>(0)?, row.try_get::<_, i64>(1)?, row.try_get::<_, bool>(2)?);
    if tables > 0 && !is_ours {
        let text = format!("the schema {name} has the tables of another program");
        return Err(Failure::corrupt(text));
    }
    if !is_there {
        session.send(&format!("CREATE SCHEMA \"{name}\"")).await?;
    }
    let found = if is_ours { version(session).await? } else { 0 };
    if found > KNOWN {
        return Err(Failure::Failed(Error::NewerSchema { found, known: KNOWN }));
    }
    if found == 0 {
        session.send("CREATE TABLE fal_version (version integer NOT NULL)").await?;
        session.send("INSERT INTO fal_version VALUES (0)").await?;
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        session.send(step).await?;
    }
    if found < KNOWN {
        session.send(&format!("UPDATE fal_version SET version = {KNOWN}")).await?;
    }
    session.send("COMMIT").await
}

async fn version(session: &Session) -> Result<u32> {
    let rows = session.look("SELECT version FROM fal_version", &[]).await?;
    let [row] = rows.as_slice() else {
        return Err(Failure::corrupt("the schema does not say its version once"));
    };
    let version = row.try_get::<_, i32>(0)?;
    u32::try_from(version)
        .map_err(|_| Failure::corrupt(format!("the schema's version is {version}")))
}
