//! What the gateway holds: cheap to clone, and all that others may ask of a node.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use fal_queue::{
    Account, NodeId, Ticket,
    store::{CancelAnswer, Content, Done, Error, Op, Reader, Webhook},
};
use fal_supervisor::Supervisor;
use fal_types::{AppId, Moment, RequestId};
use fal_webhook::{Private, Target, TargetError};
use tokio::sync::{Notify, Semaphore};

use crate::{
    App, Clock, Submitted,
    apps::Apps,
    journal::{Chain, Journal, JournalError},
    known::Known,
    lines::Lines,
    machine::Machine,
    others::Heard,
    queue::{QueueError, Tracked, attended, tracked},
    readers::Readers,
    watch::Watchers,
};

/// What all apps of a node share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) readers: Readers,
    pub(crate) supervisor: Supervisor,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) known: Known,
    pub(crate) lines: Lines,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) node: NodeId,
    /// Where apps say what they need of the machine.
    pub(crate) machine: Machine,
    /// What kind of machine it is.
    pub(crate) kind: String,
    pub(crate) max_body: usize,
    /// All of them, for one that has to do with another of its name.
    pub(crate) apps: Weak<Apps>,
    /// A permit for each attempt at a queued request, until its end is on disk.
    pub(crate) recording: Semaphore,
    /// Rung when a request was stored whose deadline may be the next.
    pub(crate) deadlines: Notify,
    /// Rung when a request has ended that has a webhook.
    pub(crate) webhooks: Notify,
    /// Whether other nodes use the same store.
    pub(crate) is_store_shared: bool,
    /// Since when that store hears this node.
    pub(crate) heard: Heard,
    /// The keys that say who signs webhooks, as JWKS.
    pub(crate) jwks: String,
    /// Where webhooks may go.
    pub(crate) private: Private,
    /// What every runner finds in its environment, unless its app's own says otherwise.
    pub(crate) env: Vec<(String, String)>,
}

impl Shared {
    /// Something has happened to a request that only the store can tell of.
    pub(crate) fn changed(&self, request: RequestId) {
        self.known.forget(request);
        self.watchers.notify(request);
    }
}

/// A node that runs.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) apps: Arc<Apps>,
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Handle {
    /// The app with this name.
    #[must_use]
    pub fn app(&self, id: &AppId) -> Option<App> {
        self.apps.get(id).map(App::new)
    }

    /// All apps, by name.
    pub fn apps(&self) -> impl Iterator<Item = App> {
        self.apps.serving().into_iter().map(App::new)
    }

    /// All apps, and those that are served no more and whose runners finish what they have.
    pub fn all_apps(&self) -> impl Iterator<Item = App> {
        self.apps.all().into_iter().map(App::new)
    }

    /// The time as the node sees it.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.shared.clock.now()
    }

    /// What kind of machine it runs on.
    #[must_use]
    pub fn machine_kind(&self) -> &str {
        &self.shared.kind
    }

    /// Whether the node takes no new work any more.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The last requests that were submitted, newest first.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn recent(&self, app: Option<AppId>, limit: u32) -> Result<Vec<Ticket>, QueueError> {
        self.list(move |reader| reader.recent(app.as_ref(), limit)).await
    }

    /// What the store answers, but for what has expired.
    async fn list(
        &self,
        ask: impl FnOnce(&mut dyn Reader) -> Result<Vec<Ticket>, Error> + Send + 'static,
    ) -> Result<Vec<Ticket>, QueueError> {
        let now = self.now();
        let mut found = read(self.shared.readers.ask(ask).await)?;
        found.retain(|ticket| !ticket.is_expired(now));
        Ok(found)
    }

    /// The public keys of the webhooks' signatures, as JWKS.
    #[must_use]
    pub fn jwks(&self) -> &str {
        &self.shared.jwks
    }

    /// The URL of a webhook as it is kept, if webhooks may go there.
    ///
    /// # Errors
    /// When it is no URL, or leads where webhooks may not go.
    pub fn webhook_url(&self, url: &str) -> Result<String, TargetError> {
        Target::parse(url, self.shared.private).map(|target| target.url().to_owned())
    }

    /// Whether other nodes use the same store, so that changes may come from elsewhere.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.is_store_shared
    }

    /// All that is kept of a request, of whichever app; `None` if there is none with this id.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn story(&self, id: RequestId) -> Result<Option<Story>, QueueError> {
        let now = self.now();
        let ask = move |reader: &mut dyn Reader| {
            let found = reader.find(id)?;
            let Some(Tracked { ticket, ahead }) = tracked(reader, found, now)? else {
                return Ok(None);
            };
            let (accounts, webhook) = (reader.accounts(id)?, reader.webhook(id)?);
            Ok(Some(Story { ticket, ahead, accounts, webhook }))
        };
        let found = read(self.shared.readers.ask(ask).await)?;
        if let Some(found) = &found {
            self.shared.known.shown(&found.ticket);
        }
        Ok(found)
    }

    /// The last requests that have had all their retries, the one that ended last first.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn dead(&self, app: Option<AppId>, limit: u32) -> Result<Vec<Ticket>, QueueError> {
        self.list(move |reader| reader.dead(app.as_ref(), limit)).await
    }

    /// What is forwarded for a request, as far as it is kept.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn input(&self, id: RequestId) -> Result<Option<Content>, QueueError> {
        let now = self.now();
        let ask = move |reader: &mut dyn Reader| {
            let found = reader.find(id)?.filter(|ticket| !ticket.is_expired(now));
            if found.is_some() { reader.content(id) } else { Ok(None) }
        };
        read(self.shared.readers.ask(ask).await)
    }

    /// Makes a new request of a dead letter; `None` where there is none, or it was made before.
    ///
    /// # Errors
    /// When the store failed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "other answers belong to other operations")]
    pub async fn resubmit(
        &self,
        request: RequestId,
        heir: RequestId,
    ) -> Result<Option<Submitted>, QueueError> {
        let node = self.clone();
        // What follows the commit must happen even where the caller leaves meanwhile.
        attended(async move {
            match commit(&node.shared, Op::Resubmit { request, heir }).await? {
                Done::Submitted { ahead } => {
                    node.apps.look(|_| true).await;
                    Ok(Some(Submitted { id: heir, ahead, is_repeated: false }))
                }
                Done::Duplicate => Err(QueueError::Duplicate),
                Done::Stale => Ok(None),
                _ => Err(QueueError::Store),
            }
        })
        .await
    }

    /// Removes a dead letter; false where it is none.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn drop_dead(&self, request: RequestId) -> Result<bool, QueueError> {
        Ok(commit(&self.shared, Op::Drop { request }).await? == Done::Noted)
    }

    /// Sends the webhook of a request that has ended once more; false where there is none.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn send_webhook(&self, request: RequestId) -> Result<bool, QueueError> {
        let is_due = commit(&self.shared, Op::SendAgain { request }).await? == Done::Noted;
        if is_due {
            self.shared.webhooks.notify_one();
        }
        Ok(is_due)
    }

    /// Cancels a request, of whichever app.
    ///
    /// # Errors
    /// When the store failed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "other answers belong to other operations")]
    pub async fn cancel(&self, id: RequestId) -> Result<CancelAnswer, QueueError> {
        let Some(story) = self.story(id).await? else { return Ok(CancelAnswer::Unknown) };
        let app = story.ticket.app;
        if let Some(app) = self.app(&app) {
            return app.cancel(id).await;
        }
        // Nobody serves the app here; another node may run the request, and hears of it from the store.
        let done = commit(&self.shared, Op::Cancel { app, request: id }).await?;
        self.shared.changed(id);
        self.shared.webhooks.notify_one();
        match done {
            Done::Cancelled(answer) => Ok(answer),
            _ => Err(QueueError::Store),
        }
    }
}

/// All that is kept of one request, but for its input and its result.
#[derive(Debug, Clone)]
pub struct Story {
    /// The request.
    pub ticket: Ticket,
    /// How many requests wait ahead, while it waits itself.
    pub ahead: Option<u64>,
    /// Its attempts that are over, in order.
    pub accounts: Vec<Account>,
    /// How its webhook goes, once it has ended.
    pub webhook: Option<Webhook>,
}

pub(crate) async fn commit(shared: &Shared, op: Op) -> Result<Done, QueueError> {
    shared.journal.commit(op).await.map_err(Into::into)
}

impl From<JournalError> for QueueError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Ended => Self::Stopping,
            _ if error.is_doubtful() => Self::Doubt,
            // The writer has logged the reason, once for the whole batch.
            JournalError::Refused(_) => Self::Store,
        }
    }
}

pub(crate) fn read<T>(found: Option<Result<T, Error>>) -> Result<T, QueueError> {
    match found {
        Some(Ok(found)) => Ok(found),
        Some(Err(error)) => {
            tracing::error!(error = %Chain(&error), "the store cannot be read");
            Err(QueueError::Store)
        }
        None => Err(QueueError::Stopping),
    }
}
