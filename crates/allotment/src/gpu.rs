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
}

impl FromStr for Gpu {
    type Err = GpuError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || GpuError(text.chars().take(64).collect());
        if let Ok(number) = text.parse::<u16>() {
            // "00" and "0" are one GPU.
            return Ok(Self(number.to_string().into()));
        }
        let is_named = ["GPU-", "MIG-"].iter().any(|kind| {
            text.strip_prefix(kind).is_some_and(|rest| {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-/".contains(&byte);
                !rest.is_empty() && rest.bytes().all(is_plain)
            })
        });
        is_named.then(|| Self(text.into())).ok_or_else(refuse)
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
        for text in ["", "-1", "a", "0,1", "GPU-", "gpu-1", "GPU-1,0", "70000", "NoDevFiles", " 0"]
        {
            assert!(text.parse::<Gpu>().is_err(), "{text:?}");
        }
        assert_eq!("00".parse::<Gpu>(), "0".parse::<Gpu>());
        let partition: Gpu = "MIG-GPU-1a/1/0".parse().unwrap();
        assert!(!partition.is_numbered() && "15".parse::<Gpu>().unwrap().is_numbered());
    }
}
