//! What a browser may do here where no key is asked for, for whose pages.
//!
//! Every page that somebody on this machine visits can send requests to loopback. Without keys, only the names that a
//! request is for and the site that its page comes from tell it from one that is meant.

/// Ends of names that nobody can register, and of those that are fal's own: no page of a stranger's is found there.
const SAFE: [&str; 12] = [
    "localhost",
    "test",
    "local",
    "internal",
    "lan",
    "home.arpa",
    "example",
    "invalid",
    "fal.run",
    "falrun.com",
    "fal.ai",
    "fal.media",
];

//= docs/contract.md#own-names
//# Without keys, a request MUST get 421 whose `Host` is a name that a stranger could have registered.
/// Whether a `Host` is a name of this machine, or at least none that a stranger can make lead here. `public_url` is what
/// the platform is configured to be reached under.
#[must_use]
pub fn is_own_name(host: &str, public_url: Option<&str>) -> bool {
    let name = name(host);
    let public = public_url.and_then(|url| url.split_once("://"));
    let public = public.map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    let is_address = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    let ends = |end: &str| {
        let rest = name.len().checked_sub(end.len()).and_then(|at| name.split_at_checked(at));
        rest.is_some_and(|(before, last)| {
            last.eq_ignore_ascii_case(end) && (before.is_empty() || before.ends_with('.'))
        })
    };
    is_address
        || !name.contains('.')
        || SAFE.into_iter().any(ends)
        || public.is_some_and(|public| self::name(public).eq_ignore_ascii_case(name))
}

//= docs/contract.md#own-pages
//# Without keys, requests of pages of other sites MUST get 403, but for those of this machine.
/// Whether a page of this `Origin` is of this machine, or of the site that the request is for.
#[must_use]
pub fn is_own_page(origin: &str, host: Option<&str>) -> bool {
    let Some((_, from)) = origin.split_once("://") else { return false };
    let name = name(from);
    host == Some(from)
        || matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        || name.ends_with(".localhost")
}

/// What stands before the port.
fn name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(_) => host.split_inclusive(']').next().unwrap_or(host),
        None => host.split(':').next().unwrap_or(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= docs/contract.md#own-names
    //= type=test
    //# Without keys, a request MUST get 421 whose `Host` is a name that a stranger could have registered.
    #[test]
    fn names_that_strangers_can_register_are_not_our_own() {
        for own in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "localhost",
            "LocalHost:1",
            "queue.localhost:8080",
            "fal.test",
            "queue.fal.run",
            "workstation:8080",
            "",
        ] {
            assert!(is_own_name(own, None), "{own}");
        }
        for strange in [
            "evil.com:8080",
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "evilfal.run",
            "a.notlocalhost",
        ] {
            assert!(!is_own_name(strange, None), "{strange}");
        }
        assert!(is_own_name("fal.acme.com:443", Some("https://fal.acme.com/x")));
        assert!(!is_own_name("acme.com", Some("https://fal.acme.com")));
    }

    //= docs/contract.md#own-pages
    //= type=test
    //# Without keys, requests of pages of other sites MUST get 403, but for those of this machine.
    #[test]
    fn a_page_of_this_machine_or_this_site_is_our_own() {
        let here = |origin: &str| is_own_page(origin, Some("fal.test:8080"));
        for own in [
            "http://localhost:3000",
            "http://localhost",
            "https://127.0.0.1:5173",
            "http://[::1]:3000",
            "http://app.localhost:3000",
            "https://fal.test:8080",
        ] {
            assert!(here(own), "{own}");
        }
        for foreign in [
            "https://fal.test",
            "https://evil.test",
            "https://localhost.evil.test",
            "http://127.0.0.1.evil.test",
            "null",
            "",
        ] {
            assert!(!here(foreign), "{foreign}");
        }
    }
}
