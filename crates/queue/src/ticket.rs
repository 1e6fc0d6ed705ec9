//! What is known of one queued request.

use std::fmt;

use fal_types::{AppId, Attempt, LeaseId, Moment, PerCondition, Problem, RequestId, Spent, Status};

/// One accepted request, from its submission until its result is removed.
///
/// The fields are open so that a store can write and read each of them. Only [`Ticket::step`]
/// changes them, and [`crate::Keep::stamp`], which adds the expiry that the result's size decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its name towards callers and runners, the same in every attempt.
    pub id: RequestId,
    /// The app that it is for.
    pub app: AppId,
    /// What followed the app in the URL: empty, or beginning with a slash.
    pub path: String,
    /// Its class; within one, submit order decides.
    pub priority: Priority,
    /// When it was accepted.
    pub submitted: Moment,
    /// From this moment on no attempt may start any more; none where the caller set no deadline.
    pub start_deadline: Option<Moment>,
    /// What its caller said about retries.
    pub caller: CallerRules,
    /// The runner hint that its caller gave.
    pub hint: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How many attempts have been handed out, cut ones included. It never goes back, because the
    /// number of an attempt fences off those before it.
    pub attempts: u16,
    /// How many retries it has been charged with.
    pub spent: Spent,
    /// Whether its caller asked for it to be cancelled. A ticket that waits never has it set.
    pub cancel_requested: bool,
    /// When the last attempt was handed out.
    pub started: Option<Moment>,
    /// When it ended. Set exactly when the state is [`State::Done`].
    pub finished: Option<Moment>,
    /// From this moment on its result may be removed. Only ever set on a ticket that has ended.
    pub expires: Option<Moment>,
    /// Under which key its caller submitted it, so that the same submit again is the same request.
    pub key: Option<Key>,
    /// Where its end is told.
    pub webhook: Option<String>,
    /// Whether its input and its result are kept for long.
    pub storage: Storage,
    /// Whether it has ended because it had had all its retries. Its input is kept then.
    pub is_dead: bool,
    /// The request that was made from this one after it had ended so.
    pub heir: Option<RequestId>,
}

/// What makes two submits the same. Of one app, a key stands for one request until its result is
/// removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The key, as the caller wrote it.
    pub text: String,
    /// A digest of what was submitted under it: path and body.
    pub digest: [u8; 32],
}

/// How long input and result of a request are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Storage {
    /// The input until the end, the result as its size says.
    #[default]
    Usual,
    /// Both, for as long as [`crate::Keep::stored`] says.
    Long,
}

/// The class of a request: every due [`Priority::Normal`] one goes before any [`Priority::Low`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// The ordinary class.
    #[default]
    Normal,
    /// Runs when no ordinary request is due.
    Low,
}

/// What the caller of a request said about its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CallerRules {
    /// The caller wants none.
    pub no_retry: bool,
    /// The caller's own budgets, which replace those of the app.
    pub budgets: Option<PerCondition<Option<u8>>>,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It waits for its turn, before its first attempt or between two.
    Waiting {
        /// It is passed over before this moment. The start of time where it need not be.
        not_before: Moment,
    },
    /// One attempt is under way.
    Leased(Lease),
    /// It has ended, and never changes again.
    Done(Ending),
}

impl State {
    /// What fal calls it: what has failed or was cancelled is completed too.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "IN_QUEUE",
            Self::Leased(_) => "IN_PROGRESS",
            Self::Done(_) => "COMPLETED",
        }
    }
}

/// The right to settle one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The name of the slot that the attempt uses.
    pub id: LeaseId,
    /// The number of the attempt.
    pub attempt: Attempt,
    /// The node that makes the attempt.
    pub node: NodeId,
    /// When it was handed out.
    pub since: Moment,
}

/// Names one node among those that share a store. It stays the same when the node restarts, so
/// that the node can put back what it had leased before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{:x}", self.0)
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// A runner's answer is the result, whatever its status.
    Responded(Status),
    /// There is no answer to show, and the platform says why.
    Failed(Problem),
    /// Its caller took it back before any answer.
    Cancelled,
}

impl Ending {
    /// The status that the result is answered with.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Responded(status) => status,
            Self::Failed(problem) => problem.status(),
            Self::Cancelled => Problem::ClientCancelled.status(),
        }
    }

    /// The platform error that the result is, and none where a runner answered.
    #[must_use]
    pub const fn problem(self) -> Option<Problem> {
        match self {
            Self::Responded(_) => None,
            Self::Failed(problem) => Some(problem),
            Self::Cancelled => Some(Problem::ClientCancelled),
        }
    }
}

impl Ticket {
    /// When a request that need not wait may start: at any time. Not the moment of its submission,
    /// because a clock set back across a restart would then hold up the whole queue.
    pub(crate) const AT_ONCE: Moment = Moment::from_micros(0);

    /// A request as it is accepted: it waits, may start at once, and has used no attempt.
    ///
    /// The optional parts are added by struct update: `Ticket { hint, ..Ticket::new(...) }`.
    #[must_use]
    pub fn new(
        id: RequestId,
        app: AppId,
        path: impl Into<String>,
        priority: Priority,
        submitted: Moment,
    ) -> Self {
        Self {
            id,
            app,
            path: path.into(),
            priority,
            submitted,
            start_deadline: None,
            caller: CallerRules::default(),
            hint: None,
            state: State::Waiting { not_before: Self::AT_ONCE },
            attempts: 0,
            spent: Spent::default(),
            cancel_requested: false,
            started: None,
            finished: None,
            expires: None,
            key: None,
            webhook: None,
            storage: Storage::Usual,
            is_dead: false,
            heir: None,
        }
    }

    /// Its place in the queue of its app, where `sequence` is the number that the store gave it at
    /// submission. It never changes, so a retried request keeps its place.
    //= docs/contract.md#queue-order
    //# Requests of one app MUST start in the order of their submits within a priority, and
    //# `low` ones after every `normal` one.
    #[must_use]
    pub const fn order_key(&self, sequence: u64) -> (Priority, u64) {
        (self.priority, sequence)
    }

    /// Whether it waits, and need not wait any longer for its own sake.
    #[must_use]
    pub const fn is_due(&self, now: Moment) -> bool {
        match self.state {
            State::Waiting { not_before } => not_before.micros() <= now.micros(),
            State::Leased(_) | State::Done(_) => false,
        }
    }

    /// Whether it waits. Requests that wait are what queue positions count.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// Whether the moment has passed from which no attempt may start.
    #[must_use]
    pub fn is_overdue(&self, now: Moment) -> bool {
        self.start_deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Whether its result may be removed.
    #[must_use]
    pub fn is_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether what is forwarded is still of use: until the end, and then to whoever wants to see
    /// it, or to send it again.
    #[must_use]
    pub const fn keeps_content(&self) -> bool {
        match self.state {
            State::Waiting { .. } | State::Leased(_) => true,
            State::Done(_) => self.is_dead || matches!(self.storage, Storage::Long),
        }
    }

    /// A new request with the same input, in place of one that has had all its retries. None for
    /// every other ticket, and where there is one already.
    #[must_use]
    pub fn again(&self, heir: RequestId, now: Moment) -> Option<Self> {
        let is_left = self.is_dead && self.heir.is_none();
        is_left.then(|| Self {
            caller: self.caller,
            hint: self.hint.clone(),
            webhook: self.webhook.clone(),
            storage: self.storage,
            ..Self::new(heir, self.app.clone(), self.path.clone(), self.priority, now)
        })
    }

    /// The next moment at which time alone changes something: the start deadline of one that
    /// waits, the expiry of one that has ended. That a backoff ends is no change; see
    /// [`Ticket::is_due`].
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Moment> {
        match self.state {
            State::Waiting { .. } => self.start_deadline,
            State::Leased(_) => None,
            State::Done(_) => self.expires,
        }
    }
}
