//! The two clocks of a bench: that of the wall, and what the kernel counts for a process.

use std::{fs, time::Instant};

use anyhow::Result;

/// The kernel counts processor time in these, 100 to the second on every Linux that cargo runs on.
const TICK_MS: f64 = 10.0;

/// Whose processor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Itself,
    /// Those it has waited for, and theirs.
    Children,
}

/// Processor time so far, read from a process' `stat`.
pub(super) fn cpu_ms(stat: &str, of: Of) -> f64 {
    let before = match of {
        Of::Itself => 11,
        Of::Children => 13,
    };
    // The name in parentheses may hold spaces; after it come the state and numbers.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(before).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * TICK_MS
}

/// What a command took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    pub(super) wall_s: f64,
    /// Processor time of all processes it started: other programs on the machine move it less.
    pub(super) cpu_s: f64,
}

/// Times what starts processes and waits for them.
#[expect(clippy::disallowed_methods, reason = "measuring time is what a bench is for")]
pub(super) fn time(run: impl FnOnce() -> Result<()>) -> Result<Took> {
    let (begin, before) = (Instant::now(), children_ms()?);
    run()?;
    let cpu_s = (children_ms()? - before) / 1_000.0;
    Ok(Took { wall_s: begin.elapsed().as_secs_f64(), cpu_s })
}

fn children_ms() -> Result<f64> {
    Ok(cpu_ms(&fs::read_to_string("/proc/self/stat")?, Of::Children))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 12 3 40 5 20 0 1 0";
        assert_eq!(cpu_ms(stat, Of::Itself), 150.0);
        assert_eq!(cpu_ms(stat, Of::Children), 450.0);
    }
}
