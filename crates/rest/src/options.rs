//! What the routes work with.

use std::{fmt, sync::Arc, time::Duration};

use fal_access::Tokens;
use fal_objects::{Store, Swept};
use fal_types::Moment;

/// How often what has expired is looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// Says what time it is, as seen by the wall.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// From which sites a browser's pages may use what is below `/rest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins {
    /// From all: right where every caller shows a key.
    Any,
    /// From this site and from this machine: right where callers need no key, as every page that somebody on this
    /// machine visits could ask for something otherwise.
    Local,
}

/// What the routes work with.
#[derive(Clone)]
pub struct Options {
    /// Where objects are kept.
    pub store: Store,
    /// What signs the rights that are given out.
    pub tokens: Arc<Tokens>,
    /// The time.
    pub clock: Clock,
    /// What URLs in answers begin with, such as `https://fal.example.com`, without a slash at the end. None: what
    /// the caller's own URL began with.
    pub public_url: Option<String>,
    /// From which sites a browser's pages may use what is below `/rest`.
    pub origins: Origins,
    /// How long a caller may send nothing while its body is awaited.
    pub pause: Duration,
}

impl Options {
    /// Routes for this store, with URLs as callers see them, pages of this machine only, and a minute's patience.
    #[must_use]
    pub fn new(store: Store, tokens: Arc<Tokens>, clock: Clock) -> Self {
        let (public_url, origins, pause) = (None, Origins::Local, Duration::from_secs(60));
        Self { store, tokens, clock, public_url, origins, pause }
    }

    pub(crate) fn now(&self) -> Moment {
        (self.clock)()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("store", &self.store)
            .field("public_url", &self.public_url)
            .field("origins", &self.origins)
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}

/// Removes objects whose time has come and uploads that nobody finishes, every 30 seconds. Never returns.
pub async fn sweep(store: Store, clock: Clock) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Swept { objects, uploads, failed } = store.sweep(clock()).await;
        if objects + uploads + failed > 0 {
            tracing::info!(objects, uploads, failed, "removed what had expired");
        }
    }
}
