//! Headers as one blob: for each its name and its value, each behind its length.

use fal_queue::store::Error;

use crate::corrupt;

/// Headers in their order.
pub type Headers = [(String, Vec<u8>)];

/// The blob that holds `headers`.
#[must_use]
pub fn write(headers: &Headers) -> Vec<u8> {
    let bytes = headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    let mut blob = Vec::with_capacity(bytes);
    for (name, value) in headers {
        part(&mut blob, name.as_bytes());
        part(&mut blob, value);
    }
    blob
}

fn part(blob: &mut Vec<u8>, bytes: &[u8]) {
    // A part of 4 GiB does not fit into a row anyway: databases refuse rows above 1 GB.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    blob.extend_from_slice(&length.to_le_bytes());
    blob.extend_from_slice(bytes);
}

/// The headers in `blob`, in their order.
///
/// # Errors
/// [`Error::Corrupt`] where it is no blob of [`write()`].
pub fn read(mut blob: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut headers = Vec::new();
    while !blob.is_empty() {
        let header = take(&mut blob).and_then(|name| Some((name, take(&mut blob)?)));
        let (name, value) = header.ok_or_else(|| corrupt("headers are cut short"))?;
        let name =
            std::str::from_utf8(name).map_err(|_| corrupt("the name of a header is no text"))?;
        headers.push((name.to_owned(), value.to_vec()));
    }
    Ok(headers)
}

fn take<'a>(blob: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = blob.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (part, rest) = rest.split_at_checked(length)?;
    *blob = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_and_a_cut_blob_is_refused() {
        let headers =
            [("a".to_owned(), vec![0, 255]), ("a".to_owned(), vec![]), (String::new(), vec![1])];
        let blob = write(&headers);
        assert_eq!(read(&blob).expect("it is whole"), headers);
        for end in 1..blob.len() {
            let whole = read(&blob[..end]).map_or(0, |headers| headers.len());
            assert!(whole < headers.len(), "{end}");
        }
        assert!(read(&blob[..blob.len() - 1]).is_err());
    }
}
