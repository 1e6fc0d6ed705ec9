//! Chance that a seed determines.

use std::time::Duration;

pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        // The generator stands still at zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`, which is not 0.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    pub(super) const fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// A time of less than so many seconds.
    pub(super) const fn span(&mut self, seconds: u64) -> Duration {
        Duration::from_millis(self.below(seconds * 1_000))
    }

    /// The time that a message needs: often none at all.
    pub(super) const fn lag(&mut self) -> Duration {
        if self.one_in(2) { Duration::ZERO } else { self.span(1) }
    }
}
