//! What an outcome means for the runner and for the request.
//!
//! [`decide`] is the table that the whole project exists for: one pure and total function from how
//! an attempt ended to a [`Verdict`], which says what becomes of the runner ([`Impact`]) and of the
//! request ([`Retry`]). [`reply`] says what a direct caller sees. [`Row`] is the table itself;
//! headers, budgets and settings override it in a fixed order. The app's side is here too:
//! [`AppStatus`] is what an app may answer, and [`RunnerBroken`] the only source of a 503.
//!
//! Invariant: only a runner's own answer, or its silence, can end it. What the platform answers in
//! its own name has no [`Outcome`], so it cannot get here.
//!
//! ```
//! use fal_policy::{Answer, Attempted, Call, Caller, Delay, Impact, Outcome, Retry, Rules, decide};
//! use fal_types::{Condition, Spent, Status};
//!
//! let outcome = Outcome::Responded(Answer::new(Status::new(503)));
//! let (spent, caller, rules) = (Spent::default(), &Caller::default(), &Rules::default());
//! let verdict = decide(&Attempted { call: Call::Queued, outcome: &outcome, spent, caller, rules });
//! assert!(matches!(verdict.impact, Impact::Terminate(_)));
//! let condition = Some(Condition::ServerError);
//! assert_eq!(verdict.retry, Retry::Again { condition, delay: Delay::AfterDeath });
//! assert_eq!(verdict.runner_clause(), "status-503");
//! ```

#![forbid(unsafe_code)]

mod app_status;
mod broken;
mod call;
pub mod headers;
mod impact;
mod outcome;
mod reply;
mod retry;
mod row;
mod verdict;

pub use crate::{
    app_status::{AppStatus, AppStatusError},
    broken::{DeviceFault, Proof, RunnerBroken, TrimError, after_trim},
    call::{Attempted, Call, Caller, Rules},
    impact::{Cause, Impact},
    outcome::{Answer, Flag, Outcome},
    reply::{Reply, reply},
    retry::{Delay, MAX_RETRIES, Retry, Why},
    row::Row,
    verdict::{Verdict, decide},
};
