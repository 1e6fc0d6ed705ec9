//! What an uploader says of an object.

use std::time::Duration;

use crate::Error;

/// The longest name that is kept, and the longest content type that is taken, in bytes.
const LONGEST: usize = 255;

/// The longest name in a URL, in bytes.
const LONGEST_SAFE: usize = 100;

/// The longest ending of a name that survives the name's being cut, in bytes.
const LONGEST_ENDING: usize = 16;

/// Who may read an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Whoever knows its id.
    #[default]
    Allow,
    /// Only who may store objects; others are told that they may not.
    Forbid,
    /// Only who may store objects; others are told that there is none.
    Hide,
}

/// What an uploader says of an object before its bytes come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    name: String,
    content_type: String,
    /// How long the object is kept; none leaves that to the store.
    pub lifetime: Option<Duration>,
    /// Who may read it.
    pub access: Access,
}

impl About {
    /// An object with this name and content type, kept for as long as the store keeps its objects, for everybody.
    ///
    /// The name may be anything: it is cut to 255 bytes and loses its control characters.
    ///
    /// # Errors
    /// [`Error::ContentType`] where that is empty, longer than 255 bytes, or has what a header cannot carry.
    pub fn new(name: &str, content_type: &str) -> Result<Self, Error> {
        let content_type = content_type.trim();
        // Browsers take what stands behind a comma for another type, and the last one counts.
        let is_plain = content_type.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b',');
        if content_type.is_empty() || content_type.len() > LONGEST || !is_plain {
            return Err(Error::ContentType);
        }
        let name: String = name.chars().filter(|char| !char.is_control()).collect();
        let name = cut(name.trim(), LONGEST).to_owned();
        let content_type = content_type.to_owned();
        Ok(Self { name, content_type, lifetime: None, access: Access::Allow })
    }

    /// The name as it was given, which can be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The content type, in printable ASCII.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The name as a URL and a header can carry it without any escapes: letters and digits of ASCII, `-`, `_` and
    /// `.`, at most 100 bytes, never empty and never beginning with a dot.
    #[must_use]
    pub fn safe_name(&self) -> String {
        let is_safe = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
        let safe: String =
            self.name.chars().map(|char| if is_safe(char) { char } else { '_' }).collect();
        let safe = safe.trim_start_matches('.');
        if safe.is_empty() {
            return "file".to_owned();
        }
        if safe.len() <= LONGEST_SAFE {
            return safe.to_owned();
        }
        match safe.rsplit_once('.') {
            Some((stem, ending)) if ending.len() <= LONGEST_ENDING => {
                format!("{}.{ending}", cut(stem, LONGEST_SAFE - 1 - ending.len()))
            }
            Some(_) | None => cut(safe, LONGEST_SAFE).to_owned(),
        }
    }
}

/// The longest beginning of a text that has at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, safe: &str) {
        let about = About::new(name, "text/plain").expect("a good content type");
        assert_eq!(about.safe_name(), safe, "{name:?}");
    }

    #[test]
    fn a_safe_name_is_no_path_and_needs_no_escape() {
        check("cat.png", "cat.png");
        check("Katze mit Schirm.png", "Katze_mit_Schirm.png");
        check("猫.png", "_.png");
        check("", "file");
        check("   ", "file");
        check(".", "file");
        check("..", "file");
        check(".bashrc", "bashrc");
        check("../../etc/passwd", "_.._etc_passwd");
        check("..\\..\\boot.ini", "_.._boot.ini");
        check("/etc/passwd", "_etc_passwd");
        check("a\r\nb\0c", "abc");
        check("a?b#c%2f\"d;e", "a_b_c_2f_d_e");
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let about = |name: &str| About::new(name, "text/plain").expect("a good content type");
        let long = about(&format!("{}.tar.gz", "x".repeat(240))).safe_name();
        assert_eq!((long.len(), long.get(97..)), (100, Some(".gz")));
        assert_eq!(about(&"y".repeat(1000)).safe_name(), "y".repeat(100));
        let kept = about(&"ü".repeat(200));
        assert_eq!(kept.name(), "ü".repeat(127), "a character is not cut in two");
    }

    #[test]
    fn a_content_type_is_what_a_header_can_carry() {
        for good in ["image/png", "text/plain; charset=utf-8", " text/html "] {
            assert!(About::new("a", good).is_ok(), "{good}");
        }
        for bad in ["", "  ", "text/\r\nx", "text/ü", &"x".repeat(256)] {
            assert!(matches!(About::new("a", bad), Err(Error::ContentType)), "{bad}");
        }
    }
}
