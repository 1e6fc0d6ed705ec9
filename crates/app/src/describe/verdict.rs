//! What the platform would make of an app's answer: its own policy, asked beforehand.

use fal_policy::{Attempted, Call, Caller, Outcome, Rules, Verdict, decide};
use fal_types::{Condition, PerCondition, Spent};

use crate::app::Limits;

/// The verdict on a queued request's first attempt.
pub(crate) fn first(outcome: &Outcome, rules: &Rules) -> Verdict {
    let (spent, caller) = (Spent::default(), &Caller::default());
    decide(&Attempted { call: Call::Queued, outcome, spent, caller, rules })
}

/// The rules that an app declares, as the platform reads them.
pub(crate) fn rules(limits: &Limits) -> Rules {
    let mut skip = PerCondition::default();
    let named = limits.skip_retry_conditions.iter().filter_map(|name| Condition::from_name(name));
    for condition in named {
        *skip.get_mut(condition) = true;
    }
    let config = limits.retry_config;
    let budgets = PerCondition {
        server_error: config.server_error,
        timeout: config.timeout,
        connection_error: config.connection_error,
    };
    Rules { skip, budgets, ..Rules::default() }
}
