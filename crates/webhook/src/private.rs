//! Which addresses and names are nobody else's business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether webhooks may go to private addresses, such as those of the platform's own machine and network.
///
/// Whoever may submit a request chooses where its webhook goes, so that without this anybody could make the platform
/// post to services that trust their network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    /// They are refused, as `webhook_allow_private = false` says.
    Refused,
    /// They are as good as any other, as `webhook_allow_private = true` says.
    Allowed,
}

impl Private {
    /// Whether a webhook may go to this address.
    pub(crate) fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Allowed => true,
            Self::Refused => match address {
                IpAddr::V4(address) => is_public_v4(address),
                IpAddr::V6(address) => is_public_v6(address),
            },
        }
    }

    /// Whether a webhook may go to this name, given in lower case, as far as the name alone can tell.
    pub(crate) fn admits_name(self, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or_default();
        self == Self::Allowed || !["localhost", "local", "internal"].contains(&last)
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_private = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        // "This network", of which 0.0.0.0 reaches the machine itself.
        || a == 0
        // Carrier-grade NAT, in which clouds place their internal services.
        || (a == 100 && b & 0b1100_0000 == 64)
        // Protocol assignments and measurements between networks.
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0b1111_1110 == 18)
        // Reserved, with the broadcast address at its end.
        || a >= 240;
    !is_private
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Translated to IPv4 on its way: as public as what it is translated to.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // IPv4 in disguise, as mapped or compatible addresses, with `::` and `::1` among them. Nobody gives a public
        // address in this form.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => false,
        // Translation within one's own network, and Teredo, which hides where it leads.
        [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] => false,
        // Site-local: deprecated, and still routed here and there.
        [first, ..] if first & 0xffc0 == 0xfec0 => false,
        _ => {
            !address.is_unique_local()
                && !address.is_unicast_link_local()
                && !address.is_multicast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused() {
        for text in [
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
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2001::1",
            "2002:a00:1::",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            let address = text.parse().unwrap();
            assert!(!Private::Refused.admits(address), "{text}");
            assert!(Private::Allowed.admits(address), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_admitted() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(Private::Refused.admits(text.parse().unwrap()), "{text}");
        }
    }
}
