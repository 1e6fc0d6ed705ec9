//! The name of an object.

use std::{fmt, str::FromStr};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::{Error, error::Result};

/// 128 random bits that name an object. Whoever knows them may read it.
///
/// Their text is 32 lower-case hexadecimal digits, so it is safe in a path and a URL, and there is one text for
/// each id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId(u128);

impl ObjectId {
    /// An id that nobody can guess.
    pub(crate) fn random(random: &SystemRandom) -> Result<Self> {
        let mut bits = [0; 16];
        random.fill(&mut bits).map_err(|_| Error::NoRandomness)?;
        Ok(Self(u128::from_be_bytes(bits)))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(Error::NoId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| Error::NoId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_text() {
        let id = ObjectId::random(&SystemRandom::new()).expect("random numbers");
        assert_eq!(id.to_string().parse::<ObjectId>().expect("its own text"), id);
        assert_eq!(ObjectId(7).to_string(), "00000000000000000000000000000007");
        for bad in [
            "",
            "7",
            "0000000000000000000000000000000A",
            "+0000000000000000000000000000007",
            "../00000000000000000000000000000",
            "000000000000000000000000000000070",
        ] {
            assert!(matches!(bad.parse::<ObjectId>(), Err(Error::NoId)), "{bad}");
        }
    }
}
