//! What the shell counts, in the text format of Prometheus and under fal's names.

use std::{collections::BTreeMap, fmt::Write as _};

use parking_lot::Mutex;

use crate::app::Metadata;

/// What is counted under a path that is no endpoint's: such paths are the callers' invention.
const ELSEWHERE: &str = "(elsewhere)";

/// The counters of one process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// By path and status.
    answers: BTreeMap<(&'static str, u16), u64>,
    /// By path.
    unearned: BTreeMap<&'static str, u64>,
}

impl Metrics {
    /// Counts an answer. Paths that no endpoint has are left out, as fal leaves them out.
    pub(crate) fn answered(&self, endpoint: Option<&'static str>, status: u16) {
        if let Some(path) = endpoint {
            *self.counts.lock().answers.entry((path, status)).or_default() += 1;
        }
    }

    //= docs/contract.md#unearned-503
    //# It is counted in `fal_unearned_503_total`.
    /// Counts a 503 that the guard turned into a 500.
    pub(crate) fn unearned(&self, endpoint: Option<&'static str>) {
        *self.counts.lock().unearned.entry(endpoint.unwrap_or(ELSEWHERE)).or_default() += 1;
    }

    /// The text that `GET /metrics` answers.
    pub(crate) fn text(&self, app: &Metadata) -> String {
        let Metadata { name, version, .. } = app;
        let mut text = String::new();
        let mut line = |words: std::fmt::Arguments<'_>| {
            // A string takes whatever is written to it.
            let _written = writeln!(text, "{words}");
        };
        line(format_args!("# TYPE fal_app_info gauge"));
        line(format_args!("fal_app_info{{version={version:?}}} 1"));
        let counts = self.counts.lock();
        line(format_args!("# TYPE http_requests_total counter"));
        for ((path, status), count) in &counts.answers {
            line(format_args!(
                "http_requests_total{{app_name={name:?},method=\"POST\",path={path:?},\
                 status_code=\"{status}\"}} {count}"
            ));
        }
        line(format_args!(
            "# HELP fal_unearned_503_total Answers with 503 and no evidence, sent as 500 instead."
        ));
        line(format_args!("# TYPE fal_unearned_503_total counter"));
        if counts.unearned.is_empty() {
            line(format_args!("fal_unearned_503_total 0"));
        }
        for (path, count) in &counts.unearned {
            line(format_args!("fal_unearned_503_total{{path={path:?}}} {count}"));
        }
        text
    }
}
