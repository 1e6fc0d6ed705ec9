//! Opening the queue's store, wherever it is kept.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context;
use fal_node::NodeId;
use fal_queue::store::{Finding, Fitness, Store};
use fal_webhook::Key;

use crate::{
    lock,
    settings::{Queue, Settings},
};

/// A store, and what a node has to know of it.
pub(crate) struct Opened {
    pub(crate) store: Box<dyn Store>,
    pub(crate) node: NodeId,
    /// What webhooks are signed with.
    pub(crate) key: Key,
}

/// The number of the only node that an embedded store has.
const ONLY: NodeId = NodeId(1);

/// The file of the embedded store.
pub(crate) fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("queue.sqlite")
}

/// Opens the store that is configured, and refuses one that may lose what it has acknowledged.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<Opened> {
    let mut store = connect(settings)?;
    for finding in store.check().context("the queue's store cannot be checked")? {
        let (found, remedy) = (&finding.found, &finding.remedy);
        match finding.fitness {
            Fitness::Unfit => anyhow::bail!("the queue's store is not fit: {found}; {remedy}"),
            Fitness::Doubtful => tracing::warn!("the queue's store: {found}; {remedy}"),
            Fitness::Fit => {}
        }
    }
    let data_dir = &settings.data_dir;
    let key = Key::load_or_create(&data_dir.join("webhook.key"))
        .context("the key that signs webhooks cannot be used")?;
    let (held, most) = (settings.limits.body, store.caps().inline_max);
    if store.caps().shared && held > most {
        anyhow::bail!("max_body is {held}, and the queue's database takes {most} bytes at most");
    }
    match &settings.queue {
        Queue::Embedded => Ok(Opened { store, node: ONLY, key }),
        Queue::Postgres { .. } => {
            // All nodes sign with the same key, whoever was first.
            let kept = store.secret("webhook.key", key.to_pkcs8().to_vec());
            let kept = kept.context("the key that signs webhooks cannot be read")?;
            let key = Key::from_pkcs8(&kept).context("the queue holds no key for webhooks")?;
            Ok(Opened { store, node: node(data_dir)?, key })
        }
    }
}

/// Opens the store that is configured.
pub(crate) fn connect(settings: &Settings) -> anyhow::Result<Box<dyn Store>> {
    if let Some(options) = postgres(settings) {
        let store = fal_store_postgres::Store::open(&options);
        return Ok(Box::new(store.context("could not open the queue's database")?));
    }
    let file = file(&settings.data_dir);
    let mut options = fal_store_sqlite::Options::new(&file);
    options.keep = settings.keep;
    let store = fal_store_sqlite::Store::open(&options);
    Ok(Box::new(store.with_context(|| format!("could not open {}", file.display()))?))
}

/// What is wrong with the store that is configured, which is not changed for it. None where there is no store yet.
pub(crate) fn examine(settings: &Settings) -> anyhow::Result<Option<Vec<Finding>>> {
    if let Some(options) = postgres(settings) {
        let found = fal_store_postgres::Store::examine(&options);
        return Ok(Some(found.context("could not open the queue's database")?));
    }
    if !file(&settings.data_dir).exists() {
        return Ok(None);
    }
    // Nobody starts on it meanwhile.
    let _lock = lock::take(&settings.data_dir).context("could not take the data directory")?;
    Ok(Some(connect(settings)?.check().context("the queue's store cannot be checked")?))
}

/// How often a database is looked at while it is used.
const LOOK: Duration = Duration::from_secs(60);

/// Goes on looking whether the database is fit: a standby may come, or a transaction be forgotten. What is new is said
/// once.
pub(crate) fn keep_looking(settings: &Settings) -> anyhow::Result<()> {
    let Some(options) = postgres(settings) else { return Ok(()) };
    let look = move || {
        let mut said = Vec::new();
        loop {
            thread::park_timeout(LOOK);
            // One that cannot be reached says so elsewhere.
            let Ok(mut found) = fal_store_postgres::Store::examine(&options) else { continue };
            found.retain(|finding| finding.fitness != Fitness::Fit);
            for Finding { found, remedy, .. } in found.iter().filter(|one| !said.contains(*one)) {
                tracing::warn!("the queue's store: {found}; {remedy}");
            }
            said = found;
        }
    };
    let thread = thread::Builder::new().name("fal-doctor".to_owned()).spawn(look);
    thread.map(drop).context("could not start a thread")
}

fn postgres(settings: &Settings) -> Option<fal_store_postgres::Options> {
    let Queue::Postgres { url, allows_async_standby } = &settings.queue else { return None };
    let mut options = fal_store_postgres::Options::new(url);
    options.keep = settings.keep;
    if *allows_async_standby {
        options.standbys = fal_store_postgres::Standbys::Any;
    }
    Some(options)
}

/// The number of this node among those that share a store: drawn once, and kept in the data directory.
fn node(data_dir: &Path) -> anyhow::Result<NodeId> {
    let file = data_dir.join("node");
    let unusable = || format!("{} cannot be used", file.display());
    if let Some(known) = fs::read_to_string(&file).ok().and_then(|text| read(&text)) {
        return Ok(known);
    }
    // Its lower half is random, but for two bits.
    let bits = uuid::Uuid::now_v7().as_u128() & u128::from(u64::MAX);
    let number = u64::try_from(bits).unwrap_or(u64::MAX);
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut written = options.open(&file).with_context(unusable)?;
    writeln!(written, "{number:016x}").with_context(unusable)?;
    written.sync_all().with_context(unusable)?;
    Ok(NodeId(number))
}

fn read(text: &str) -> Option<NodeId> {
    u64::from_str_radix(text.trim(), 16).ok().map(NodeId)
}
