//! What came of one delivery.

use std::{
    error::Error,
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use fal_types::Status;
use tokio_rustls::rustls;

/// What came of one delivery, and with it what becomes of the webhook.
///
/// ```
/// use fal_types::Status;
/// use fal_webhook::{Answer, Failure, Reply};
///
/// let reply = Reply { status: Status::new(404), excerpt: "no such hook".to_owned() };
/// let answer = Answer::Failed(Failure::Status(reply));
/// assert_eq!(answer.to_string(), "the target answered 404");
/// assert_eq!(answer.reply().map(|reply| reply.excerpt.as_str()), Some("no such hook"));
/// ```
#[derive(Debug)]
pub enum Answer {
    /// It has arrived.
    Delivered(Reply),
    /// It will never arrive: trying again would end the same.
    Refused(Refusal),
    /// It has not arrived, and is to be sent again.
    Failed(Failure),
}

/// What the target answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: Status,
    /// The beginning of the body, at most 4 KiB of it and as far as it came in time, for people who look for the
    /// reason. What is not UTF-8 is replaced.
    pub excerpt: String,
}

/// Why a webhook will never arrive.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The target points elsewhere, and only the submitter says where a webhook goes.
    #[error("the target answered {}, and redirects are not followed: submit the URL that it leads to", .0.status)]
    Redirect(Reply),
    /// The host is in a private network.
    #[error(
        "{host} is at the private address {address}: give a public host, or set webhook_allow_private = true"
    )]
    Private {
        /// The host, as the URL has it.
        host: String,
        /// One of its addresses, all of which are private.
        address: IpAddr,
    },
}

/// Why a webhook did not arrive this time.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The target took too long.
    #[error("the target did not answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The name leads nowhere.
    #[error("the name {host} cannot be resolved: {error}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        error: io::Error,
    },
    /// No connection.
    #[error("connecting to {address} failed: {}", words(error))]
    Unconnected {
        /// The address that was tried last.
        address: SocketAddr,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// This machine trusts nobody, so no `https` target can show who it is.
    #[error(
        "this machine has no root certificates: install ca-certificates, or set SSL_CERT_FILE, and restart"
    )]
    NoRoots,
    /// A connection, and nobody trustworthy at its other end.
    #[error("TLS with {host} failed: {}", words(error))]
    Tls {
        /// The host, as the URL has it.
        host: String,
        /// What TLS said.
        #[source]
        error: io::Error,
    },
    /// The connection broke before an answer, or the answer is not HTTP.
    #[error("the exchange broke off: {}", chain(.0))]
    Broken(#[source] hyper::Error),
    /// An answer that is neither success nor a redirect.
    #[error("the target answered {}", .0.status)]
    Status(Reply),
}

impl Answer {
    /// What the target answered, if it did.
    #[must_use]
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Delivered(reply)
            | Self::Refused(Refusal::Redirect(reply))
            | Self::Failed(Failure::Status(reply)) => Some(reply),
            Self::Refused(Refusal::Private { .. })
            | Self::Failed(
                Failure::TimedOut(_)
                | Failure::Unresolved { .. }
                | Failure::Unconnected { .. }
                | Failure::NoRoots
                | Failure::Tls { .. }
                | Failure::Broken(_),
            ) => None,
        }
    }
}

impl fmt::Display for Answer {
    /// One short line for the delivery's log, without tabs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Delivered(reply) => format!("the target answered {}", reply.status),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Failed(failure) => failure.to_string(),
        };
        // What other libraries say may have several lines.
        f.write_str(&text.replace(char::is_control, " "))
    }
}

/// The kinds that are everyday, in plain words; the others as the system words them.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds are open-ended")]
fn words(error: &io::Error) -> String {
    let plain = match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            "the connection was reset"
        }
        io::ErrorKind::UnexpectedEof => "the connection was closed",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way from here to there"
        }
        io::ErrorKind::TimedOut => "nobody answered",
        _ => return told(error),
    };
    plain.to_owned()
}

/// Errors of TLS travel inside those of the system.
fn told(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(reason)) => {
            format!("its certificate is not accepted ({reason})")
        }
        Some(other) => other.to_string(),
        None => error.to_string(),
    }
}

/// hyper keeps the reason in the error's source.
fn chain(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
