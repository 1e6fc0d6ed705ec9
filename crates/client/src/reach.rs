//! Which addresses a fetch may lead to.

use std::{
    error::Error as StdError,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

/// Whether a [fetch](crate::Client::fetch) may lead into networks that are nobody else's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To addresses that everybody can reach, and to no others: not to this machine, its network, or what clouds keep
    /// at link-local addresses. For URLs that strangers have given.
    Public,
    /// To any address.
    Anywhere,
}

/// A host that has no address which may be reached.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it has no public address")]
pub(crate) struct OutOfReach;

/// The system's resolver, which gives those addresses only that may be reached. Connections are made to what it gives
/// and to nothing else, so a name cannot mean something else a moment later.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    system: GaiResolver,
    reach: Reach,
}

impl Reach {
    //= docs/contract.md#file-input
    //# Unless `FAL_APP_ALLOW_PRIVATE_FILES=1` is set, a file MUST NOT be fetched from a private, loopback, link-local, shared, reserved, unspecified or multicast address, whatever name or redirect leads there.
    fn admits(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Anywhere, _) => true,
            (Self::Public, IpAddr::V4(address)) => is_public_v4(address),
            (Self::Public, IpAddr::V6(address)) => is_public_v6(address),
        }
    }

    /// Whether the host of a URL may be reached, as far as that can be seen without a resolver: addresses are connected
    /// to without one.
    pub(crate) fn admits_host(self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.parse().map_or(true, |address| self.admits(address))
    }
}

/// Every network that is not the internet's, with what is reserved.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = match address.octets() {
        // This network, loopback, and what is reserved, multicast and broadcast included.
        [0 | 127 | 224.., ..]
        // Shared by a carrier's customers; link-local, where clouds have their metadata.
        | [100, 64..=127, ..] | [169, 254, ..]
        // Protocol assignments, examples, and measurements.
        | [192, 0, 0 | 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        _ => address.is_private(),
    };
    !is_special
}

/// What is given out for the internet begins with `2` or `3`; of that, what leads to an address in the old form is as
/// public as that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let old = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => old(high, low),
        // Protocol assignments, Teredo among them, and examples.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

impl Names {
    pub(crate) fn new(reach: Reach) -> Self {
        Self { system: GaiResolver::new(), reach }
    }
}

type Resolving = Pin<Box<dyn Future<Output = io::Result<vec::IntoIter<SocketAddr>>> + Send>>;

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Resolving;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Resolving {
        let (found, reach) = (self.system.call(name), self.reach);
        Box::pin(async move {
            let found: Vec<_> = found.await?.collect();
            let is_known = !found.is_empty();
            let admitted: Vec<_> =
                found.into_iter().filter(|address| reach.admits(address.ip())).collect();
            if is_known && admitted.is_empty() {
                return Err(io::Error::other(OutOfReach));
            }
            Ok(admitted.into_iter())
        })
    }
}

/// Whether it was the reach that ended a connection. An I/O error hides what it was made of from its sources, so it is
/// looked into.
pub(crate) fn is_out_of_reach(error: &(dyn StdError + 'static)) -> bool {
    if error.is::<OutOfReach>() {
        return true;
    }
    let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inside.is_some_and(|error| is_out_of_reach(error))
        || error.source().is_some_and(is_out_of_reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an address is public, by itself and as the host of a URL.
    #[track_caller]
    fn check(address: &str, expected: &str) {
        let address: IpAddr = address.parse().unwrap();
        let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        let uri: Uri = format!("http://{host}:80/x").parse().unwrap();
        for is_admitted in [Reach::Public.admits(address), Reach::Public.admits_host(&uri)] {
            assert_eq!(if is_admitted { "public" } else { "private" }, expected, "{uri}");
        }
        assert!(Reach::Anywhere.admits(address) && Reach::Anywhere.admits_host(&uri));
    }

    //= docs/contract.md#file-input
    //= type=test
    //# Unless `FAL_APP_ALLOW_PRIVATE_FILES=1` is set, a file MUST NOT be fetched from a private, loopback, link-local, shared, reserved, unspecified or multicast address, whatever name or redirect leads there.
    #[test]
    fn what_is_not_the_internet_is_out_of_reach() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            check(address, "private");
        }
        for address in [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            check(address, "private");
        }
    }

    #[test]
    fn the_internet_is_within_reach() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "2001:200::1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            check(address, "public");
        }
    }

    #[test]
    fn names_are_left_to_the_resolver() {
        for host in ["localhost", "127.1", "0x7f000001", "2130706433", "example.com"] {
            let uri: Uri = format!("http://{host}/").parse().unwrap();
            assert!(Reach::Public.admits_host(&uri), "{host}");
        }
    }

    #[tokio::test]
    async fn the_resolver_gives_what_may_be_reached_only() {
        for host in ["localhost", "127.1", "0x7f000001", "2130706433"] {
            let name = || host.parse::<Name>().unwrap();
            let refused = Names::new(Reach::Public).call(name()).await.unwrap_err();
            assert!(is_out_of_reach(&refused), "{host}: {refused}");
            let mut found = Names::new(Reach::Anywhere).call(name()).await.unwrap();
            assert!(found.any(|address| address.ip().is_loopback()), "{host}");
        }
    }
}
