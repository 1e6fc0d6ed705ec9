//! Where the platform is, and which app of it is meant.

use http::{Uri, uri::Scheme};

use crate::{client::SetupError, error::BadCall};

/// What every URL begins with.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) run: Place,
    pub(crate) queue: Place,
    pub(crate) rest: Place,
}

/// A URL that others begin with, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(String);

impl Place {
    pub(crate) fn parse(text: &str) -> Result<Self, SetupError> {
        let bad = || SetupError::BadUrl(without_user(text));
        let uri = whole(text.trim()).map_err(|_no_url| bad())?;
        if uri.query().is_some() {
            return Err(bad());
        }
        Ok(Self(text.trim().trim_end_matches('/').to_owned()))
    }

    /// The URL of a path, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, BadCall> {
        format!("{}{path}", self.0).parse().map_err(|_no_url| BadCall::Url(path.to_owned()))
    }
}

/// A URL with all that is needed to ask it, and without a user, whose password would be sent and shown.
pub(crate) fn whole(text: &str) -> Result<Uri, BadCall> {
    let bad = || BadCall::Url(without_user(text));
    let uri: Uri = text.parse().map_err(|_no_url| bad())?;
    let is_http = [Scheme::HTTP, Scheme::HTTPS].iter().any(|known| uri.scheme() == Some(known));
    let has_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if is_http && has_host { Ok(uri) } else { Err(bad()) }
}

fn without_user(text: &str) -> String {
    text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, rest)| format!("...@{rest}"))
}

/// An app as callers name it: `owner/alias`, perhaps with a path behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppId {
    /// All of it.
    full: String,
    /// Without the path, which the URLs of requests leave out.
    app: String,
}

/// Names that stand before an owner.
const NAMESPACES: [&str; 2] = ["workflows", "comfy"];

impl AppId {
    pub(crate) fn parse(text: &str) -> Result<Self, BadCall> {
        let bad = || BadCall::App(text.to_owned());
        let full = text.trim_matches('/');
        let full =
            if full.contains('/') { full.to_owned() } else { old_form(full).ok_or_else(bad)? };
        let parts: Vec<_> = full.split('/').collect();
        let is_namespace = parts.first().is_some_and(|first| NAMESPACES.contains(first));
        let length = if is_namespace { 3 } else { 2 };
        let app = parts.get(..length).ok_or_else(bad)?.join("/");
        if parts.iter().all(|part| is_segment(part)) { Ok(Self { full, app }) } else { Err(bad()) }
    }

    /// Its path on the host of direct calls and submits, with this one behind it.
    pub(crate) fn path(&self, below: Option<&str>) -> String {
        let below = below.map(|below| below.trim_start_matches('/')).unwrap_or_default();
        let slash = if below.is_empty() { "" } else { "/" };
        format!("/{}{slash}{below}", self.full)
    }

    /// `owner/alias`, with its namespace.
    pub(crate) fn app(&self) -> &str {
        &self.app
    }
}

/// `1234-alias` stands for `1234/alias`.
fn old_form(text: &str) -> Option<String> {
    let (owner, alias) = text.split_once('-')?;
    let is_number = !owner.is_empty() && owner.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !alias.is_empty()).then(|| format!("{owner}/{alias}"))
}

/// Characters that stand for themselves in a URL, and nothing that leads out of the app.
fn is_segment(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@:+".contains(&byte);
    !matches!(part, "" | "." | "..") && part.bytes().all(is_plain)
}

/// A part of a query as it is written in a URL.
pub(crate) fn escape(part: &str) -> String {
    let mut escaped = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// The path with more of a query.
pub(crate) fn with_query(mut path: String, parts: &[(&str, String)]) -> String {
    for (name, value) in parts {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&format!("{}={}", escape(name), escape(value)));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, full: &str, app: &str) {
        let id = AppId::parse(text).unwrap();
        assert_eq!((id.path(None).as_str(), id.app()), (full, app), "{text}");
    }

    #[test]
    fn an_app_is_named_as_fals_clients_name_it() {
        check("demo/lab", "/demo/lab", "demo/lab");
        check("demo/lab--dev/v2/turbo", "/demo/lab--dev/v2/turbo", "demo/lab--dev");
        check("workflows/demo/lab", "/workflows/demo/lab", "workflows/demo/lab");
        check("comfy/demo/lab/x", "/comfy/demo/lab/x", "comfy/demo/lab");
        check("1234-my-app", "/1234/my-app", "1234/my-app");
        for bad in [
            "",
            "lab",
            "/",
            "demo/",
            "a//b",
            "my-app",
            "demo/../x",
            "demo/a b",
            "a/b?x",
            "1-",
            "workflows/a",
        ] {
            assert!(matches!(AppId::parse(bad), Err(BadCall::App(_))), "{bad}");
        }
    }

    #[test]
    fn a_path_is_put_behind_an_app() {
        let id = AppId::parse("demo/lab/v1").unwrap();
        assert_eq!(id.path(Some("/v2")), "/demo/lab/v1/v2");
        assert_eq!(id.path(Some("v2/turbo?x=1")), "/demo/lab/v1/v2/turbo?x=1");
        assert_eq!(id.path(Some("/")), "/demo/lab/v1");
    }

    #[test]
    fn a_place_is_a_url_of_a_host() {
        let place = Place::parse("http://127.0.0.1:8080/x/").unwrap();
        assert_eq!(place.join("/a/b").unwrap(), "http://127.0.0.1:8080/x/a/b");
        for bad in [
            "",
            "127.0.0.1:80",
            "ftp://a.test",
            "http://",
            "/run",
            "http://a.test?x",
            "http://u:p@a.test",
        ] {
            assert!(matches!(Place::parse(bad), Err(SetupError::BadUrl(_))), "{bad}");
        }
    }

    #[test]
    fn a_query_is_escaped() {
        let url = "https://a.test/x?a=1&b=\u{e9} +";
        let path = with_query("/a?x=1".to_owned(), &[("fal_webhook", url.to_owned())]);
        assert_eq!(path, "/a?x=1&fal_webhook=https%3A%2F%2Fa.test%2Fx%3Fa%3D1%26b%3D%C3%A9%20%2B");
    }
}
