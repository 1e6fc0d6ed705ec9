//! The configuration: read, checked whole, and only then used.

mod app;
mod described;
mod edge;
mod files;
mod keys;
mod machine;
mod queue;
mod raw;
mod report;

use std::{
    net::SocketAddr,
    ops::Range,
    path::{Path, PathBuf},
};

use fal_access::Entry;
use fal_node::{AppOptions, Machine};
use toml::Spanned;

use self::edge::Given;
pub(crate) use self::{
    edge::{Objects, Tls},
    queue::Queue,
    raw::RetryConfig,
};
use crate::{Failure, cli::Serve};

/// What the platform is started with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) limits: fal_gateway::Limits,
    pub(crate) machine: Machine,
    pub(crate) apps: Vec<AppOptions>,
    pub(crate) queue: Queue,
    pub(crate) keep: fal_queue::Keep,
    /// Whether webhooks may go to private addresses, where the configuration says it.
    pub(crate) webhook_allow_private: Option<bool>,
    /// What callers prove themselves with.
    pub(crate) keys: Vec<Entry>,
    pub(crate) tls: Option<Tls>,
    /// What callers reach the platform under, where the configuration says it.
    pub(crate) public_url: Option<String>,
    pub(crate) objects: Objects,
}

//= docs/contract.md#configuration
//# A configuration with an unknown key, a wrong type or a value out of range MUST be refused with exit code 2 before anything starts.
/// Reads and checks everything; nothing has been started when this fails.
pub(crate) fn load(arguments: &Serve) -> Result<Settings, Failure> {
    Written::read(arguments.config.as_deref())?.settings(arguments)
}

/// The same for a platform that runs with other settings, some of which only a restart can change.
pub(crate) fn reload(arguments: &Serve, running: &Settings) -> Result<Settings, Failure> {
    let written = Written::read(arguments.config.as_deref())?;
    let settings = written.settings(arguments)?;
    written.refuse_changes(&settings, running)?;
    Ok(settings)
}

/// Checks a configuration for a platform that runs with it, and answers its data directory.
pub(crate) fn check(config: &Path) -> Result<PathBuf, Failure> {
    let written = Written::read(Some(config))?;
    written.raw.limits(&written.source())?;
    keys::read(&written.source(), &written.raw)?;
    Queue::read(&written.source(), &written.raw, None)?;
    queue::keep(&written.source(), &written.raw.retention)?;
    let machine = machine::read(&written.source(), &written.raw.machine)?;
    let mut apps = app::all(&written.source(), &written.raw, &written.base)?;
    machine::share(&written.source(), &written.raw, (&machine, &mut apps))?;
    Ok(written.data_dir())
}

/// Whether a configuration keeps its queue elsewhere than in its data directory.
pub(crate) fn is_elsewhere(config: &Path) -> Result<bool, Failure> {
    let written = Written::read(Some(config))?;
    Ok(Queue::read(&written.source(), &written.raw, None)? != Queue::Embedded)
}

/// A configuration that has the right form.
struct Written {
    file: PathBuf,
    text: String,
    raw: raw::File,
    /// What paths in it begin from.
    base: PathBuf,
}

impl Written {
    fn read(config: Option<&Path>) -> Result<Self, Failure> {
        let (file, text) = match config {
            None => (PathBuf::from("(no file)"), String::new()),
            Some(file) => (file.to_owned(), read(file)?),
        };
        let source = report::Source { file: &file, text: &text };
        let raw = toml::from_str(&text).map_err(|error| bad(&source.syntax(&error)))?;
        let base = config.and_then(Path::parent).unwrap_or(Path::new(".")).to_owned();
        Ok(Self { file, text, raw, base })
    }

    fn source(&self) -> report::Source<'_> {
        report::Source { file: &self.file, text: &self.text }
    }

    fn data_dir(&self) -> PathBuf {
        let written = self.raw.data_dir.as_ref().map(|written| written.as_ref().as_path());
        self.base.join(written.unwrap_or(Path::new(".fal")))
    }

    fn settings(&self, arguments: &Serve) -> Result<Settings, Failure> {
        let (source, raw) = (self.source(), &self.raw);
        let mut apps = app::all(&source, raw, &self.base)?;
        for example in &arguments.app {
            let added = app::example(example)?;
            if !apps.iter().any(|app| app.id == added.id) {
                apps.push(added);
            }
        }
        if apps.is_empty() {
            return Err(bad(
                "there is no app to serve: add [apps.\"owner/alias\"] to the configuration, or --app hello",
            ));
        }
        let machine = machine::read(&source, &raw.machine)?;
        machine::share(&source, raw, (&machine, &mut apps))?;
        let keys = keys::read(&source, raw)?;
        let given = Given { source: &source, raw, arguments, keys: &keys };
        let listen = given.listen()?;
        let (tls, objects) = (given.tls(&self.base, listen)?, given.objects()?);
        let public_url = given.public_url()?;
        Ok(Settings {
            machine,
            listen,
            tls,
            objects,
            public_url,
            keys,
            data_dir: arguments.data_dir.clone().unwrap_or_else(|| self.data_dir()),
            limits: raw.limits(&source)?,
            apps,
            queue: Queue::read(&source, raw, arguments.queue.as_deref())?,
            keep: queue::keep(&source, &raw.retention)?,
            webhook_allow_private: raw.webhook_allow_private.as_ref().map(|it| *it.as_ref()),
        })
    }

    //= docs/contract.md#reload
    //# A change of `listen`, `data_dir`, `queue`, `retention`, `webhook_allow_private`, `tls`, `public_url`, `objects`, `api_keys`, `max_body`, `max_head` or anything of `machine` MUST be refused by name, for only a restart can make it.
    fn refuse_changes(&self, new: &Settings, running: &Settings) -> Result<(), Failure> {
        fn span<T>(written: Option<&Spanned<T>>) -> Option<Range<usize>> {
            written.map(Spanned::span)
        }
        fn same<T: PartialEq>(
            (new, old): (&Machine, &Machine),
            part: impl Fn(&Machine) -> T,
        ) -> bool {
            part(new) == part(old)
        }
        let (raw, machines) = (&self.raw, (&new.machine, &running.machine));
        let fixed = [
            ("listen", span(raw.listen.as_ref()), new.listen == running.listen),
            ("data_dir", span(raw.data_dir.as_ref()), new.data_dir == running.data_dir),
            ("queue", span(raw.queue.as_ref()), new.queue == running.queue),
            ("retention", raw.retention.span(), new.keep == running.keep),
            (
                "webhook_allow_private",
                span(raw.webhook_allow_private.as_ref()),
                new.webhook_allow_private == running.webhook_allow_private,
            ),
            ("tls", span(raw.tls.as_ref()), new.tls == running.tls),
            ("public_url", span(raw.public_url.as_ref()), new.public_url == running.public_url),
            ("objects", None, new.objects == running.objects),
            ("api_keys", span(raw.api_keys.as_ref()), new.keys == running.keys),
            ("max_body", span(raw.max_body.as_ref()), new.limits.body == running.limits.body),
            ("max_head", span(raw.max_head.as_ref()), new.limits.head == running.limits.head),
            (
                "machine.runners",
                span(raw.machine.runners.as_ref()),
                same(machines, |it| it.shared.runners),
            ),
            ("machine.turn", span(raw.machine.turn.as_ref()), same(machines, |it| it.shared.turn)),
            ("machine.type", span(raw.machine.kind.as_ref()), same(machines, |it| it.kind.clone())),
        ];
        let Some((key, span, _)) = fixed.into_iter().find(|(_, _, is_same)| !is_same) else {
            return Ok(());
        };
        let text = "it cannot change while the platform runs: stop it and start it again";
        Err(bad(&match span {
            Some(span) => self.source().at(span, key, text),
            None => format!("{}: {key}: {text}", self.file.display()),
        }))
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        bad(&format!("{}: the configuration cannot be read: {error}", file.display()))
    })
}

/// A refusal of the configuration.
pub(crate) fn bad(text: &str) -> Failure {
    Failure::Configuration(text.to_owned())
}

#[cfg(test)]
mod tests;
