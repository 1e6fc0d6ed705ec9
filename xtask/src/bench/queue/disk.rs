//! What the disk does by itself: the limit of every durable figure.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{Figure, row, table};
use crate::{bench::percentile, say};

/// What is appended before each flush.
const RECORD: [u8; 1024] = [b'x'; 1024];

/// The disk under the folder of a run. It is looked at between any two measurements.
pub(super) struct Disk {
    file: PathBuf,
    length: Duration,
    last: Option<f64>,
}

impl Disk {
    pub(super) fn new(home: &Path, length: Duration) -> Self {
        Self { file: home.join("flushes"), length, last: None }
    }

    /// The disk alone, so many times.
    pub(super) fn show(&mut self, runs: u32) -> Result<()> {
        let mut table = table("disk");
        for run in 1..=runs {
            let before = self.last.unwrap_or(f64::NAN);
            let figure = self.flushes()?;
            let name = format!("append 1 KiB + fdatasync, run {run}");
            let mut cells = row(&name, &figure, [before, figure.rate]);
            // It is what the others are held against.
            cells.truncate(4);
            table.row(cells);
        }
        say::line("\nThe disk alone. The first run after a rest may be slower");
        say::line(table);
        Ok(())
    }

    /// Measures, with the disk's own rate before and after.
    pub(super) fn beside<T>(
        &mut self,
        measure: impl FnOnce() -> Result<T>,
    ) -> Result<(T, [f64; 2])> {
        let before = match self.last {
            Some(rate) => rate,
            None => self.flushes()?.rate,
        };
        let measured = measure()?;
        Ok((measured, [before, self.flushes()?.rate]))
    }

    #[expect(clippy::disallowed_methods, reason = "measuring time is what a bench is for")]
    fn flushes(&mut self) -> Result<Figure> {
        let unusable = || format!("{} cannot be written", self.file.display());
        let mut file = File::create(&self.file).with_context(unusable)?;
        let (begin, mut took) = (Instant::now(), Vec::new());
        while begin.elapsed() < self.length {
            let started = Instant::now();
            file.write_all(&RECORD).and_then(|()| file.sync_data()).with_context(unusable)?;
            took.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let rate = took.len() as f64 / begin.elapsed().as_secs_f64();
        fs::remove_file(&self.file).with_context(unusable)?;
        self.last = Some(rate);
        let [p50, p99] = [50, 99].map(|percent| Some(percentile(&took, percent)));
        Ok(Figure { rate, p50, p99 })
    }
}
