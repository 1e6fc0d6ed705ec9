//! The one loop that performs what the engines decide.
//!
//! A node holds, for each app, an engine behind a lock and the handles of its runners. Whatever happens (a call,
//! an answer, an exit, a timer) becomes an input; the commands that come back are performed while the lock is
//! held, and none of them waits: they send, spawn or signal. So commands have one order, and a request costs no
//! switch to another task. Only this crate reads the clock.
//!
//! Reading order: [`Options`] builds, [`Node::start`] runs, [`Handle`] is what the gateway holds.
//!
//! Invariants: a lease is settled exactly once (dropping it settles it as abandoned); nothing is acknowledged
//! before the store has made it durable; no request reaches a runner that the engine did not grant.

#![forbid(unsafe_code)]

mod apps;
mod body;
mod clock;
mod conductor;
mod exchange;
mod execute;
mod handle;
mod journal;
mod known;
mod lines;
mod machine;
mod mail;
mod options;
mod others;
mod probe;
mod queue;
mod readers;
mod recovery;
mod reload;
mod runners;
mod sweep;
mod view;
mod watch;

pub use fal_allotment::{Gpu, GpuError, Shared, Want};
pub use fal_engine::Cause;
pub use fal_policy::headers::{keeps_needs_retry, parse_no_retry};
pub use fal_queue::{
    Account, CallerRules, Ending, Key, NodeId, Priority, State, Storage, Ticket, Told,
    store::{CancelAnswer, Content, Line, Reply, Sent, Webhook},
};

pub use fal_webhook::TargetError;

pub use crate::{
    body::{Body, BodyError, RequestBody, Streamed, UploadBody, UploadError},
    clock::Clock,
    exchange::{Connected, DirectCall, LATE_UPLOAD, Refusal, Session, SessionEnd},
    handle::{Handle, Story},
    mail::Webhooks,
    options::{AppOptions, HealthProbe, Machine, Options, Stamp},
    queue::{Answer, App, QueueError, Submission, Submitted, Tracked},
    recovery::{Node, StartError},
    view::RunnerView,
    watch::Watch,
};
