//! From a clone to a platform that answers: build what is needed, then become `fal-server`.

mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{
    cmd::Cmd,
    flags::{Flags, Usage},
    say, weights, workspace,
};

pub(crate) const HELP: &str = "
cargo xtask serve [--config FILE] [--app EXAMPLE]... [--listen ADDR] [--data-dir DIR] [--queue URL]
                  [--tls] [--release|--debug] [--watch]

Builds fal-server and the demo apps, and starts the platform. Ctrl-C stops it and every runner.
  --config FILE   your own apps (TOML); without it the demo apps are served as demo/hello and demo/lab
  --app EXAMPLE   one more example of fal-app, as demo/EXAMPLE. `embed` is a real model: its first build takes
                  minutes, and its weights (84 MB) are fetched once
  --listen ADDR   where to listen (default 127.0.0.1:8080; port 0 picks a free one)
  --data-dir DIR  where the queue is kept (default .fal)
  --queue URL     a PostgreSQL database that several platforms share, such as postgres://fal@127.0.0.1/fal
  --release       optimised, for figures; --debug, the default, builds faster
  --watch         builds again after each change under crates/, and replaces the runners of what has changed without
                  dropping a request; a build that fails changes nothing. A change of the configuration counts too
  --tls           TLS beside plain HTTP, on port 8443 (with a free port for one, a free one for both); then
                  `eval \"$(target/debug/fal-server env)\"` points fal's Python client here

Then, in another terminal:
  curl -X POST http://127.0.0.1:8080/run/demo/hello -H 'content-type: application/json' -d '{\"prompt\":\"you\"}'";

/// What is always built.
const DEMOS: [&str; 2] = ["hello", "fault_lab"];
/// The demo that is a workspace of its own.
const EMBED: &str = "embed";

/// How much the compiler takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// What was asked for.
struct Wanted {
    config: Option<PathBuf>,
    apps: Vec<String>,
    /// Passed on as they are.
    forwarded: Vec<String>,
    data_dir: Option<String>,
    /// It may hold a password, so it goes where no list of processes shows it.
    queue: Option<String>,
    profile: Profile,
    watch: Watch,
}

/// Whether changes are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    Off,
    On,
}

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    // Said by this command to itself alone.
    let watching = flags.value("--watching")?.and_then(|platform| platform.parse().ok());
    let words = flags.words().to_vec();
    let wanted = read(flags)?;
    if let Some(platform) = watching {
        watch::keep(&wanted, platform);
        return Ok(());
    }
    build(&wanted)?;
    if wanted.watch == Watch::On {
        watch::start(&words)?;
    }
    let mut server = Cmd::new(binaries(wanted.profile).join("fal-server")).arg("serve");
    match &wanted.config {
        Some(config) => server = server.arg("--config").arg(config).args(apps(&wanted)),
        None => server = server.arg("--config").arg(generated(&wanted)?),
    }
    if let Some(dir) = &wanted.data_dir {
        server = server.arg("--data-dir").arg(dir);
    }
    let server = server.args(&wanted.forwarded).env("FAL_SERVER_WELCOME", "1");
    // What the file says beats it.
    let server = server.env("FAL_SERVER_LOCAL_WEBHOOKS", "1");
    let mut server = server.env("FAL_MODEL_DIR", weights::model());
    say::note(format_args!("$ {server}"));
    if let Some(queue) = &wanted.queue {
        server = server.env("FAL_SERVER_QUEUE", queue);
    }
    match server.exec()? {}
}

fn read(mut flags: Flags) -> Result<Wanted> {
    let (release, debug) = (flags.switch("--release"), flags.switch("--debug"));
    if release && debug {
        bail!(Usage("--release and --debug contradict each other".to_owned()));
    }
    let listen = flags.value("--listen")?;
    let mut forwarded = listen.map(|addr| vec!["--listen".to_owned(), addr]).unwrap_or_default();
    if flags.switch("--tls") {
        forwarded.push("--tls".to_owned());
    }
    let wanted = Wanted {
        config: flags.value("--config")?.map(PathBuf::from),
        apps: flags.values("--app")?,
        forwarded,
        data_dir: flags.value("--data-dir")?,
        queue: flags.value("--queue")?,
        profile: if release { Profile::Release } else { Profile::Debug },
        watch: if flags.switch("--watch") { Watch::On } else { Watch::Off },
    };
    flags.finish()?;
    if let Some(missing) = wanted.config.as_ref().filter(|config| !config.is_file()) {
        bail!(Usage(format!("there is no file {}", missing.display())));
    }
    if let Some(unknown) = wanted.apps.iter().find(|app| !is_example(app)) {
        bail!(Usage(format!(
            "fal-app has no example `{unknown}`: {} are there",
            examples().join(", ")
        )));
    }
    Ok(wanted)
}

fn examples_dir() -> PathBuf {
    workspace::root().join("crates/app/examples")
}

fn is_example(name: &str) -> bool {
    examples().iter().any(|example| example == name)
}

/// The names of fal-app's examples: files, and folders with a program in them.
fn examples() -> Vec<String> {
    let entries = fs::read_dir(examples_dir()).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| example(&entry.path())).collect();
    names.sort();
    names
}

fn example(path: &Path) -> Option<String> {
    let is_file = path.extension().is_some_and(|ending| ending == "rs");
    let is_program = path.join("main.rs").is_file() || path.join("Cargo.toml").is_file();
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    (is_file || is_program).then_some(stem)
}

/// Where cargo puts programs.
pub(crate) fn binaries(profile: Profile) -> PathBuf {
    workspace::target().join(match profile {
        Profile::Debug => "debug",
        Profile::Release => "release",
    })
}

/// Cargo's own flag for it.
pub(crate) fn optimised(profile: Profile) -> Option<&'static str> {
    (profile == Profile::Release).then_some("--release")
}

fn build(wanted: &Wanted) -> Result<()> {
    let mut cargo =
        Cmd::cargo().args(["build", "-p", "fal-server", "-p", "fal-app", "--bin", "fal-server"]);
    let more =
        wanted.apps.iter().map(String::as_str).filter(|app| *app != EMBED && !DEMOS.contains(app));
    for example in DEMOS.into_iter().chain(more) {
        cargo = cargo.args(["--example", example]);
    }
    cargo.args(optimised(wanted.profile)).run()?;
    if wanted.apps.iter().any(|app| app == EMBED) {
        weights::minilm()?;
        embed(wanted.profile)?;
    }
    Ok(())
}

/// Builds the model demo where the server looks for examples, though it is a workspace of its own.
pub(crate) fn embed(profile: Profile) -> Result<PathBuf> {
    say::note("building the embed demo: candle takes some minutes the first time");
    let manifest = examples_dir().join(EMBED).join("Cargo.toml");
    let cargo = Cmd::cargo().args(["build", "--example", EMBED, "--manifest-path"]);
    let cargo = cargo.arg(manifest).arg("--target-dir").arg(workspace::target());
    cargo.args(optimised(profile)).run()?;
    Ok(binaries(profile).join("examples").join(EMBED))
}

fn apps(wanted: &Wanted) -> impl Iterator<Item = &str> {
    wanted.apps.iter().flat_map(|app| ["--app", app.as_str()])
}

/// The configuration of a person who only wants to look.
fn generated(wanted: &Wanted) -> Result<PathBuf> {
    let path = workspace::made().join("serve.toml");
    let journal = workspace::made().join("lab.jsonl");
    let mut text = format!(
        "# Written by `cargo xtask serve`; give --config FILE to serve your own apps.
listen = \"127.0.0.1:8080\"
data_dir = {data_dir}
webhook_allow_private = true

[apps.\"demo/hello\"]
example = \"hello\"
min_concurrency = 1
crash_backoff = {{ step = 1, max = 10 }}

[apps.\"demo/lab\"]
example = \"fault_lab\"
env = {{ LAB_LOG = {journal} }}
crash_backoff = {{ step = 1, max = 10 }}
",
        data_dir = quoted(&workspace::root().join(".fal")),
        journal = quoted(&journal),
    );
    for app in wanted.apps.iter().filter(|app| !DEMOS.contains(&app.as_str())) {
        text.push_str(&format!("\n[apps.\"demo/{app}\"]\nexample = \"{app}\"\n"));
        if app == EMBED {
            text.push_str(&format!("env = {{ FAL_MODEL_DIR = {} }}\n", quoted(&weights::model())));
        }
        text.push_str("crash_backoff = { step = 1, max = 10 }\n");
    }
    workspace::write(&path, &text)?;
    Ok(path)
}

/// A path as a TOML string, which takes the escapes of a JSON one.
pub(crate) fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}
