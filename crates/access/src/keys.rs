//! Keys, of which only the hashes are held.

use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use subtle::ConstantTimeEq;

use crate::load::{Gauge, Load};

/// What a hash begins with where a key is written hashed.
const HASHED: &str = "sha256=";
/// Keys that are easily guessed are refused.
const SHORTEST: usize = 8;
const LONGEST: usize = 512;

/// A key as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    name: Arc<str>,
    hash: Hash,
    /// How much its holders may do at once.
    pub load: Load,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Hash([u8; 32]);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(..)")
    }
}

/// Why a text is no key, or a set of keys is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Fewer than 8 bytes.
    #[error("a key has at least {SHORTEST} characters")]
    TooShort,
    /// More than 512 bytes, or bytes that no header can carry.
    #[error("a key is at most {LONGEST} visible ASCII characters")]
    Unusable,
    /// What follows `sha256=` is no hash.
    #[error("a hashed key is `NAME:{HASHED}` and 64 hexadecimal digits")]
    NoHash,
    /// Two keys have the same name, so that nobody could tell their callers apart.
    #[error("two keys are named `{0}`")]
    SameName(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl Entry {
    /// Reads `id:secret`, an opaque key, or `id:sha256=HEX`, which says the hash of the whole of `id:secret`.
    ///
    /// # Errors
    /// When the text cannot be a key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if !(1..=LONGEST).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(KeyError::Unusable);
        }
        if let Some((name, hash)) = text.split_once(':').filter(|(_, it)| it.starts_with(HASHED)) {
            let hash = hash.strip_prefix(HASHED).and_then(unhex).ok_or(KeyError::NoHash)?;
            return Ok(Self { name: name.into(), hash: Hash(hash), load: Load::default() });
        }
        if text.len() < SHORTEST {
            return Err(KeyError::TooShort);
        }
        let hash = Hash::of(text.as_bytes());
        let name = match text.split_once(':') {
            Some((name, _)) if !name.is_empty() => name.into(),
            // An opaque key has no part that may be shown.
            Some(_) | None => format!("key-{}", hex(hash.0.get(..4).unwrap_or_default())).into(),
        };
        Ok(Self { name, hash, load: Load::default() })
    }

    /// What its callers are called: the part before the colon, or the beginning of its hash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A key that was made just now.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What callers send. It is held nowhere.
    pub key: String,
    /// What the configuration has instead.
    pub hashed: String,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("hashed", &self.hashed).finish_non_exhaustive()
    }
}

impl NewKey {
    /// A key of 256 random bits under this name.
    ///
    /// # Errors
    /// When the name cannot be part of a key, or the system gives no random numbers.
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_name) {
            return Err(KeyError::Unusable);
        }
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| KeyError::NoRandomness)?;
        let key = format!("{name}:{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
        let hashed = format!("{name}:{HASHED}{}", hex(&Hash::of(key.as_bytes()).0));
        Ok(Self { key, hashed })
    }
}

/// The keys of a platform.
#[derive(Debug, Default)]
pub struct Keys {
    all: Vec<Known>,
}

/// A key and what its holders do now.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) entry: Entry,
    pub(crate) gauge: Arc<Gauge>,
}

impl Keys {
    /// These keys.
    ///
    /// # Errors
    /// When two have the same name.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Result<Self, KeyError> {
        let mut all: Vec<Known> = Vec::new();
        for entry in entries {
            if all.iter().any(|known| known.entry.name == entry.name) {
                return Err(KeyError::SameName(entry.name.to_string()));
            }
            let gauge = Arc::new(Gauge::new(entry.load));
            all.push(Known { entry, gauge });
        }
        Ok(Self { all })
    }

    /// Whether there is none, so that nobody has to prove anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    //= docs/contract.md#keys
    //# Only hashes of keys MUST be held, and they MUST be compared in constant time.
    /// The key that this is. Looks at every one, whichever it is.
    pub(crate) fn find(&self, text: &[u8]) -> Option<&Known> {
        let hash = Hash::of(text);
        let mut found = None;
        for known in &self.all {
            if bool::from(known.entry.hash.0.ct_eq(&hash.0)) {
                found = Some(known);
            }
        }
        found
    }
}

impl Hash {
    fn of(text: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text).as_ref());
        Self(hash)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    for byte in bytes {
        // Writing to a string never fails.
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, KeyError>) {
        let found = Entry::parse(text).map(|entry| entry.name().to_owned());
        assert_eq!(found, expected.map(str::to_owned));
    }

    #[test]
    fn a_key_is_named_by_what_may_be_shown_of_it() {
        check("ops:a-secret", Ok("ops"));
        check("an-opaque-key", Ok("key-51a24391"));
        check(":secret-only", Ok("key-e59014e6"));
        check("short", Err(KeyError::TooShort));
        check("with space in it", Err(KeyError::Unusable));
        check("", Err(KeyError::Unusable));
        check("ops:sha256=12", Err(KeyError::NoHash));
        check(&"x".repeat(513), Err(KeyError::Unusable));
    }

    //= docs/contract.md#keys
    //= type=test
    //# Only hashes of keys MUST be held, and they MUST be compared in constant time.
    #[test]
    fn a_key_is_known_by_its_hash() {
        let made = NewKey::generate("ops").unwrap();
        let keys = [Entry::parse(&made.hashed).unwrap(), Entry::parse("b:long-enough").unwrap()];
        let keys = Keys::new(keys).unwrap();
        assert!(!format!("{keys:?} {made:?}").contains(made.key.split_once(':').unwrap().1));
        assert!(!format!("{keys:?}").contains("long-enough"));
        let find = |text: &str| keys.find(text.as_bytes()).map(|known| known.entry.name());
        assert_eq!(find(&made.key), Some("ops"));
        assert_eq!(find("b:long-enough"), Some("b"));
        assert_eq!(find(&made.hashed), None);
        assert_eq!(find("b:long-enougH"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn two_keys_of_one_name_are_refused() {
        let twice = ["a:1-secret", "a:2-secret"].map(|text| Entry::parse(text).unwrap());
        assert_eq!(Keys::new(twice).unwrap_err(), KeyError::SameName("a".to_owned()));
    }

    #[test]
    fn new_keys_differ_and_have_sound_names() {
        assert_ne!(NewKey::generate("a").unwrap(), NewKey::generate("a").unwrap());
        for bad in ["", "a:b", "a b", &"x".repeat(65)] {
            assert_eq!(NewKey::generate(bad).unwrap_err(), KeyError::Unusable);
        }
    }
}
