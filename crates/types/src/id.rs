//! Names of requests, runners and leases.

use std::{fmt, str::FromStr};

/// Names one accepted request, from submission to result: a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u128);

/// A text that is no request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a request id is a UUID, and `{0}` is not")]
pub struct RequestIdError(String);

impl RequestId {
    /// An id from the 128 bits of a UUID.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits of the UUID.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    /// Reads the hyphenated form or 32 plain hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || RequestIdError(text.chars().take(64).collect());
        let hyphenated = text.len() == 36
            && [8, 13, 18, 23].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
        if !hyphenated && text.len() != 32 {
            return Err(refuse());
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        u128::from_str_radix(&digits, 16).map(Self).map_err(|_| refuse())
    }
}

impl RequestId {
    /// The hyphenated form, 36 lower-case characters of ASCII. It stands in every request's headers, so it is made
    /// without the detour over a formatter.
    #[must_use]
    pub fn to_ascii(self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|at| ![8, 13, 18, 23].contains(at));
        for (nibble, at) in places.enumerate() {
            let value = (self.0 >> (124 - 4 * nibble)) & 0xf;
            if let (Some(place), Some(digit)) = (text.get_mut(at), DIGITS.get(value as usize)) {
                *place = *digit;
            }
        }
        text
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_ascii();
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// Names one runner for as long as anybody may speak of it: the start of the platform it belongs to, and its
/// number within that start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunnerId {
    boot: u32,
    number: u32,
}

impl RunnerId {
    /// The `number`th runner of the platform start `boot`.
    #[must_use]
    pub const fn new(boot: u32, number: u32) -> Self {
        Self { boot, number }
    }

    /// The platform start it belongs to.
    #[must_use]
    pub const fn boot(self) -> u32 {
        self.boot
    }

    /// Its number among the runners of its platform start.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl fmt::Display for RunnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.boot, self.number)
    }
}

impl fmt::Debug for RunnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunnerId({self})")
    }
}

/// Names one use of a runner's slot by one request. Never used twice by one platform start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(u64);

impl LeaseId {
    /// The lease with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The lease's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "l{}", self.0)
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_reads_what_it_writes() {
        let id = RequestId::from_bits(0x0190_d1a2_0000_7000_8000_0000_0000_00ff);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().replace('-', "").parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for text in [
            "",
            "1",
            "zz90d1a2-0000-7000-8000-0000000000ff",
            "0190d1a2-0000-7000-8000-0000000000f",
            "+190d1a2000070008000000000000 0ff",
            "0190d1a20-000-7000-8000-0000000000ff",
        ] {
            assert!(text.parse::<RequestId>().is_err(), "{text}");
        }
    }
}
