//! The probes of one runner's health endpoint: when the next is due, and what a verdict means.

use std::time::Duration;

use fal_types::Moment;

use crate::Health;

/// The bookkeeping of health probes while a runner is ready.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    rules: Health,
    /// Failures of regular probes before this moment do not count.
    counts_from: Moment,
    /// When the next regular probe is due. None where there are none.
    next: Option<Moment>,
    probe: Probe,
    /// Regular probes that failed in a row.
    failures: u32,
}

/// The one probe that may be in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    None,
    Regular,
    /// A regular probe, with the app's own demand waiting behind it: this one may have begun before the app
    /// had reason to ask, so it does not stand for the demanded one.
    RegularThenDemanded,
    Demanded,
}

/// What a verdict of a probe comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// No probe was in progress.
    Unasked,
    /// The runner is kept.
    Kept,
    /// The runner is kept, and the probe that the app asked for begins now.
    ProbeAgain,
    /// The runner must not live.
    Unhealthy,
}

impl Watch {
    /// Begins to watch a runner that is ready since `now`.
    pub(crate) fn new(now: Moment, rules: Health, startup_timeout: Duration) -> Self {
        //= docs/contract.md#health-endpoint
        //# Failures within `start_period_seconds` MUST NOT count.
        let counts_from = now + rules.start_period.min(startup_timeout);
        let next = rules.regular.then_some(now + rules.interval);
        Self { rules, counts_from, next, probe: Probe::None, failures: 0 }
    }

    /// When a regular probe is to begin. None while a probe is in progress.
    pub(crate) fn due(&self) -> Option<Moment> {
        if self.probe == Probe::None { self.next } else { None }
    }

    /// Whether the probe in progress is one that the app asked for.
    pub(crate) fn is_demanded(&self) -> bool {
        self.probe == Probe::Demanded
    }

    /// Begins the regular probe if it is due, and says whether it did.
    //= docs/contract.md#health-endpoint
    //# It MUST be asked every `interval_seconds` while the runner is ready, unless `call_regularly` is false.
    pub(crate) fn begin_regular(&mut self, now: Moment) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        if is_due {
            self.probe = Probe::Regular;
            self.next = Some(now + self.rules.interval);
        }
        is_due
    }

    /// Notes that the app asks for a probe: true where it begins at once, false where it waits for the end of a
    /// regular one, and None where one that the app asked for is in progress or waiting already.
    pub(crate) fn demand(&mut self) -> Option<bool> {
        let (probe, begins) = match self.probe {
            Probe::None => (Probe::Demanded, true),
            Probe::Regular => (Probe::RegularThenDemanded, false),
            Probe::RegularThenDemanded | Probe::Demanded => return None,
        };
        self.probe = probe;
        Some(begins)
    }

    /// Takes the verdict "passed" on the probe in progress.
    pub(crate) fn passed(&mut self) -> Finding {
        let finding = self.finish();
        if finding != Finding::Unasked {
            self.failures = 0;
        }
        finding
    }

    /// Takes the verdict "failed" on the probe in progress.
    pub(crate) fn failed(&mut self, now: Moment) -> Finding {
        //= docs/contract.md#health-endpoint
        //# A response header `x-fal-runner-health-check: true` MUST cause a probe at once, whose single failure terminates the runner.
        let was_demanded = self.is_demanded();
        let finding = self.finish();
        if finding != Finding::Unasked && now >= self.counts_from {
            self.failures = self.failures.saturating_add(1);
        }
        //= docs/contract.md#health-endpoint
        //# A runner MUST be terminated after `failure_threshold` consecutive failures.
        let too_often = self.failures >= self.rules.failure_threshold.max(1);
        if was_demanded || too_often { Finding::Unhealthy } else { finding }
    }

    /// Ends the probe in progress, and begins the one that waits behind it.
    fn finish(&mut self) -> Finding {
        let (probe, finding) = match self.probe {
            Probe::None => (Probe::None, Finding::Unasked),
            Probe::Regular | Probe::Demanded => (Probe::None, Finding::Kept),
            Probe::RegularThenDemanded => (Probe::Demanded, Finding::ProbeAgain),
        };
        self.probe = probe;
        finding
    }
}
