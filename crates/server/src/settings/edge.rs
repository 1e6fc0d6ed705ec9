//! Where callers connect, and what they may leave here.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Range,
    path::Path,
    time::Duration,
};

use fal_access::Entry;
use fal_tls::Files;
use toml::Spanned;

use super::{app, bad, raw, report::Source};
use crate::{Failure, cli::Serve};

const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const SECURED: u16 = 8443;
const YEARS: f64 = 100.0 * 365.0 * 86_400.0;

/// Where TLS is served, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) listen: SocketAddr,
    /// None where the platform makes its own.
    pub(crate) files: Option<Files>,
}

/// What may be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Objects {
    /// Bytes of one.
    pub(crate) max_object: Option<u64>,
    /// Bytes of all.
    pub(crate) max_total: Option<u64>,
    /// How long they are kept whose caller said nothing.
    pub(crate) expires: Option<Duration>,
}

/// A file, what was typed, and the keys that there are.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) raw: &'a raw::File,
    pub(super) arguments: &'a Serve,
    pub(super) keys: &'a [Entry],
}

impl Given<'_> {
    /// Where plain HTTP is served.
    pub(super) fn listen(self) -> Result<SocketAddr, Failure> {
        let Self { source, raw, arguments, .. } = self;
        let chosen = match (&arguments.listen, &raw.listen) {
            (Some(addr), _) => *addr,
            (None, Some(written)) => address(source, "listen", written)?,
            (None, None) => DEFAULT,
        };
        let span = raw.listen.as_ref().filter(|_| arguments.listen.is_none()).map(Spanned::span);
        self.reachable(chosen, "listen", span)?;
        Ok(chosen)
    }

    /// Where TLS is served, if it is.
    pub(super) fn tls(self, base: &Path, plain: SocketAddr) -> Result<Option<Tls>, Failure> {
        let Self { source, raw, arguments, .. } = self;
        let (written, span) = match &raw.tls {
            Some(tls) => (tls.as_ref().clone(), tls.span()),
            None if arguments.tls => (raw::Tls::default(), 0..0),
            None => return Ok(None),
        };
        let files = match (written.certificate, written.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Files {
                certificate: base.join(certificate.as_ref()),
                key: base.join(key.as_ref()),
            }),
            (Some(_), None) | (None, Some(_)) => {
                let text = "a certificate goes with its key: write both, or neither for one that the platform makes";
                return Err(bad(&source.at(span, "tls", text)));
            }
        };
        let listen = match &written.listen {
            Some(written) => address(source, "tls.listen", written)?,
            None if plain.port() == 0 => SocketAddr::new(plain.ip(), 0),
            None => SocketAddr::new(plain.ip(), SECURED),
        };
        self.reachable(listen, "tls.listen", written.listen.as_ref().map(Spanned::span))?;
        if listen == plain && listen.port() != 0 {
            let text = format!("plain HTTP is served on {plain} already");
            return Err(bad(&source.at(span, "tls.listen", &text)));
        }
        if let Some(files) = &files {
            fal_tls::Identity::read(files.clone()).map_err(|error| {
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                bad(&source.at(span, "tls", &format!("{error}{cause}")))
            })?;
        }
        Ok(Some(Tls { listen, files }))
    }

    //= docs/contract.md#keys
    //# Without keys only loopback MUST be served.
    fn reachable(
        self,
        chosen: SocketAddr,
        key: &str,
        span: Option<Range<usize>>,
    ) -> Result<(), Failure> {
        if chosen.ip().is_loopback() || !self.keys.is_empty() {
            return Ok(());
        }
        let text = format!(
            "{chosen} is not a loopback address, and without keys only loopback is served: add api_keys = [..], `fal-server key NAME` makes one"
        );
        Err(bad(&match span {
            Some(span) => self.source.at(span, key, &text),
            None => format!("{key}: {text}"),
        }))
    }

    /// What callers reach the platform under.
    pub(super) fn public_url(self) -> Result<Option<String>, Failure> {
        let Some(written) = &self.raw.public_url else { return Ok(None) };
        let url = written.as_ref().trim_end_matches('/');
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_host = |rest: &str| {
            !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@".contains(&byte))
        };
        if rest.is_some_and(is_host) {
            return Ok(Some(url.to_owned()));
        }
        let text = format!("`{url}` is not a URL such as https://fal.example.com");
        Err(bad(&self.source.at(written.span(), "public_url", &text)))
    }

    /// What may be uploaded.
    pub(super) fn objects(self) -> Result<Objects, Failure> {
        let Self { source, raw, .. } = self;
        let bytes = |key: &str, written: Option<&Spanned<u64>>| {
            let Some(written) = written else { return Ok(None) };
            raw::within(source, key, written, 1..=1 << 50).map(|found| Some(found as u64))
        };
        let expires = match &raw.objects.expires {
            None => None,
            Some(written) => {
                let seconds = app::seconds(*written.as_ref(), &(1.0..=YEARS));
                let refuse =
                    |text: String| bad(&source.at(written.span(), "objects.expires", &text));
                Some(seconds.map_err(refuse)?)
            }
        };
        Ok(Objects {
            max_object: bytes("objects.max_object", raw.objects.max_object.as_ref())?,
            max_total: bytes("objects.max_total", raw.objects.max_total.as_ref())?,
            expires,
        })
    }
}

fn address(
    source: &Source<'_>,
    key: &str,
    written: &Spanned<String>,
) -> Result<SocketAddr, Failure> {
    let text = written.as_ref();
    text.parse().map_err(|_| {
        let text = format!("`{text}` is not an address with a port, such as 127.0.0.1:8080");
        bad(&source.at(written.span(), key, &text))
    })
}
