//! Which bytes of an object a caller wants.

use std::ops::Range;

use http::{HeaderMap, header};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: nothing else is asked for, or nothing that can be read.
    Whole,
    /// These bytes.
    Some(Range<u64>),
    /// Bytes that are not there.
    Nothing,
}

/// What a request wants of an object of this length and etag (with its quotes).
pub(crate) fn wanted(headers: &HeaderMap, (length, etag): (u64, &str)) -> Wanted {
    let Some(range) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Wanted::Whole;
    };
    // What was read before is of another object, or of a date, of which nothing is known here.
    if headers.get(header::IF_RANGE).is_some_and(|known| known.as_bytes() != etag.as_bytes()) {
        return Wanted::Whole;
    }
    parse(range, length).unwrap_or(Wanted::Whole)
}

/// Whether a caller has the object of this etag (with its quotes) already.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    known.any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

/// One range of bytes; none where it is something else, several ranges included, which may be answered whole.
fn parse(text: &str, length: u64) -> Option<Wanted> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // What is too large to be read is beyond every end.
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = if first.is_empty() {
        length.saturating_sub(number(last)?)..length
    } else {
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        if last < first {
            return None;
        }
        first..last.saturating_add(1).min(length)
    };
    Some(if range.start < range.end { Wanted::Some(range) } else { Wanted::Nothing })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(range: &'static str, length: u64, expected: &Wanted) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static(range));
        assert_eq!(wanted(&headers, (length, "\"e\"")), *expected, "{range} of {length}");
    }

    #[test]
    fn a_range_is_what_it_names() {
        check("bytes=0-0", 10, &Wanted::Some(0..1));
        check("bytes=2-5", 10, &Wanted::Some(2..6));
        check("bytes=2-", 10, &Wanted::Some(2..10));
        check("bytes=2-99", 10, &Wanted::Some(2..10));
        check("bytes=2-99999999999999999999999", 10, &Wanted::Some(2..10));
        check("bytes=-3", 10, &Wanted::Some(7..10));
        check("bytes=-30", 10, &Wanted::Some(0..10));
    }

    #[test]
    fn a_range_beyond_the_end_is_nothing() {
        check("bytes=10-", 10, &Wanted::Nothing);
        check("bytes=10-12", 10, &Wanted::Nothing);
        check("bytes=-0", 10, &Wanted::Nothing);
        check("bytes=0-", 0, &Wanted::Nothing);
        check("bytes=-5", 0, &Wanted::Nothing);
        check("bytes=99999999999999999999999-", 10, &Wanted::Nothing);
    }

    #[test]
    fn what_is_no_single_range_is_all() {
        for text in [
            "bytes=5-2",
            "bytes=0-1,3-4",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "lines=1-2",
            "0-1",
            "bytes=+1-2",
        ] {
            check(text, 10, &Wanted::Whole);
        }
    }

    #[test]
    fn a_range_of_another_object_is_all() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=1-2"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"e\""));
        assert_eq!(wanted(&headers, (10, "\"e\"")), Wanted::Some(1..3));
        for other in ["\"f\"", "W/\"e\"", "Sat, 29 Oct 1994 19:43:31 GMT"] {
            headers.insert(header::IF_RANGE, HeaderValue::from_static(other));
            assert_eq!(wanted(&headers, (10, "\"e\"")), Wanted::Whole, "{other}");
        }
    }

    #[test]
    fn a_caller_says_what_it_knows() {
        let known = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(text));
            is_known(&headers, "\"e\"")
        };
        for text in ["\"e\"", "W/\"e\"", "\"a\", \"e\"", "*"] {
            assert!(known(text), "{text}");
        }
        for text in ["\"f\"", "e", "", "\"e"] {
            assert!(!known(text), "{text}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"e\""));
    }
}
