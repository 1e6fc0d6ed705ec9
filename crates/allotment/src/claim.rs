//! What a runner claims.

use crate::Gpu;

/// What a runner needs of the machine, beside room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Want {
    /// The GPUs that it may have, those it would rather have first. Each stands here once.
    pub gpus: Vec<Gpu>,
    /// How many of them it needs, at most as many as there are. 0 for none.
    pub each: usize,
    /// How many runners may hold one of its GPUs at once, it included. At least 1; where its holders differ, the
    /// least of them counts.
    pub sharing: usize,
}

impl Want {
    /// How much it is of what there is.
    pub(crate) fn weight(&self) -> usize {
        self.each.max(1)
    }
}

/// Who comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A runner that will take requests.
    Serves,
    /// One that is kept for the death of another: it gets what nobody else waits for, and nobody makes room for it.
    Spare,
}
