//! Where files may come from, and where they go.

use std::{net::IpAddr, time::Duration};

use fal_client::{Client, SetupError, Upload};
use http::Uri;

/// How long a download may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whether files may be fetched from addresses that not everybody can reach: this machine, its network, and what
/// clouds keep at link-local addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    /// They may not. Whoever calls an app chooses its files' URLs, and could otherwise read with its eyes.
    Refused,
    /// They may, as `FAL_APP_ALLOW_PRIVATE_FILES=1` says.
    Allowed,
}

/// Where files may come from, and where they go.
#[derive(Debug, Clone)]
#[must_use = "`Files::new` takes them"]
pub struct Options {
    pub(super) private: Private,
    pub(super) platform: Option<Platform>,
    pub(super) patience: Duration,
}

/// A platform that stores files. Its key is not shown.
#[derive(Clone)]
#[must_use = "`Options::platform` takes it"]
pub struct Platform {
    url: String,
    key: Option<String>,
    aliases: Vec<String>,
}

impl Default for Options {
    /// No private addresses, no platform, and ten minutes for a download.
    fn default() -> Self {
        Self { private: Private::Refused, platform: None, patience: PATIENCE }
    }
}

impl Options {
    /// As the environment says: `FAL_APP_ALLOW_PRIVATE_FILES=1`, and what a platform of this project tells its runners,
    /// `FAL_SERVER_URL`, `FAL_SERVER_ALIASES` and `FAL_KEY`.
    pub fn from_env() -> Self {
        Self::from_variables(variable)
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is_allowed =
            set("FAL_APP_ALLOW_PRIVATE_FILES").is_some_and(|value| value.trim() == "1");
        let private = if is_allowed { Private::Allowed } else { Private::Refused };
        let aliases = set("FAL_SERVER_ALIASES").unwrap_or_default();
        let platform = set("FAL_SERVER_URL").map(|url| Platform {
            url: tidy(&url),
            key: set("FAL_KEY"),
            aliases: aliases.split_whitespace().map(tidy).collect(),
        });
        Self { private, platform, ..Self::default() }
    }

    /// Whether files may be fetched from private addresses; [`Refused`](Private::Refused) by default.
    pub const fn private(mut self, private: Private) -> Self {
        self.private = private;
        self
    }

    /// The platform that stores what is published. What lies there may be fetched whatever its address.
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = Some(platform);
        self
    }

    /// How long a download may take from its beginning to its end; ten minutes by default.
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    pub(super) fn client(&self) -> Result<Client, SetupError> {
        let Some(platform) = &self.platform else { return Client::builder().build() };
        let builder = Client::builder().base(&platform.url);
        match &platform.key {
            Some(key) => builder.key(key).build(),
            None => builder.build(),
        }
    }
}

impl Platform {
    /// A platform of this project at this URL, `http://127.0.0.1:8080`.
    pub fn at(url: &str) -> Self {
        Self { url: tidy(url), key: None, aliases: Vec::new() }
    }

    /// The key that it wants, where it wants one.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Another URL under which callers know it. What they have stored is then fetched from the first.
    pub fn alias(mut self, url: &str) -> Self {
        self.aliases.push(tidy(url));
        self
    }

    /// What the URLs of its files begin with.
    pub(super) fn store(&self) -> String {
        format!("{}/cdn/", self.url)
    }

    /// An upload whose bytes go the same way as its request.
    pub(super) fn reached(&self, upload: Upload) -> Upload {
        self.aliases.iter().fold(upload, |upload, alias| upload.reached_at(alias, &self.url))
    }

    /// The URL of a file of its store, as it is reached from here; none for any other.
    pub(super) fn own(&self, url: &str) -> Option<String> {
        let mut names = std::iter::once(&self.url).chain(&self.aliases);
        names.find_map(|name| {
            let path = below(url, name)?;
            Some(format!("{}{path}", self.url))
        })
    }
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform")
            .field("url", &self.url)
            .field("has_key", &self.key.is_some())
            .field("aliases", &self.aliases)
            .finish()
    }
}

/// Path and query of a stored file's URL behind this name of the store. This machine has several names for itself.
fn below(url: &str, name: &str) -> Option<String> {
    let (url, name): (Uri, Uri) = (url.parse().ok()?, name.parse().ok()?);
    let (host, own) = (url.host()?, name.host()?);
    let is_host = host.eq_ignore_ascii_case(own) || (is_loopback(host) && is_loopback(own));
    let is_origin = is_host && url.scheme() == name.scheme() && port(&url) == port(&name);
    let has_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !is_origin || has_user {
        return None;
    }
    let path = url.path_and_query()?.as_str();
    let path = path.strip_prefix(name.path().trim_end_matches('/'))?;
    path.starts_with("/cdn/").then(|| path.to_owned())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn port(uri: &Uri) -> u16 {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(usual)
}

fn tidy(url: &str) -> String {
    url.trim().trim_end_matches('/').to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the platform tells its runners is in the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Options {
        Options::from_variables(|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_where_the_platform_is() {
        let options = read(&[]);
        assert_eq!(options.private, Private::Refused);
        assert!(options.platform.is_none());
        let url = ("FAL_SERVER_URL", "http://127.0.0.1:9/");
        let aliases = ("FAL_SERVER_ALIASES", "https://127.0.0.1:10 https://fal.test/");
        let platform = read(&[url, ("FAL_KEY", "id:secret"), aliases]).platform.unwrap();
        assert_eq!(platform.url, "http://127.0.0.1:9");
        assert_eq!(platform.aliases, ["https://127.0.0.1:10", "https://fal.test"]);
        let shown = format!("{platform:?}");
        assert!(shown.contains("has_key: true") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn private_addresses_are_allowed_by_one_word() {
        for (word, private) in [
            ("1", Private::Allowed),
            ("0", Private::Refused),
            ("true", Private::Refused),
            ("", Private::Refused),
        ] {
            assert_eq!(read(&[("FAL_APP_ALLOW_PRIVATE_FILES", word)]).private, private, "{word}");
        }
    }

    #[test]
    fn a_stored_file_is_reached_by_the_shortest_way() {
        let platform = Platform::at("http://127.0.0.1:9")
            .alias("https://fal.test/x")
            .alias("https://[::1]:10");
        let own = Some("http://127.0.0.1:9/cdn/files/7/x?y");
        for (url, wanted) in [
            ("http://127.0.0.1:9/cdn/files/7/x?y", own),
            ("http://localhost:9/cdn/files/7/x?y", own),
            ("http://[::1]:9/cdn/files/7/x?y", own),
            ("https://FAL.test:443/x/cdn/files/7/x?y", own),
            ("https://localhost:10/cdn/files/7/x?y", own),
            ("http://127.0.0.1:8/cdn/files/7/x", None),
            ("https://127.0.0.1:9/cdn/files/7/x", None),
            ("http://127.0.0.1:9/api/runners", None),
            ("http://127.0.0.1:9/cdn", None),
            ("http://fal.test/x/cdn/files/7/x", None),
            ("https://fal.test/cdn/files/7/x", None),
            ("http://10.0.0.1:9/cdn/files/7/x", None),
            ("http://u@127.0.0.1:9/cdn/files/7/x", None),
            ("x", None),
        ] {
            assert_eq!(platform.own(url).as_deref(), wanted, "{url}");
        }
    }
}
