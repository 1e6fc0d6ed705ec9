//! What a node is built from.

use std::{path::PathBuf, time::Duration};

use fal_engine::Settings;
use fal_queue::store::Store;
pub use fal_supervisor::HealthProbe;
use fal_supervisor::Supervisor;
use fal_types::AppId;

/// Everything a node needs.
pub struct Options {
    /// The apps it serves.
    pub apps: Vec<AppOptions>,
    /// Where queued requests are kept.
    pub store: Box<dyn Store>,
    /// What starts and ends its runners.
    pub supervisor: Supervisor,
    /// A number that differs between starts, for names of runners and leases.
    pub boot: u32,
    /// The largest request or result that is held whole, in bytes.
    pub max_body: usize,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("apps", &self.apps).field("boot", &self.boot).finish()
    }
}

/// One app: how its runners are started, and what the platform does for them.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// Its name.
    pub id: AppId,
    /// The program and its arguments. Never empty.
    pub command: Vec<String>,
    /// Where the program runs.
    pub cwd: PathBuf,
    /// What is added to its environment.
    pub env: Vec<(String, String)>,
    /// What the engine wants to know.
    pub settings: Settings,
    /// How long one attempt may take.
    pub request_timeout: Duration,
    /// The start deadline of requests that set none; `None` for no deadline.
    pub request_start_timeout: Option<Duration>,
    /// How long a TCP check may take.
    pub tcp_check_timeout: Duration,
    /// How the health endpoint is asked, where the app has one.
    pub health: Option<HealthProbe>,
}
