//! Bytes as text: hexadecimal and base64url.

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|value| digit(HEX, value)).collect()
}

/// Base64 for URLs, without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let [first, second, third] =
            std::array::from_fn(|at| chunk.get(at).copied().unwrap_or_default());
        let values = [
            first >> 2,
            (first & 3) << 4 | second >> 4,
            (second & 15) << 2 | third >> 6,
            third & 63,
        ];
        // Every byte needs one digit more than its own number.
        text.extend(values.into_iter().take(chunk.len() + 1).map(|value| digit(BASE64URL, value)));
    }
    text
}

fn digit(alphabet: &[u8], value: u8) -> char {
    char::from(*alphabet.get(usize::from(value)).expect("a value is below its alphabet's length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spelt_as_the_standards_say() {
        assert_eq!(hex(&[0, 0x1f, 0xff]), "001fff");
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")]
        {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }
}
