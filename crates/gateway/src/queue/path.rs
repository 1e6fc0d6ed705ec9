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
    fn logs_are_wanted_in_both_spellings() {
        assert_eq!(logs(Some("logs=1")), Logs::Wanted);
        assert_eq!(logs(Some("x=y&logs=true")), Logs::Wanted);
        for query in [Some("logs=0"), Some("logs=false"), Some("log=1"), None] {
            assert_eq!(logs(query), Logs::LeftOut);
        }
    }
}
