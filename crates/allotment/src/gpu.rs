//! Names of GPUs.

use std::{fmt, str::FromStr, sync::Arc};

/// A GPU as `CUDA_VISIBLE_DEVICES` names it: its number, or its UUID with what stands before it.
///
/// ```
/// use fal_allotment::Gpu;
///
/// assert_eq!("3".parse::<Gpu>().unwrap().to_string(), "3");
/// assert!("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6".parse::<Gpu>().is_ok());
/// assert!("0,1".parse::<Gpu>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gpu(Arc<str>);

/// A text that names no GPU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no GPU: write its number, such as 0, or its UUID, such as \"GPU-8932f937-d72c-4106-c12f-20bd9faed9f6\" (nvidia-smi -L lists them)"
)]
pub struct GpuError(String);

impl Gpu {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is named by its number, whose meaning depends on the order in which GPUs are counted.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Whether a GPU of this other name may be the same one, although the names differ: UUIDs may be cut short, and
    /// nobody knows which number has which UUID, or which GPU a partition is of.
    ///
    /// ```
    /// use fal_allotment::Gpu;
    ///
    /// let gpu = |name: &str| name.parse::<Gpu>().unwrap();
    /// assert!(gpu("GPU-8932f937").may_be(&gpu("GPU-8932f937-d72c")));
    /// assert!(gpu("0").may_be(&gpu("GPU-8932f937")));
    /// assert!(!gpu("0").may_be(&gpu("1")) && !gpu("0").may_be(&gpu("0")));
    /// ```
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let kind = |gpu: &Self| gpu.0.get(..4).filter(|_| !gpu.is_numbered()).map(str::to_owned);
        let (one, two) = (&*self.0, &*other.0);
        let is_cut = !self.is_numbered() && (one.starts_with(two) || two.starts_with(one));
        self != other && (kind(self) != kind(other) || is_cut)
    }
}

impl FromStr for Gpu {
    type Err = GpuError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || GpuError(text.chars().take(64).collect());
        if let Ok(number) = text.parse::<u16>() {
            // "00" and "0" are one GPU.
            return Ok(Self(number.to_string().into()));
        }
        let named = |kind| Some((kind, text.strip_prefix(kind)?));
        let (kind, rest) = named("GPU-").or_else(|| named("MIG-")).ok_or_else(refuse)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-/".contains(&byte);
        if rest.is_empty() || !rest.bytes().all(is_plain) {
            return Err(refuse());
        }
        // A partition may name its GPU.
        let rest = rest.to_ascii_lowercase().replace("gpu-", "GPU-");
        Ok(Self(format!("{kind}{rest}").into()))
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_driver_would_not_know_are_refused_and_equal_ones_are_equal() {
        for text in [
            "",
            "-1",
            "a",
            "0,1",
            "GPU-",
            "gpu-1",
            "GPU-1,0",
            "70000",
            "NoDevFiles",
            " 0",
            "aaaé",
            "GPU-é",
        ] {
            assert!(text.parse::<Gpu>().is_err(), "{text:?}");
        }
        assert_eq!("00".parse::<Gpu>(), "0".parse::<Gpu>());
        let partition: Gpu = "MIG-GPU-1a/1/0".parse().unwrap();
        assert!(!partition.is_numbered() && "15".parse::<Gpu>().unwrap().is_numbered());
    }
}
