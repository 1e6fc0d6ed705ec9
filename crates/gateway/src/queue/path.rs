//! Reading what follows the app in a queue URL.

use fal_types::RequestId;

/// What a queue URL is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// A new request.
    Submit,
    /// A request that was submitted.
    Request(RequestId, Ask),
    /// Something after `/requests/` that is no id.
    NoRequest(&'a str),
}

/// What is asked about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Status,
    Events,
    Result,
    Cancel,
}

/// The last `/requests/` decides, because some clients keep the endpoint's path before it.
pub(crate) fn place(tail: &str) -> Place<'_> {
    let Some((_, rest)) = tail.rsplit_once("/requests/") else { return Place::Submit };
    let rest = rest.trim_end_matches('/');
    let (id, ask) = rest.split_once('/').unwrap_or((rest, ""));
    let ask = match ask {
        "" | "response" => Ask::Result,
        "status" => Ask::Status,
        "status/stream" => Ask::Events,
        "cancel" => Ask::Cancel,
        _ => return Place::NoRequest(rest),
    };
    id.parse().map_or(Place::NoRequest(id), |id| Place::Request(id, ask))
}

/// Whether a status comes with the runner's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logs {
    Wanted,
    LeftOut,
}

/// Clients write `logs` as `1` and as `true`.
pub(crate) fn logs(query: Option<&str>) -> Logs {
    let is_yes = |(name, value): (&str, &str)| name == "logs" && matches!(value, "1" | "true");
    if parameters(query).any(is_yes) { Logs::Wanted } else { Logs::LeftOut }
}

/// The parts of a query, as they are written.
pub(crate) fn parameters(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// What a part of a query stands for; none where it is no text. A `+` stands for a space there.
pub(crate) fn unescape(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190d1a2-0000-7000-8000-0000000000ff";

    #[track_caller]
    fn check(tail: &str, expected: Ask) {
        assert_eq!(place(tail), Place::Request(ID.parse().unwrap(), expected), "{tail}");
    }

    #[test]
    fn every_form_of_url_is_understood() {
        check(&format!("/requests/{ID}"), Ask::Result);
        check(&format!("/requests/{ID}/"), Ask::Result);
        check(&format!("/requests/{ID}/response"), Ask::Result);
        check(&format!("/requests/{ID}/status"), Ask::Status);
        check(&format!("/requests/{ID}/status/"), Ask::Status);
        check(&format!("/requests/{ID}/status/stream"), Ask::Events);
        check(&format!("/requests/{ID}/cancel"), Ask::Cancel);
        check(&format!("/v2/turbo/requests/{ID}/status"), Ask::Status);
        check(&format!("/requests/requests/{ID}"), Ask::Result);
    }

    #[test]
    fn the_rest_is_a_submit_or_no_request() {
        assert_eq!(place(""), Place::Submit);
        assert_eq!(place("/"), Place::Submit);
        assert_eq!(place("/v2/turbo"), Place::Submit);
        assert_eq!(place("/requests/7"), Place::NoRequest("7"));
        assert!(matches!(place(&format!("/requests/{ID}/else")), Place::NoRequest(_)));
    }

    #[test]
    fn parts_of_a_query_are_unescaped() {
        let escaped = "https%3A%2F%2Fa.test%2Fx%3Fa%3D1%262+%c3%a9";
        assert_eq!(unescape(escaped).as_deref(), Some("https://a.test/x?a=1&2 \u{e9}"));
        for bad in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    #[test]
    fn logs_are_wanted_in_both_spellings() {
        assert_eq!(logs(Some("logs=1")), Logs::Wanted);
        assert_eq!(logs(Some("x=y&logs=true")), Logs::Wanted);
        for query in [Some("logs=0"), Some("logs=false"), Some("log=1"), None] {
            assert_eq!(logs(query), Logs::LeftOut);
        }
    }
}
