//! `fal-server env`: what a shell needs so that fal's own clients come here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::anyhow;

use super::{Noted, Platform, Signer, data_dir, say};
use crate::{Failure, cli::Env, edge::AUTHORITY};

/// What callers send where nobody asks for a key. fal's clients refuse to start without one.
pub(crate) const ANY_KEY: &str = "local:local";

//= docs/contract.md#env
//# `fal-server env` MUST print exports with which fal's Python client, unmodified, calls this platform over TLS.
pub(crate) fn env(arguments: &Env) -> Result<(), Failure> {
    let dir = data_dir(&arguments.found)?;
    let Platform { noted } = Platform::on(&dir)?;
    let Some(secured) = noted.secured else {
        let text = "this platform serves plain HTTP only, and fal's clients want TLS where the environment names the host: start it with --tls";
        return Err(anyhow!(text).into());
    };
    let authority = dir.join(AUTHORITY).join(fal_tls::authority::CERTIFICATE);
    // A certificate of somebody else's is trusted or not, and nothing of ours makes a difference.
    let is_own = noted.signer == Signer::Own;
    let authority = authority.canonicalize().ok().filter(|_| is_own);
    let authority = authority.map(|path| path.display().to_string());
    say(lines(&noted, secured, authority.as_deref()))
}

fn lines(noted: &Noted, secured: SocketAddr, authority: Option<&str>) -> Vec<String> {
    let host = reachable(secured);
    let mut lines = vec![
        format!("export FAL_RUN_HOST={host}/run"),
        format!("export FAL_QUEUE_RUN_HOST={host}/queue"),
    ];
    lines.extend(authority.map(|path| format!("export SSL_CERT_FILE={}", quoted(path))));
    lines.push(if noted.key.is_empty() {
        format!("export FAL_KEY={ANY_KEY}")
    } else {
        "# export FAL_KEY=...   one of the keys of this platform; `fal-server key NAME` makes one"
            .to_owned()
    });
    lines
}

/// The same for a shell, whatever stands in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// An address that can be called.
pub(crate) fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_can_read_it() {
        let addr: SocketAddr = "0.0.0.0:8443".parse().unwrap();
        let noted = Noted { addr, key: String::new(), secured: Some(addr), signer: Signer::Own };
        assert_eq!(
            lines(&noted, addr, Some("/it's/ca.pem")),
            [
                "export FAL_RUN_HOST=127.0.0.1:8443/run",
                "export FAL_QUEUE_RUN_HOST=127.0.0.1:8443/queue",
                r"export SSL_CERT_FILE='/it'\''s/ca.pem'",
                "export FAL_KEY=local:local",
            ]
        );
        let noted = Noted { key: "tools:secret".to_owned(), ..noted };
        let lines = lines(&noted, addr, None);
        assert_eq!(lines.len(), 3);
        assert!(!lines.concat().contains("secret"));
    }
}
