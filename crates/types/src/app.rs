//! The name of an app: `owner/alias`, with an optional namespace in front.

use std::{fmt, str::FromStr, sync::Arc};

/// Names an app: `owner/alias`, or `workflows/owner/alias` and `comfy/owner/alias`.
///
/// Cheap to clone. The legacy form `1234-alias` reads as `1234/alias`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId {
    text: Arc<str>,
    /// Where the alias begins in `text`; the byte before it is the slash.
    alias: usize,
    /// Where the owner begins in `text`: 0, or after the namespace.
    owner: usize,
}

/// Why a text is no app id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppIdError {
    /// There is an owner but no alias, or neither.
    #[error("an app id is `owner/alias`, and `{0}` has no alias")]
    NoAlias(String),
    /// A part is empty or holds a character that no name may hold.
    #[error(
        "both parts of an app id are 1 to 128 letters, digits, `-`, `_` or `.`, and those of `{0}` are not"
    )]
    BadPart(String),
    /// More segments than an id has.
    #[error("an app id is `owner/alias`, and `{0}` goes on after the alias")]
    TooLong(String),
}

const NAMESPACES: [&str; 2] = ["workflows", "comfy"];
const LONGEST_PART: usize = 128;

impl AppId {
    /// The account that the app belongs to.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.text.get(self.owner..self.alias.saturating_sub(1)).unwrap_or_default()
    }

    /// The app's own name within its owner's.
    #[must_use]
    pub fn alias(&self) -> &str {
        self.text.get(self.alias..).unwrap_or_default()
    }

    /// The whole id as it stands in URLs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Splits a URL path (without its leading slash) into the app it names and the rest, which is empty or
    /// begins with a slash.
    ///
    /// # Errors
    /// When the path does not begin with an app id.
    pub fn split_path(path: &str) -> Result<(Self, &str), AppIdError> {
        let first = path.split('/').next().unwrap_or_default();
        let legacy = !path.contains('/') && first.contains('-');
        let wanted = if NAMESPACES.contains(&first) { 3 } else { 2 };
        let end = if legacy { path.len() } else { nth_slash(path, wanted) };
        let (id, rest) = path.split_at(end);
        Ok((id.parse()?, rest))
    }
}

/// The position of the `n`th slash, or the end.
fn nth_slash(path: &str, n: usize) -> usize {
    path.match_indices('/').nth(n - 1).map_or(path.len(), |(at, _)| at)
}

impl FromStr for AppId {
    type Err = AppIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let (false, Some((owner, alias))) = (text.contains('/'), text.split_once('-')) {
            return Self::from_str(&format!("{owner}/{alias}"));
        }
        let owner = NAMESPACES
            .iter()
            .find(|space| text.strip_prefix(**space).is_some_and(|rest| rest.starts_with('/')))
            .map_or(0, |space| space.len() + 1);
        let tail = text.get(owner..).unwrap_or_default();
        let Some((name, alias)) = tail.split_once('/') else {
            return Err(AppIdError::NoAlias(text.to_owned()));
        };
        if alias.contains('/') {
            return Err(AppIdError::TooLong(text.to_owned()));
        }
        if !is_part(name) || !is_part(alias) {
            return Err(AppIdError::BadPart(text.to_owned()));
        }
        Ok(Self { text: text.into(), alias: owner + name.len() + 1, owner })
    }
}

fn is_part(part: &str) -> bool {
    (1..=LONGEST_PART).contains(&part.len())
        && !part.bytes().all(|byte| byte == b'.')
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppId({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: (&str, &str, &str)) {
        let (app, rest) = AppId::split_path(path).unwrap();
        assert_eq!((app.owner(), app.alias(), rest), expected, "{path}");
    }

    #[track_caller]
    fn refuse(path: &str, expected: &AppIdError) {
        assert_eq!(AppId::split_path(path).as_ref().map_err(Clone::clone), Err(expected.clone()));
    }

    #[test]
    fn a_path_splits_into_app_and_rest() {
        check("acme/sketch", ("acme", "sketch", ""));
        check("acme/sketch/", ("acme", "sketch", "/"));
        check("acme/sketch/v2/run", ("acme", "sketch", "/v2/run"));
        check("workflows/acme/flow/x", ("acme", "flow", "/x"));
        check("comfy/acme/flow", ("acme", "flow", ""));
        check("1234-sketch", ("1234", "sketch", ""));
        check("acme/sketch--staging", ("acme", "sketch--staging", ""));
    }

    #[test]
    fn a_path_without_an_app_says_what_is_missing() {
        refuse("acme", &AppIdError::NoAlias("acme".into()));
        refuse("", &AppIdError::NoAlias(String::new()));
        refuse("acme/", &AppIdError::BadPart("acme/".into()));
        refuse("../etc", &AppIdError::BadPart("../etc".into()));
        refuse("a b/c", &AppIdError::BadPart("a b/c".into()));
    }

    #[test]
    fn an_id_that_goes_on_is_refused_where_only_an_id_may_stand() {
        assert_eq!("a/b/c".parse::<AppId>(), Err(AppIdError::TooLong("a/b/c".into())));
    }
}
