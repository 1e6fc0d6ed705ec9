//! Which part of the platform a URL is for.

use http::{HeaderMap, Uri, header};

/// A part of the platform, with the path below it (without its leading slash).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// Direct calls.
    Run(&'a str),
    /// The queue, with what stands before the path in its URLs: nothing where the host said it.
    Queue { path: &'a str, prefix: &'static str },
    /// Everything else, with what has to stand before its path, where the host said it.
    Other(&'static str),
}

/// A prefix wins over the host, so that one listener serves both forms.
pub(crate) fn route<'a>(uri: &'a Uri, headers: &HeaderMap) -> Route<'a> {
    let path = uri.path();
    if let Some(rest) = path.strip_prefix("/run/") {
        return Route::Run(rest);
    }
    if let Some(path) = path.strip_prefix("/queue/") {
        return Route::Queue { path, prefix: "/queue" };
    }
    let host = headers.get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
    let bare = path.strip_prefix('/').unwrap_or(path);
    if host.starts_with(b"queue.") {
        return Route::Queue { path: bare, prefix: "" };
    }
    if host.starts_with(b"fal.") || host.starts_with(b"run.") {
        return Route::Run(bare);
    }
    // A path with its part before it is found under every host, as it stands in URLs that the platform gives.
    if path.starts_with("/rest/") || path.starts_with("/cdn/") {
        return Route::Other("");
    }
    if host.starts_with(b"rest.") {
        return Route::Other("/rest");
    }
    if host.starts_with(b"cdn.") || host.starts_with(b"v3.") {
        return Route::Other("/cdn");
    }
    Route::Other("")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(host: &'static str, uri: &'static str, expected: Route<'_>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        assert_eq!(route(&Uri::from_static(uri), &headers), expected);
    }

    #[test]
    fn prefix_and_host_both_name_the_part() {
        check("127.0.0.1:80", "/run/a/b/c?x=1", Route::Run("a/b/c"));
        check("127.0.0.1:80", "/queue/a/b", Route::Queue { path: "a/b", prefix: "/queue" });
        check("queue.fal.test", "/a/b", Route::Queue { path: "a/b", prefix: "" });
        check("fal.test", "/a/b", Route::Run("a/b"));
        check("run.test", "/a/b", Route::Run("a/b"));
        check("localhost", "/a/b", Route::Other(""));
        check("localhost", "/healthz", Route::Other(""));
        check("rest.test", "/tokens/", Route::Other("/rest"));
        check("rest.test", "/rest/tokens/", Route::Other(""));
        check("rest.test", "/cdn/files/a/b", Route::Other(""));
        check("cdn.test:80", "/files/upload", Route::Other("/cdn"));
        check("v3.test", "/files/upload", Route::Other("/cdn"));
    }
}
