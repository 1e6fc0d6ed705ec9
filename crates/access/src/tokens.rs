//! Rights for minutes, signed so that nobody has to remember them.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use fal_types::AppId;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// The only head there is. A token with another one is refused, so that no token says how it is to be checked.
const HEAD: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const ISSUER: &str = "fal-rs";
/// Longer texts are not looked at.
const LONGEST: usize = 8 * 1024;

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// Calls of these apps: `alias`, `owner/alias`, or `owner/alias/path`.
    Apps(Vec<String>),
    /// Making new objects.
    Store,
    /// Writing this one object.
    Put(String),
}

/// Why a token allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is no token of this platform.
    #[error("the token is not one of this platform")]
    Foreign,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// What signs and reads tokens: compact JSON Web Tokens with HS256.
///
/// ```
/// use fal_access::{Right, TokenError, Tokens};
///
/// let tokens = Tokens::new(b"a secret that nodes share");
/// let token = tokens.mint(&Right::Store, 1_790_000_120);
/// assert_eq!(tokens.read(&token, 1_790_000_000), Ok(Right::Store));
/// assert_eq!(tokens.read(&token, 1_790_000_120), Err(TokenError::Expired));
/// ```
pub struct Tokens {
    key: hmac::Key,
    head: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    put: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    store: bool,
}

impl Tokens {
    /// Tokens of whoever has this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self { key, head: BASE64_URL_SAFE_NO_PAD.encode(HEAD) }
    }

    /// A token that allows this until `expires_secs`, in seconds since the Unix epoch.
    #[must_use]
    pub fn mint(&self, right: &Right, expires_secs: u64) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            exp: expires_secs,
            apps: match right {
                Right::Apps(apps) => Some(apps.clone()),
                Right::Store | Right::Put(_) => None,
            },
            put: match right {
                Right::Put(what) => Some(what.clone()),
                Right::Store | Right::Apps(_) => None,
            },
            store: matches!(right, Right::Store),
        };
        // A struct of strings and numbers always serializes.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", self.head, BASE64_URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    //= docs/contract.md#tokens
    //# A token MUST allow nothing once it has expired, and nothing that it does not name.
    /// What a token allows at `now_secs`, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// When it is not a token of this secret, or has expired.
    pub fn read(&self, token: &str, now_secs: u64) -> Result<Right, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Foreign);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Foreign)?;
        let (head, claims) = signed.split_once('.').ok_or(TokenError::Foreign)?;
        let signature = decode(signature)?;
        if head != self.head || hmac::verify(&self.key, signed.as_bytes(), &signature).is_err() {
            return Err(TokenError::Foreign);
        }
        let claims: Claims =
            serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Foreign)?;
        if claims.exp <= now_secs {
            return Err(TokenError::Expired);
        }
        match claims {
            Claims { apps: Some(apps), put: None, store: false, .. } => Ok(Right::Apps(apps)),
            Claims { apps: None, put: Some(what), store: false, .. } => Ok(Right::Put(what)),
            Claims { apps: None, put: None, store: true, .. } => Ok(Right::Store),
            Claims { .. } => Err(TokenError::Foreign),
        }
    }
}

impl Right {
    /// Whether it allows to call this path (empty, or with a leading slash) of the app.
    pub(crate) fn allows(&self, app: &AppId, path: &str) -> bool {
        let Self::Apps(apps) = self else { return false };
        apps.iter().any(|allowed| names(allowed.trim_matches('/'), app, path))
    }
}

fn names(allowed: &str, app: &AppId, path: &str) -> bool {
    if allowed == app.alias() {
        return true;
    }
    let Some(below) = allowed.strip_prefix(app.as_str()) else { return false };
    let path = path.strip_prefix('/').unwrap_or(path);
    // Some servers read such a path as another one.
    let is_plain = path.split('/').all(|part| !part.starts_with('.') && !part.contains('%'));
    match below.strip_prefix('/') {
        None => below.is_empty(),
        Some(below) => {
            let rest = path.strip_prefix(below).filter(|_| is_plain);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, TokenError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Foreign)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    #[test]
    fn a_token_says_what_it_was_made_for() {
        let tokens = Tokens::new(b"secret");
        let rights = [
            Right::Apps(vec!["hello".to_owned(), "demo/lab/realtime".to_owned()]),
            Right::Store,
            Right::Put("0123".to_owned()),
        ];
        for right in rights {
            assert_eq!(tokens.read(&tokens.mint(&right, NOW + 1), NOW), Ok(right));
        }
    }

    //= docs/contract.md#tokens
    //= type=test
    //# A token MUST allow nothing once it has expired, and nothing that it does not name.
    #[test]
    fn what_is_changed_old_or_foreign_allows_nothing() {
        let tokens = Tokens::new(b"secret");
        let token = tokens.mint(&Right::Store, NOW);
        assert_eq!(tokens.read(&token, NOW), Err(TokenError::Expired));
        let token = tokens.mint(&Right::Store, NOW + 1);
        assert_eq!(Tokens::new(b"other").read(&token, NOW), Err(TokenError::Foreign));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens.read(&changed, NOW), Err(TokenError::Foreign), "{at}");
        }
        let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let claims = token.split('.').nth(1).unwrap();
        for bad in ["", ".", "..", "a.b.c", &format!("{unsigned}.{claims}."), &"x".repeat(9_000)] {
            assert_eq!(tokens.read(bad, NOW), Err(TokenError::Foreign), "{bad}");
        }
    }

    fn allows(allowed: &str, path: &str) -> bool {
        let app = "demo/lab".parse().unwrap();
        Right::Apps(vec![allowed.to_owned()]).allows(&app, path)
    }

    #[test]
    fn an_app_is_named_by_alias_or_whole_with_or_without_a_path() {
        assert!(allows("lab", "/realtime"));
        assert!(allows("demo/lab", ""));
        assert!(allows("demo/lab", "/any/path"));
        assert!(allows("demo/lab/realtime", "/realtime"));
        assert!(allows("demo/lab/realtime/", "/realtime/more"));
        assert!(!allows("demo/lab/realtime", "/realtimes"));
        assert!(!allows("demo/lab/realtime", "/realtime/../admin"));
        assert!(!allows("demo/lab/realtime", "/realtime/%2e%2e/admin"));
        assert!(!allows("demo/lab/realtime", "/"));
        assert!(!allows("demo/laboratory", ""));
        assert!(!allows("other/lab", ""));
        assert!(!allows("", ""));
        assert!(!allows("la", ""));
    }

    #[test]
    fn a_right_to_store_calls_nothing() {
        let app = "demo/lab".parse().unwrap();
        assert!(!Right::Store.allows(&app, ""));
        assert!(!Right::Put("lab".to_owned()).allows(&app, ""));
    }
}
