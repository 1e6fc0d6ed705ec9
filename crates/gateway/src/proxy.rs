//! `/api/fal/proxy`: requests that name the host of fal they are for in a header.

use http::{HeaderMap, HeaderName, Uri};

pub(crate) const PATH: &str = "/api/fal/proxy";
const TARGET: HeaderName = HeaderName::from_static("x-fal-target-url");

/// Which part of the platform stands for which of fal's hosts.
const HOSTS: [(&str, &str); 8] = [
    ("fal.run", "/run"),
    ("falrun.com", "/run"),
    ("queue.fal.run", "/queue"),
    ("queue.falrun.com", "/queue"),
    ("rest.fal.ai", "/rest"),
    ("rest.alpha.fal.ai", "/rest"),
    ("v3.fal.media", "/cdn"),
    ("fal.media", "/cdn"),
];

//= docs/contract.md#proxy
//# A request for `/api/fal/proxy` MUST be treated as one for the URL in its `x-fal-target-url`, and get 400 `Invalid request` where that is missing or not of fal's hosts.
/// Where such a request goes; none where that is nowhere.
pub(crate) fn target(headers: &HeaderMap) -> Option<Uri> {
    let url: Uri = headers.get(TARGET)?.to_str().ok()?.parse().ok()?;
    // A host alone is no URL.
    url.scheme()?;
    let host = url.host()?;
    let (_, prefix) = HOSTS.iter().find(|(name, _)| *name == host)?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    [prefix, path].concat().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(url: &'static str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(TARGET, HeaderValue::from_static(url));
        assert_eq!(target(&headers).map(|uri| uri.to_string()).as_deref(), expected);
    }

    //= docs/contract.md#proxy
    //= type=test
    //# A request for `/api/fal/proxy` MUST be treated as one for the URL in its `x-fal-target-url`, and get 400 `Invalid request` where that is missing or not of fal's hosts.
    #[test]
    fn fals_hosts_have_their_parts_here() {
        check("https://fal.run/a/b?x=1", Some("/run/a/b?x=1"));
        check("https://queue.fal.run/a/b/requests/1/status", Some("/queue/a/b/requests/1/status"));
        check("https://rest.fal.ai/storage/upload/initiate", Some("/rest/storage/upload/initiate"));
        check("https://v3.fal.media/files/upload", Some("/cdn/files/upload"));
        check("https://fal.run", Some("/run/"));
        for bad in ["https://fal.run.evil.test/a/b", "https://127.0.0.1/a", "/a/b", "", "fal.run"] {
            check(bad, None);
        }
        assert_eq!(target(&HeaderMap::new()), None);
    }
}
