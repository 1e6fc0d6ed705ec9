//! Where a store is, and what its URL may say.

use std::{fmt, time::Duration};

use fal_queue::{Keep, store::Error};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

/// The schema that everything lies in, where the URL names none.
const SCHEMA: &str = "fal";

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long what was sent may stay unconfirmed, and a silent connection unprobed, before it counts as lost.
const SILENCE: Duration = Duration::from_secs(10);

/// Where and how a store is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// The database: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with the parameters of PostgreSQL's own library.
    /// `options=-csearch_path%3DNAME` names another schema than `fal`.
    pub url: String,
    /// How long results are kept.
    pub keep: Keep,
    /// Whose clock says when something happens.
    pub time: Time,
    /// Which standbys are good enough.
    pub standbys: Standbys,
    /// How long a commit or a question waits for a server that cannot be reached, before it fails. Those behind it do not
    /// wait until there is a connection again.
    pub patience: Duration,
}

/// Whose clock says when something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Time {
    /// The server's, so that the clocks of those who share the store do not matter. The moments that operations carry are
    /// shifted by as much as the caller's clock differs from it.
    #[default]
    Server,
    /// The caller's. For tests, and for one process alone.
    Given,
}

/// Which standbys are good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Standbys {
    /// Where there is any, a commit must have reached one: otherwise a failover loses what was acknowledged.
    #[default]
    Synchronous,
    /// Any. A failover may lose what was acknowledged last.
    Any,
}

impl Options {
    /// The database at `url`, with results kept for the usual time.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            keep: Keep::default(),
            time: Time::default(),
            standbys: Standbys::default(),
            patience: Duration::from_secs(3),
        }
    }
}

impl fmt::Debug for Options {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = Place::read(&self.url).map(|place| place.to_string()).unwrap_or_default();
        f.debug_struct("Options")
            .field("url", &place)
            .field("keep", &self.keep)
            .field("time", &self.time)
            .field("standbys", &self.standbys)
            .field("patience", &self.patience)
            .finish()
    }
}

/// What a URL comes to.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) config: Config,
    pub(crate) schema: String,
}

impl Place {
    /// Reads a URL, and refuses what this version cannot do.
    pub(crate) fn read(url: &str) -> Result<Self, Error> {
        let refused = |what: &str| Err(Error::Misuse(format!("the database's URL {what}")));
        if ["sslmode=verify-ca", "sslmode=verify-full"].iter().any(|mode| url.contains(mode)) {
            return refused(NO_TLS);
        }
        let Ok(mut config) = url.parse::<Config>() else {
            return refused("is not of the form postgresql://USER@HOST/DATABASE");
        };
        if config.get_ssl_mode() == SslMode::Require {
            return refused(NO_TLS);
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return refused("names no host");
        }
        let schema = match config.get_options().map(search_path) {
            None => SCHEMA.to_owned(),
            Some(Some(schema)) => schema,
            Some(None) => return refused("has options other than -csearch_path=NAME"),
        };
        config.ssl_mode(SslMode::Disable).options("").application_name("fal-rs");
        config.keepalives_idle(SILENCE).keepalives_interval(SILENCE / 3).keepalives_retries(3);
        config.tcp_user_timeout(SILENCE);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        // Of several hosts, the one that is written to at the moment.
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self { config, schema })
    }
}

/// Said of every mode that asks for encryption.
const NO_TLS: &str = "asks for TLS, which this version does not speak: use sslmode=disable over a network that is \
                      trusted, a socket, or a tunnel";

/// The schema that options of the server name, where they say nothing else.
fn search_path(options: &str) -> Option<String> {
    let mut words = options.split_whitespace();
    let value = match (words.next()?, words.next(), words.next()) {
        ("-c", Some(setting), None) => setting,
        (joined, None, None) => joined.strip_prefix("-c")?,
        _ => return None,
    };
    let name = value.strip_prefix("search_path=")?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.len() < 64 && name.chars().all(is_plain)).then(|| name.to_owned())
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

impl fmt::Display for Place {
    /// Names the database without saying a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(path) => write!(f, "{comma}{}:{port}", path.display())?,
            }
        }
        write!(f, "/{} schema {}", self.config.get_dbname().unwrap_or_default(), self.schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        let found =
            Place::read(url).map_or_else(|error| error.to_string(), |place| place.to_string());
        assert!(found.contains(expected), "{url}: {found}");
    }

    #[test]
    fn urls_name_a_database_and_a_schema() {
        check("postgresql://me:secret@db.example/queue", "db.example:5432/queue schema fal");
        check("postgresql://me@a:1,b:2/queue", "a:1,b:2/queue schema fal");
        check("postgresql://me@/queue?host=/run/pg&port=7", "/run/pg:7/queue schema fal");
        check("postgresql://a/q?options=-csearch_path%3Dother", "/q schema other");
        check(
            "postgresql://a/q?options=-c%20search_path%3Dother_2&sslmode=prefer",
            "schema other_2",
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        for mode in ["require", "verify-ca", "verify-full"] {
            check(&format!("postgresql://a/q?sslmode={mode}"), "TLS");
        }
        check("postgresql:///q", "names no host");
        check("http://a/q", "is not of the form");
        check("postgresql://a/q?options=-cwork_mem%3D1", "other than -csearch_path");
        check("postgresql://a/q?options=-csearch_path%3Da%2Cb", "other than -csearch_path");
    }

    #[test]
    fn a_password_is_never_shown() {
        let options = Options::new("postgresql://me:secret@db.example/queue");
        let shown = format!("{options:?}");
        assert!(shown.contains("db.example") && !shown.contains("secret"), "{shown}");
    }
}
