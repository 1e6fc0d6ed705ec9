//! What a node is built from.

use std::{path::PathBuf, time::Duration};

use fal_access::Mode;
use fal_allotment::{Shared, Want};
use fal_engine::Settings;
use fal_queue::{NodeId, store::Store};
pub use fal_supervisor::HealthProbe;
use fal_supervisor::Supervisor;
use fal_types::AppId;

use crate::mail::Webhooks;

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
    /// What its apps share.
    pub machine: Machine,
    /// The largest request or result that is held whole, in bytes.
    pub max_body: usize,
    /// Which of the nodes it is that use the store. It stays the same when the node is started again.
    pub node: NodeId,
    /// How the ends of requests are told.
    pub webhooks: Webhooks,
    //= docs/contract.md#runner-environment
    //# None of these MUST count as a change of the app at a reload.
    /// What every runner finds in its environment, unless its app's own says otherwise. It belongs to no app, and stays
    /// as it is.
    pub env: Vec<(String, String)>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("apps", &self.apps).field("boot", &self.boot).finish()
    }
}

/// The machine that a node runs on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// What kind of machine it is, for the records of its runners.
    pub kind: String,
    /// How it is shared.
    pub shared: Shared,
}

/// One app: how its runners are started, and what the platform does for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppOptions {
    /// Its name.
    pub id: AppId,
    /// The program and its arguments. Never empty.
    pub command: Vec<String>,
    /// Where the program runs.
    pub cwd: PathBuf,
    /// The files that the command names, the program first, as they were when this was read.
    pub files: Vec<Stamp>,
    /// What is added to its environment.
    pub env: Vec<(String, String)>,
    /// What each of its runners needs of the machine.
    pub want: Want,
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
    /// Who may call it. The node lets everybody in: asking is the edge's affair.
    pub auth: Mode,
}

/// A file, and what tells it from the one that may stand in its place later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Where it lies.
    pub path: PathBuf,
    /// When it was last written, in seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// How many bytes it has.
    pub size: u64,
    /// Which file it is.
    pub inode: u64,
}

impl AppOptions {
    /// Whether a runner that was started with these is as good as one that is started with the others.
    //= docs/contract.md#reload
    //# An app's runners MUST be replaced when its command, `cwd`, `env`, `max_multiplexing`, `startup_timeout`, grace period, health check, `gpus`, `num_gpus` or `runners_per_gpu` has changed, or a file that its command names.
    pub(crate) fn starts_like(&self, other: &Self) -> bool {
        self.command == other.command
            && self.cwd == other.cwd
            && self.env == other.env
            && self.files == other.files
            && self.health == other.health
            && self.settings.limits == other.settings.limits
            && self.settings.max_multiplexing == other.settings.max_multiplexing
            && self.settings.needs == other.settings.needs
            && self.want == other.want
    }
}
