//! What the shell counts, in the text format of Prometheus and under fal's names.

use std::{
    fmt::{self, Write as _},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::app::Metadata;

/// The statuses that are told apart; any other counts as the first.
const FROM: u16 = 200;
const COUNT: usize = 400;

/// What one endpoint has answered.
pub(crate) struct Counts {
    by_status: Box<[AtomicU64]>,
    unearned: AtomicU64,
}

impl Counts {
    /// Counts an answer as it leaves.
    pub(crate) fn answered(&self, status: u16) {
        let place = usize::from(status.saturating_sub(FROM));
        let counter = self.by_status.get(place).or(self.by_status.first());
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    //= docs/contract.md#unearned-503
    //# It is counted in `fal_unearned_503_total`.
    /// Counts a 503 that the guard turned into a 500.
    pub(crate) fn unearned(&self) {
        self.unearned.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Counts {
    fn default() -> Self {
        let by_status = std::iter::repeat_with(AtomicU64::default).take(COUNT).collect();
        Self { by_status, unearned: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

/// The text that `GET /metrics` answers: of each endpoint, and of what is served beside them.
pub(crate) fn text(app: &Metadata, endpoints: &[(&str, &Counts)], elsewhere: &Counts) -> String {
    let (name, version) = (Label(app.name), Label(app.version));
    let mut text = String::new();
    let mut line = |words: fmt::Arguments<'_>| {
        // A string takes whatever is written to it.
        let _written = writeln!(text, "{words}");
    };
    line(format_args!("# TYPE fal_app_info gauge\nfal_app_info{{version=\"{version}\"}} 1"));
    line(format_args!("# TYPE http_requests_total counter"));
    for (path, counts) in endpoints {
        let path = Label(path);
        for (status, counter) in (FROM..).zip(&counts.by_status) {
            let count = counter.load(Ordering::Relaxed);
            if count > 0 {
                line(format_args!(
                    "http_requests_total{{app_name=\"{name}\",method=\"POST\",path=\"{path}\",\
                     status_code=\"{status}\"}} {count}"
                ));
            }
        }
    }
    line(format_args!(
        "# HELP fal_unearned_503_total Answers with 503 and no evidence, sent as 500 instead.\n\
         # TYPE fal_unearned_503_total counter"
    ));
    for (path, counts) in endpoints.iter().chain(&[("(elsewhere)", elsewhere)]) {
        let (path, count) = (Label(path), counts.unearned.load(Ordering::Relaxed));
        line(format_args!("fal_unearned_503_total{{path=\"{path}\"}} {count}"));
    }
    text
}

/// A label's value as the format wants it.
#[derive(Clone, Copy)]
struct Label<'t>(&'t str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_escaped_as_the_format_says_and_no_further() {
        assert_eq!(Label("a\\b\"c\nd\te").to_string(), "a\\\\b\\\"c\\nd\te");
    }

    #[test]
    fn answers_are_counted_by_status() {
        let counts = Counts::default();
        [200, 200, 422, 599].iter().for_each(|status| counts.answered(*status));
        counts.unearned();
        let app = Metadata::new("lab");
        let text = text(&app, &[("/", &counts)], &Counts::default());
        for line in [
            "http_requests_total{app_name=\"lab\",method=\"POST\",path=\"/\",status_code=\"200\"} 2",
            "http_requests_total{app_name=\"lab\",method=\"POST\",path=\"/\",status_code=\"599\"} 1",
            "fal_unearned_503_total{path=\"/\"} 1",
            "fal_unearned_503_total{path=\"(elsewhere)\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
    }
}
