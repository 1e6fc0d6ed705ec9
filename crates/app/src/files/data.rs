//! URLs that hold the file itself: `data:image/png;base64,...`.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;

use crate::files::DownloadError;

/// Padding may be left out, as browsers allow.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// What such a URL says of its type where it says nothing.
const UNTYPED: &str = "text/plain;charset=US-ASCII";

/// Content type and bytes of such a URL, which begins with `data:`.
pub(super) fn decode(url: &str, limit: u64) -> Result<(String, Bytes), DownloadError> {
    let (_, rest) = url.split_once(':').ok_or(DownloadError::Data)?;
    let (head, body) = rest.split_once(',').ok_or(DownloadError::Data)?;
    let (kind, is_base64) = match head.rsplit_once(';') {
        Some((kind, word)) if word.trim().eq_ignore_ascii_case("base64") => (kind, true),
        Some(_) | None => (head, false),
    };
    let kind = if kind.trim().is_empty() { UNTYPED } else { kind.trim() };
    // A character stands for at least three quarters of a byte, or a third where it is escaped; what is far beyond
    // the limit is not even decoded.
    if body.len() as u64 / 4 > limit {
        return Err(DownloadError::TooLarge { limit });
    }
    let mut bytes = unescape(body.split('#').next().unwrap_or_default())?;
    if is_base64 {
        bytes.retain(|byte| !byte.is_ascii_whitespace());
        bytes = STANDARD.decode(bytes).map_err(|_where| DownloadError::Data)?;
    }
    if bytes.len() as u64 > limit {
        return Err(DownloadError::TooLarge { limit });
    }
    Ok((kind.to_owned(), bytes.into()))
}

fn unescape(text: &str) -> Result<Vec<u8>, DownloadError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit(), digit());
        let (Some(high), Some(low)) = (high, low) else { return Err(DownloadError::Data) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_two_digits| DownloadError::Data)?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, kind: &str, bytes: &[u8]) {
        let (found, data) = decode(url, 4).unwrap();
        assert_eq!((found.as_str(), data.as_ref()), (kind, bytes), "{url}");
    }

    #[test]
    fn it_is_decoded() {
        check("data:image/png;base64,bWVvdw==", "image/png", b"meow");
        check("DATA:image/png;BASE64,bWVvdw", "image/png", b"meow");
        check("data:image/png;base64,bWVv%0Adw%3D%3D", "image/png", b"meow");
        check("data:;base64,", UNTYPED, b"");
        check("data:,m%65ow", UNTYPED, b"meow");
        check("data:text/html;charset=utf-8,%3Cb%3e", "text/html;charset=utf-8", b"<b>");
        check("data:,a,b#c", UNTYPED, b"a,b");
    }

    #[test]
    fn it_is_decoded_within_the_limit_only() {
        for url in ["data:;base64,bWVvdyE=", "data:,meow!", &format!("data:,{}", "%".repeat(99))] {
            let error = decode(url, 4).unwrap_err();
            assert!(matches!(error, DownloadError::TooLarge { limit: 4 }), "{url}: {error:?}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for url in ["data:", "data:x", "data:;base64,%", "data:;base64,m", "data:,%4", "data:,%zz"]
        {
            assert!(matches!(decode(url, 99), Err(DownloadError::Data)), "{url}");
        }
    }
}
