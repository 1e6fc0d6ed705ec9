//! What a caller says of an object: in headers, and in the body where there is one.

use std::time::Duration;

use fal_objects::{About, Access};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::Value;

use crate::problem::{Problem, Result};

/// The header of uploads, then the one of calls, which clients send as well.
const PREFERENCES: [&str; 2] = ["x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"];

const BINARY: &str = "application/octet-stream";

/// What the headers of an upload say of it.
pub(crate) fn from_headers(headers: &HeaderMap) -> Result<About> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let name = headers.get("x-fal-file-name").map(text);
    let content_type = headers.get(header::CONTENT_TYPE).map(text);
    about(headers, (name, content_type))
}

/// What a caller says of an object that has this name and content type.
pub(crate) fn about(
    headers: &HeaderMap,
    (name, content_type): (Option<String>, Option<String>),
) -> Result<About> {
    let content_type = content_type.filter(|text| !text.trim().is_empty());
    let content_type = content_type.as_deref().unwrap_or(BINARY);
    let name = name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| named(content_type));
    let mut about = About::new(&name, content_type)?;
    let found = PREFERENCES.iter().find_map(|name| headers.get(*name));
    if let Some(value) = found {
        let preference = read(value.as_bytes())?;
        about.lifetime = preference.lifetime()?;
        about.access = preference.access()?;
    }
    Ok(about)
}

/// A name for what has none, which ends in what it is.
fn named(content_type: &str) -> String {
    let kind = content_type.split([';', '+']).next().unwrap_or_default().trim();
    let ending = kind.split_once('/').map(|(_, ending)| ending).filter(|ending| {
        *ending != "octet-stream"
            && ending.len() <= 8
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    format!("file.{}", ending.unwrap_or("bin"))
}

#[derive(Debug, Deserialize)]
struct Preference {
    expiration_duration_seconds: Option<Value>,
    initial_acl: Option<Acl>,
}

#[derive(Debug, Deserialize)]
struct Acl {
    default: Option<String>,
}

fn read(text: &[u8]) -> Result<Preference> {
    serde_json::from_slice(text).map_err(|error| {
        Problem::bad(format!("The object lifecycle preference cannot be read: {error}"))
    })
}

impl Preference {
    //= docs/contract.md#object-expiry
    //# `expiration_duration_seconds` of `X-Fal-Object-Lifecycle` or `X-Fal-Object-Lifecycle-Preference` MUST say how long an object is kept; without it, or with 0, `objects.expires` says so, and without that it is kept.
    fn lifetime(&self) -> Result<Option<Duration>> {
        let seconds = match &self.expiration_duration_seconds {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let lifetime = lifetime.ok_or_else(|| {
            Problem::bad("expiration_duration_seconds must be a number of seconds from 0 on")
        })?;
        Ok(Some(lifetime).filter(|lifetime| !lifetime.is_zero()))
    }

    /// Rules for users mean nobody here, as the platform knows none.
    fn access(&self) -> Result<Access> {
        let word = self.initial_acl.as_ref().and_then(|acl| acl.default.as_deref());
        match word {
            None | Some("allow") => Ok(Access::Allow),
            Some("forbid") => Ok(Access::Forbid),
            Some("hide") => Ok(Access::Hide),
            Some(other) => Err(Problem::bad(format!(
                "initial_acl.default must be allow, forbid or hide, and is `{other}`"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> Result<About> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        from_headers(&headers)
    }

    #[track_caller]
    fn check(text: &str, seconds: Option<u64>) {
        for name in PREFERENCES {
            let about = with(name, text).unwrap();
            assert_eq!(about.lifetime, seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_preference_says_how_long() {
        check(r#"{"expiration_duration_seconds": 3600}"#, Some(3600));
        check(r#"{"expiration_duration_seconds": "3600"}"#, Some(3600));
        check(r#"{"expiration_duration_seconds": 60.0, "other": [1]}"#, Some(60));
        check(r#"{"expiration_duration_seconds": 0}"#, None);
        check(r#"{"expiration_duration_seconds": null}"#, None);
        check("{}", None);
    }

    #[test]
    fn a_preference_says_who() {
        let header = PREFERENCES[0];
        let access = |text| with(header, text).unwrap().access;
        assert_eq!(access(r#"{"initial_acl": {"default": "hide"}}"#), Access::Hide);
        assert_eq!(
            access(r#"{"initial_acl": {"default": "forbid", "rules": []}}"#),
            Access::Forbid
        );
        assert_eq!(access(r#"{"initial_acl": {"default": "allow"}}"#), Access::Allow);
        assert_eq!(access(r#"{"initial_acl": {"rules": [{"user": "a"}]}}"#), Access::Allow);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for bad in [
            "",
            "3600",
            "{",
            r#"{"expiration_duration_seconds": -1}"#,
            r#"{"expiration_duration_seconds": 1e300}"#,
            r#"{"expiration_duration_seconds": "soon"}"#,
            r#"{"expiration_duration_seconds": true}"#,
            r#"{"initial_acl": {"default": "everybody"}}"#,
            r#"{"initial_acl": "hide"}"#,
        ] {
            assert!(with(PREFERENCES[0], bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_has_no_name_gets_one() {
        assert_eq!(named("image/png"), "file.png");
        assert_eq!(named("text/html; charset=utf-8"), "file.html");
        assert_eq!(named("image/svg+xml"), "file.svg");
        assert_eq!(named(BINARY), "file.bin");
        assert_eq!(named("application/vnd.ms-excel"), "file.bin");
        assert_eq!(named("nonsense"), "file.bin");
        assert_eq!(with("content-type", "image/png").unwrap().name(), "file.png");
        assert_eq!(with("x-fal-file-name", " ").unwrap().name(), "file.bin");
        assert_eq!(with("x-fal-file-name", "a b.txt").unwrap().name(), "a b.txt");
    }
}
