//! The programs under test, built when they are wanted.
//!
//! They belong to other packages, so cargo does not build them for these suites. The first test of a run that wants
//! one has cargo bring it up to date; the others wait for that.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use rustix::fs::{FlockOperation, flock};

/// The platform's program: the one that `FAL_TEST_SERVER` names, or else one built here.
///
/// # Panics
/// When it cannot be built.
#[must_use]
#[track_caller]
pub fn server() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(given) = variable("FAL_TEST_SERVER") {
        return PathBuf::from(given);
    }
    let build = || built(&["-p", "fal-server", "--bins"], "fal-server");
    BUILT.get_or_init(build).clone()
}

/// What `cargo xtask` runs.
///
/// # Panics
/// When it cannot be built.
#[must_use]
#[track_caller]
pub(crate) fn xtask() -> PathBuf {
    built(&["-p", "xtask"], "xtask")
}

/// An example app of `fal-app`.
///
/// # Panics
/// When it cannot be built.
#[must_use]
#[track_caller]
pub fn example(name: &str) -> PathBuf {
    // Those that need more than every app has say so in their name: `files_lab` is of the feature `files`.
    let feature = if name.starts_with("files") { "files" } else { "" };
    let what = ["-p", "fal-app", "--features", feature, "--example", name];
    built(&what, &format!("examples/{name}"))
}

/// An example program of `fal-client`.
///
/// # Panics
/// When it cannot be built.
#[must_use]
#[track_caller]
pub fn client_example(name: &str) -> PathBuf {
    built(&["-p", "fal-client", "--example", name], &format!("examples/{name}"))
}

/// The runner that misbehaves. It is of this package, so cargo has built it beside the suites.
///
/// # Panics
/// When it is not there.
#[must_use]
#[track_caller]
pub fn unruly() -> PathBuf {
    let program = profile_dir().join("unruly");
    assert!(program.is_file(), "cargo builds {} for integration tests", program.display());
    program
}

/// Runs a program to its end, with these variables more; answers what it wrote to standard output and to standard error.
///
/// # Panics
/// When it cannot be started.
#[must_use]
#[track_caller]
pub fn run_script(
    program: &Path,
    arguments: &[&Path],
    variables: &BTreeMap<String, String>,
) -> (String, String) {
    let mut command = command(&program.to_string_lossy());
    let output = command.args(arguments).envs(variables).stdin(Stdio::null()).output();
    let output = output.expect("it can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Has cargo build something and answers where it lies.
#[track_caller]
fn built(what: &[&str], name: &str) -> PathBuf {
    let dir = profile_dir();
    let program = dir.join(name);
    once(&target_dir(), &name.replace('/', "-"), || {
        let profile = match dir.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(other) => other,
        };
        let cargo = variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
        let mut build = command(&cargo);
        build.args(["build", "--quiet", "--locked", "--profile", profile, "--target-dir"]);
        build.arg(target_dir()).args(what).current_dir(env!("CARGO_MANIFEST_DIR"));
        run(&mut build, &format!("{name} cannot be built"));
    });
    assert!(program.is_file(), "cargo has built {}", program.display());
    program
}

/// Does it once in a run of all the tests, and lets the other processes of that run wait meanwhile. Without a
/// test runner that names the run, it is done each time.
pub(crate) fn once(dir: &Path, name: &str, act: impl FnOnce()) {
    let run = variable("NEXTEST_RUN_ID");
    let dir = dir.join("tmp");
    fs::create_dir_all(&dir).expect("the target directory can be written");
    let path = dir.join(format!("once-{name}"));
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(&path);
    let file = file.expect("the target directory can be written");
    flock(&file, FlockOperation::LockExclusive).expect("a file can be locked");
    if fs::read_to_string(&path).is_ok_and(|done| run.as_ref() == Some(&done)) {
        return;
    }
    act();
    fs::write(&path, run.unwrap_or_default()).expect("the target directory can be written");
}

#[track_caller]
pub(crate) fn run(command: &mut Command, otherwise: &str) {
    let output = command.output();
    let said = output.as_ref().map_or_else(ToString::to_string, |output| {
        String::from_utf8_lossy(&output.stderr).into_owned()
    });
    assert!(output.is_ok_and(|output| output.status.success()), "{otherwise}\n{said}");
}

/// Where cargo puts programs of this profile: the test's own program lies in `deps` below it.
#[track_caller]
fn profile_dir() -> PathBuf {
    let own = env::current_exe().expect("a process knows its program");
    own.parent().and_then(Path::parent).expect("tests lie in PROFILE/deps").to_owned()
}

#[track_caller]
pub(crate) fn target_dir() -> PathBuf {
    profile_dir().parent().expect("profiles lie in the target directory").to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the suites start the programs under test, all of them here"
)]
pub(crate) fn command(program: &str) -> Command {
    Command::new(program)
}

#[expect(clippy::disallowed_methods, reason = "what the test runner says is in the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}
