//! Where a webhook goes, checked as soon as it is submitted.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::{
    HeaderValue, Uri,
    uri::{Authority, InvalidUri, PathAndQuery},
};
use tokio_rustls::rustls::pki_types::DnsName;

use crate::Private;

/// The longest URL of a target, in bytes.
const MOST: usize = 2048;

/// The URL of a webhook.
///
/// ```
/// use fal_webhook::{Private, Target, TargetError};
///
/// let target = Target::parse("https://Example.com:443/hook?id=7#top", Private::Refused)?;
/// assert_eq!(target.url(), "https://example.com/hook?id=7");
///
/// let refused = Target::parse("http://127.0.0.1:8000/hook", Private::Refused).unwrap_err();
/// assert!(refused.to_string().contains("webhook_allow_private"));
/// assert!(Target::parse("http://127.0.0.1:8000/hook", Private::Allowed).is_ok());
/// # Ok::<(), TargetError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Target {
    url: String,
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) path: PathAndQuery,
    /// The value of the header `Host`: with the port only where it is not the scheme's own.
    pub(crate) authority: HeaderValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// In lower case and without a dot at its end.
    Name(DnsName<'static>),
    Address(IpAddr),
}

/// Why a webhook cannot go to a URL.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is too long.
    #[error("a webhook URL has at most {MOST} bytes, and this one has {0}: shorten it")]
    TooLong(usize),
    /// It has characters that a URL has in another form only.
    #[error(
        "a webhook URL is ASCII: write other characters percent-encoded, and a host name in its xn-- form"
    )]
    NotAscii,
    /// It is not a URL.
    #[error("this webhook URL cannot be read ({0}): write it like https://example.com/hook")]
    Malformed(#[from] InvalidUri),
    /// It is not the web's.
    #[error(
        "a webhook URL starts with https:// or http://: write it like https://example.com/hook"
    )]
    Scheme,
    /// It says who sends.
    #[error(
        "a webhook URL has no user or password before its host: verify the webhook's signature instead"
    )]
    Credentials,
    /// Nothing can be reached under this name.
    #[error(
        "`{0}` is neither a host name nor an address: write a name like example.com, or an address like 203.0.113.7 or [2001:db8::7]"
    )]
    Host(String),
    /// Nothing can be reached at this port.
    #[error("`{0}` is not a port: give a number from 1 to 65535, or none")]
    Port(String),
    /// It leads into the platform's own network.
    #[error(
        "`{0}` is private, and webhooks go to public hosts only: give a public one, or set webhook_allow_private = true"
    )]
    Private(String),
}

impl Target {
    /// Reads a URL. The fragment is left out, since no server would see it.
    ///
    /// A name is not resolved here: what it leads to is checked at each delivery.
    ///
    /// # Errors
    ///
    /// Nothing could or may be sent to this URL.
    pub fn parse(url: &str, private: Private) -> Result<Self, TargetError> {
        if url.len() > MOST {
            return Err(TargetError::TooLong(url.len()));
        }
        if !url.is_ascii() {
            return Err(TargetError::NotAscii);
        }
        let uri: Uri = url.split_once('#').map_or(url, |(whole, _)| whole).parse()?;
        let scheme = Scheme::of(&uri).ok_or(TargetError::Scheme)?;
        let authority = uri.authority().ok_or_else(|| TargetError::Host(String::new()))?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials);
        }
        let host = Host::parse(authority.host())
            .ok_or_else(|| TargetError::Host(authority.host().to_owned()))?;
        let port = port(authority, scheme)?;
        if !host.is_admitted(private) {
            return Err(TargetError::Private(host.to_string()));
        }
        Self::assemble(&uri, scheme, host, port)
    }

    fn assemble(uri: &Uri, scheme: Scheme, host: Host, port: u16) -> Result<Self, TargetError> {
        let authority =
            if port == scheme.port() { host.to_string() } else { format!("{host}:{port}") };
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{}{query}", uri.path());
        Ok(Self {
            url: format!("{}://{authority}{path}", scheme.name()),
            scheme,
            port,
            path: path.parse()?,
            authority: HeaderValue::try_from(authority)
                .map_err(|_| TargetError::Host(host.to_string()))?,
            host,
        })
    }

    /// The URL in its plain form, which can be kept and read again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Scheme {
    fn of(uri: &Uri) -> Option<Self> {
        match uri.scheme_str()? {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

fn port(authority: &Authority, scheme: Scheme) -> Result<u16, TargetError> {
    let text = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    match text.strip_prefix(':').unwrap_or_default() {
        "" => Ok(scheme.port()),
        digits => match digits.parse() {
            Ok(port) if port != 0 && !digits.starts_with('+') => Ok(port),
            Ok(_) | Err(_) => Err(TargetError::Port(digits.to_owned())),
        },
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.is_empty() || is_number(last) {
            return None;
        }
        DnsName::try_from(name).ok().map(Self::Name)
    }

    fn is_admitted(&self, private: Private) -> bool {
        match self {
            Self::Name(name) => private.admits_name(name.as_ref()),
            Self::Address(address) => private.admits(*address),
        }
    }
}

/// The system's resolver reads what ends in a number as an address, such as `127.1`, `0x7f000001` and `2130706433`.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x");
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl fmt::Display for Host {
    /// As it stands in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_ref()),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests;
