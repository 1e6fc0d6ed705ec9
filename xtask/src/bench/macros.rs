//! What `fal-app` costs its user: time to expand and to compile, and requests/s.

use anyhow::Result;

use super::Effort;

mod compiling;
mod expansion;
mod serving;

pub(super) fn run(effort: Effort) -> Result<()> {
    expansion::run()?;
    compiling::run(effort.rounds)?;
    serving::run(effort)
}
