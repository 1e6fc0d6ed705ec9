//! The queue of one app, as the gateway asks of it.

use std::{sync::Arc, time::Duration};

use fal_access::Mode;
use fal_queue::{
    CallerRules, Key, Priority, State, Storage, Ticket,
    store::{CancelAnswer, Content, Done, Error, Line, Op, Reader, Reply},
};
use fal_types::{AppId, Moment, Problem, RequestId};
use http::{HeaderValue, Response};

use crate::{
    Body, DirectCall, Refusal, RunnerView,
    conductor::Conductor,
    exchange::{self, Connected},
    handle::{Shared, commit, read},
    known::{Fact, Stand},
    watch::{Watch, Watchers},
};

/// One app of a node that runs.
#[derive(Debug, Clone)]
pub struct App {
    conductor: Arc<Conductor>,
}

/// A request for the queue. Its headers are already those that a runner may see.
#[derive(Debug)]
pub struct Submission {
    /// The id it will be known by.
    pub id: RequestId,
    /// The path below the app, with the query; empty for the root.
    pub path: String,
    /// Its place relative to others.
    pub priority: Priority,
    /// How long it may wait before its first attempt, where its caller said so.
    pub start_timeout: Option<Duration>,
    /// What its caller said about retries.
    pub caller: CallerRules,
    /// Which runner its caller would like.
    pub hint: Option<String>,
    /// What the runner gets.
    pub content: Content,
    /// Refuse it when more requests than this are ahead.
    pub max_ahead: Option<u64>,
    /// What makes another submit the same.
    pub key: Option<Key>,
    /// Where its end is told; a URL that was found good.
    pub webhook: Option<String>,
    /// How long input and result are kept.
    pub storage: Storage,
}

/// An accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// Its id: another than the submitted one where the same was submitted before.
    pub id: RequestId,
    /// How many requests wait ahead of it.
    pub ahead: u64,
    /// Whether the same was submitted before.
    pub is_repeated: bool,
}

/// Why the queue did not do what was asked. Nothing of it has happened, but for [`QueueError::Doubt`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// More requests wait than the caller allows.
    #[error("{waiting} requests are waiting already")]
    Full {
        /// How many.
        waiting: u64,
    },
    /// The id is taken.
    #[error("a request with this id exists")]
    Duplicate,
    /// Something else was submitted under the same key.
    #[error("request {request} was submitted under this key with another payload")]
    KeyTaken {
        /// What was.
        request: RequestId,
    },
    /// The platform is stopping.
    #[error("platform is stopping")]
    Stopping,
    /// The store failed; the platform's log has the reason.
    #[error("store failed")]
    Store,
    /// The store failed, and may have done what was asked.
    #[error("store failed, and may have done it")]
    Doubt,
}

/// A queued request as it is now.
#[derive(Debug, Clone)]
pub struct Tracked {
    /// What the store keeps of it.
    pub ticket: Ticket,
    /// How many requests wait ahead, while it waits itself.
    pub ahead: Option<u64>,
}

/// The answer to a queued request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// There is none yet.
    Pending,
    /// The runner's own.
    Reply(Reply),
    /// The platform's, and what it says beyond the usual.
    Problem(Problem, Option<String>),
}

impl App {
    pub(crate) const fn new(conductor: Arc<Conductor>) -> Self {
        Self { conductor }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &AppId {
        &self.conductor.id
    }

    /// Who may call it.
    #[must_use]
    pub fn auth(&self) -> Mode {
        self.conductor.current().options.auth
    }

    /// Whether some runner takes requests now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conductor.has_ready()
    }

    /// Makes a direct call: one attempt, never retried. With the answer comes the runner's name.
    ///
    /// # Errors
    /// When no runner answered; the platform's error says why.
    pub async fn call(&self, call: DirectCall) -> Result<(Response<Body>, HeaderValue), Refusal> {
        exchange::call(&self.conductor, call).await
    }

    /// Makes a direct call that asks to switch protocols, and opens a session where the runner does so.
    ///
    /// # Errors
    /// When no runner answered; the platform's error says why.
    pub async fn connect(&self, call: DirectCall) -> Result<Connected, Refusal> {
        exchange::connect(&self.conductor, call).await
    }

    //= docs/contract.md#queue-durable
    //# A submit MUST NOT be answered before the request is durable.
    /// Stores a request. When this returns, it is on disk.
    ///
    /// # Errors
    /// When it was not stored.
    #[expect(clippy::wildcard_enum_match_arm, reason = "other answers belong to other operations")]
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, QueueError> {
        let conductor = &self.conductor;
        let now = conductor.clock().now();
        let wait = submission.start_timeout;
        let wait = wait.or_else(|| conductor.current().options.request_start_timeout);
        let id = submission.id;
        let app = conductor.id.clone();
        let ticket = Ticket {
            start_deadline: wait.map(|wait| now + wait),
            caller: submission.caller,
            hint: submission.hint,
            key: submission.key,
            webhook: submission.webhook,
            storage: submission.storage,
            ..Ticket::new(id, app, submission.path, submission.priority, now)
        };
        let has_deadline = wait.is_some();
        // Where nobody else uses the store, a look at it costs little, and a position is right.
        let known = conductor.shared.is_store_shared.then(|| ticket.clone());
        let content = submission.content;
        let op = Op::Submit { ticket, content, max_ahead: submission.max_ahead };
        let (asked, conductor) = (self.clone(), Arc::clone(conductor));
        // What follows the commit must happen even where the caller leaves meanwhile.
        attended(async move {
            match submitted(&conductor.shared, op).await? {
                Done::Submitted { ahead } => {
                    if let Some(known) = known {
                        conductor.shared.known.submitted(now, known, ahead);
                    }
                    conductor.drive(fal_engine::Input::Arrived { due: now });
                    if has_deadline {
                        conductor.shared.deadlines.notify_one();
                    }
                    Ok(Submitted { id, ahead, is_repeated: false })
                }
                //= docs/contract.md#idempotency
                //# Of one app, the same `Idempotency-Key` with the same payload MUST be the same request, for as
                //# long as its result is kept.
                Done::Repeated { request } => {
                    let tracked = asked.track(request).await?;
                    let ahead = tracked.and_then(|tracked| tracked.ahead).unwrap_or_default();
                    Ok(Submitted { id: request, ahead, is_repeated: true })
                }
                Done::KeyTaken { request } => Err(QueueError::KeyTaken { request }),
                Done::QueueFull { waiting } => Err(QueueError::Full { waiting }),
                Done::Duplicate => Err(QueueError::Duplicate),
                _ => Err(QueueError::Store),
            }
        })
        .await
    }

    /// A request of this app as it is now; `None` if there is none with this id.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn track(&self, id: RequestId) -> Result<Option<Tracked>, QueueError> {
        let (app, now) = (self.id().clone(), self.conductor.clock().now());
        if let Some(fact) = self.conductor.shared.known.get(&app, id, now)
            && !fact.ticket.is_waiting()
        {
            return Ok(Some(Tracked { ticket: Arc::unwrap_or_clone(fact.ticket), ahead: None }));
        }
        let ask = move |reader: &mut dyn Reader| {
            let found = reader.ticket(&app, id)?;
            tracked(reader, found, now)
        };
        let found = read(self.conductor.shared.readers.ask(ask).await)?;
        if let Some(found) = &found {
            self.conductor.shared.known.shown(&found.ticket);
        }
        Ok(found)
    }

    /// What was told of a request of this app when it was submitted here, just before: for whoever looks again soon.
    #[must_use]
    pub fn told(&self, id: RequestId) -> Option<Tracked> {
        let now = self.conductor.clock().now();
        let Fact { ticket, stand: Stand::New(ahead), .. } =
            self.conductor.shared.known.get(self.id(), id, now)?
        else {
            return None;
        };
        Some(Tracked { ticket: Arc::unwrap_or_clone(ticket), ahead: Some(ahead) })
    }

    /// The answer to a request of this app; `None` if there is no request with this id.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn answer(&self, id: RequestId) -> Result<Option<Answer>, QueueError> {
        let (app, now) = (self.id().clone(), self.conductor.clock().now());
        // That there is none yet only the store can say: it knows of an end a little earlier.
        if let Some(Fact { stand: Stand::Answered(reply), .. }) =
            self.conductor.shared.known.get(&app, id, now)
        {
            return Ok(Some(Answer::Reply(Arc::unwrap_or_clone(reply))));
        }
        let ask = move |reader: &mut dyn Reader| {
            let found = reader.ticket(&app, id)?;
            let Some(ticket) = kept(found, now) else { return Ok(None) };
            let State::Done(ending) = ticket.state else { return Ok(Some(Answer::Pending)) };
            if let Some(problem) = ending.problem() {
                let said = reader.reply(id)?;
                let said = said.map(|said| String::from_utf8_lossy(&said.body).into_owned());
                return Ok(Some(Answer::Problem(problem, said)));
            }
            let reply = reader.reply(id)?;
            Ok(Some(reply.map_or(Answer::Problem(Problem::Internal, None), Answer::Reply)))
        };
        let found = read(self.conductor.shared.readers.ask(ask).await)?;
        if found.as_ref().is_some_and(|found| !matches!(found, Answer::Pending)) {
            self.conductor.shared.known.moved(id);
        }
        Ok(found)
    }

    /// Cancels a request of this app: a waiting one ends, a running one's runner is told.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn cancel(&self, id: RequestId) -> Result<CancelAnswer, QueueError> {
        let op = Op::Cancel { app: self.id().clone(), request: id };
        let conductor = Arc::clone(&self.conductor);
        attended(async move {
            let Done::Cancelled(answer) = commit(&conductor.shared, op).await? else {
                return Err(QueueError::Store);
            };
            match answer {
                // It may run on a runner of an app that has left and come back meanwhile.
                CancelAnswer::Signalled => {
                    let apps = conductor.shared.apps.upgrade();
                    let named = apps.map_or_else(Vec::new, |apps| apps.named(&conductor.id));
                    for conductor in named {
                        conductor.drive(fal_engine::Input::CancelAsked { request: id });
                    }
                }
                CancelAnswer::Cancelled => {
                    conductor.shared.changed(id);
                    conductor.shared.webhooks.notify_one();
                }
                CancelAnswer::AlreadyCompleted | CancelAnswer::Unknown => {}
            }
            Ok(answer)
        })
        .await
    }

    /// Its runners as they are now.
    #[must_use]
    pub fn runners(&self) -> Vec<RunnerView> {
        let now = self.conductor.clock().now();
        self.conductor.runners().into_iter().map(|seen| RunnerView::new(seen, now)).collect()
    }

    /// Its last runners that are gone, the last one first, as they were at their end.
    #[must_use]
    pub fn gone_runners(&self) -> Vec<RunnerView> {
        self.conductor.gone()
    }

    /// Whether other nodes use the same store, so that requests change by what they do.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.conductor.shared.is_store_shared
    }

    /// Changes whenever the request may have.
    #[must_use]
    pub fn watch(&self, id: RequestId) -> Watch {
        Watchers::watch(&self.conductor.shared.watchers, id)
    }

    /// What the runners printed while they worked on this request alone, as far as it is kept.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn lines(&self, id: RequestId) -> Result<Vec<Line>, QueueError> {
        let shared = &self.conductor.shared;
        let stored = read(shared.readers.ask(move |reader| reader.lines(id)).await)?;
        Ok(shared.lines.with(id, stored))
    }
}

/// Commits a submit. Where it is not known whether it has happened it is tried once more: its id is new, so a
/// duplicate is itself, and it was accepted.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other answer stands as it is")]
async fn submitted(shared: &Shared, op: Op) -> Result<Done, QueueError> {
    match shared.journal.commit(op.clone()).await {
        Err(error) if error.is_doubtful() => match commit(shared, op).await? {
            Done::Duplicate => Ok(Done::Submitted { ahead: 0 }),
            done => Ok(done),
        },
        done => done.map_err(Into::into),
    }
}

/// Runs to its end, whether or not somebody still waits for it.
pub(crate) async fn attended<T: Send + 'static>(
    task: impl Future<Output = Result<T, QueueError>> + Send + 'static,
) -> Result<T, QueueError> {
    tokio::spawn(task).await.unwrap_or(Err(QueueError::Stopping))
}

/// A request that is still kept: one whose result has expired is gone, swept or not.
fn kept(found: Option<Ticket>, now: Moment) -> Option<Ticket> {
    found.filter(|ticket| !ticket.is_expired(now))
}

/// The same, with its place in the queue.
pub(crate) fn tracked(
    reader: &mut dyn Reader,
    found: Option<Ticket>,
    now: Moment,
) -> Result<Option<Tracked>, Error> {
    let Some(ticket) = kept(found, now) else { return Ok(None) };
    let ahead = if ticket.is_waiting() { Some(reader.ahead(&ticket)?) } else { None };
    Ok(Some(Tracked { ticket, ahead }))
}
