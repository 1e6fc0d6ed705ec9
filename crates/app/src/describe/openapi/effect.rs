//! What an answer does to the runner and to its request: asked of the policy, which decides it.

use fal_policy::{Answer, Flag, Impact, Outcome, Retry, Rules};
use fal_types::Status;
use serde_json::{Map, Value, json};

use crate::{app::Limits, describe::verdict};

/// The policy under the rules that an app declares.
#[derive(Debug)]
pub(crate) struct Effects {
    rules: Rules,
}

/// What one answer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    runner: &'static str,
    runner_clause: &'static str,
    queued: &'static str,
    queued_clause: &'static str,
}

impl Effects {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { rules: verdict::rules(limits) }
    }

    /// The effect of the first attempt's answer.
    pub(crate) fn of(
        &self,
        status: u16,
        needs_retry: Option<Flag>,
        stop_runner: Option<Flag>,
    ) -> Effect {
        let answer = Answer { needs_retry, stop_runner, ..Answer::new(Status::new(status)) };
        self.judged(&Outcome::Responded(answer))
    }

    /// The effect of an answer that does not come whole.
    pub(crate) fn of_cut(&self) -> Effect {
        self.judged(&Outcome::Truncated)
    }

    fn judged(&self, outcome: &Outcome) -> Effect {
        let verdict = verdict::first(outcome, &self.rules);
        let runner = match verdict.impact {
            Impact::Keep => "kept",
            Impact::Probe => "checked",
            Impact::Terminate(_) => "ended",
        };
        let queued = match verdict.retry {
            Retry::Never(_) => "done",
            Retry::Again { .. } => "retried",
        };
        let (runner_clause, queued_clause) = (verdict.runner_clause(), verdict.request_clause());
        Effect { runner, runner_clause, queued, queued_clause }
    }
}

impl Effect {
    /// As it stands in the description.
    pub(crate) fn json(self, case: &str, about: &str, error_type: Option<&str>) -> Value {
        let Self { runner, runner_clause, queued, queued_clause } = self;
        let mut outcome = Map::new();
        outcome.insert("case".to_owned(), case.into());
        if !about.is_empty() {
            outcome.insert("description".to_owned(), about.into());
        }
        if let Some(error_type) = error_type {
            outcome.insert("error_type".to_owned(), error_type.into());
        }
        outcome.insert("runner".to_owned(), runner.into());
        outcome.insert("queued_request".to_owned(), queued.into());
        outcome.insert(
            "because".to_owned(),
            json!({ "runner": runner_clause, "queued_request": queued_clause }),
        );
        outcome.into()
    }
}
