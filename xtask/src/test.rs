//! Everything that CI checks, and every failure at the end rather than the first one.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::{
    cmd::Cmd,
    flags::{Flags, Usage},
    graph, python, say,
};

mod embed;

pub(crate) const HELP: &str = "
cargo xtask test [--fast] [STEP]...

Runs what CI runs, goes on after a failure, and lists all failures at the end:
  fmt, clippy     formatting; every target without a warning
  docs            every page without a warning
  provision       fal's own Python client and SDK, in target/xtask/venv (needs python3 with venv); and PostgreSQL's programs
                  have to be there, for servers that the tests start and end themselves
  build           the platform and the example apps, which the suites start
  tests           unit tests, suites, end-to-end tests; tidy, graph and trace are among them
  doctests        the examples in the docs
  alone           each crate checked without the others
  embed           the model demo: weights, build, one real request (the first time takes minutes)
  --fast          without `alone` and `embed`
  STEP            only this one, and those named with it";

/// One thing to check. What it returns is said in the summary.
struct Step {
    name: &'static str,
    is_slow: bool,
    run: fn() -> Result<String>,
}

const STEPS: [Step; 9] = [
    Step { name: "fmt", is_slow: false, run: fmt },
    Step { name: "clippy", is_slow: false, run: clippy },
    Step { name: "docs", is_slow: false, run: docs },
    Step { name: "provision", is_slow: false, run: provision },
    Step { name: "build", is_slow: false, run: build },
    Step { name: "tests", is_slow: false, run: tests },
    Step { name: "doctests", is_slow: false, run: doctests },
    Step { name: "alone", is_slow: true, run: alone },
    Step { name: "embed", is_slow: true, run: embed::check },
];

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    let fast = flags.switch("--fast");
    let named: Vec<_> = std::iter::from_fn(|| flags.word()).collect();
    flags.finish()?;
    if let Some(unknown) = named.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        bail!(Usage(format!("there is no step `{unknown}`")));
    }
    let (mut summary, mut failed, mut passed) = (Vec::new(), 0, 0);
    for step in &STEPS {
        let is_named = named.is_empty() || named.iter().any(|name| name == step.name);
        if !is_named || fast && step.is_slow {
            summary.push(format!("left out  {}", step.name));
            continue;
        }
        say::note(format_args!("== {}", step.name));
        match (step.run)() {
            Ok(said) => {
                passed += 1;
                summary.push(format!("passed    {} {said}", step.name));
            }
            Err(error) => {
                failed += 1;
                say::problem(format_args!("{}: {error:#}", step.name));
                summary.push(format!("FAILED    {}: {error:#}", step.name));
            }
        }
    }
    for line in &summary {
        say::line(line.trim_end());
    }
    say::line(format_args!("{passed} steps passed, {failed} failed"));
    if failed > 0 {
        bail!("the project does not pass");
    }
    Ok(())
}

/// What is off by default, and checked all the same.
const WITH_FILES: [&str; 2] = ["--features", "fal-app/files"];

/// Runs cargo; nothing to add to the summary.
fn cargo(words: &[&str]) -> Result<String> {
    Cmd::cargo().args(words).run()?;
    Ok(String::new())
}

fn fmt() -> Result<String> {
    cargo(&["fmt", "--all", "--", "--check"])
}

fn clippy() -> Result<String> {
    let words = ["clippy", "--workspace", "--all-targets", "--locked"];
    cargo(&[&words[..], &WITH_FILES, &["--", "-D", "warnings"]].concat())
}

fn docs() -> Result<String> {
    let doc = Cmd::cargo().args(["doc", "--workspace", "--no-deps", "--locked"]).args(WITH_FILES);
    doc.env("RUSTDOCFLAGS", "-D warnings").run()?;
    Ok(String::new())
}

fn provision() -> Result<String> {
    let server = postgres().context(
        "PostgreSQL's programs are not here: install them (apt-get install postgresql); no server of the system is used",
    )?;
    Ok(format!("({}, {})", python::with_client()?.display(), server.display()))
}

/// Where the programs of a PostgreSQL server are.
fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let packaged = versions.map(|version| version.path().join("bin"));
    #[expect(clippy::disallowed_methods, reason = "programs are found where the shell finds them")]
    let path = env::var_os("PATH").unwrap_or_default();
    packaged.chain(env::split_paths(&path)).find(|folder| folder.join("initdb").is_file())
}

fn build() -> Result<String> {
    cargo(&["build", "-p", "fal-server", "-p", "fal-app", "--bins", "--examples", "--locked"])?;
    cargo(&["build", "-p", "fal-client", "--example", "page", "--locked"])?;
    let words = ["build", "-p", "fal-app", "--example", "files_lab", "--locked"];
    cargo(&[&words[..], &WITH_FILES].concat())
}

fn tests() -> Result<String> {
    let runner = if Cmd::cargo().args(["nextest", "--version"]).succeeds() {
        Cmd::cargo().args(["nextest", "run", "--workspace", "--profile", "ci", "--locked"])
    } else {
        say::note(
            "cargo-nextest is not here, so `cargo test` runs the same tests \
             (to get it: cargo install cargo-nextest --locked)",
        );
        Cmd::cargo().args(["test", "--workspace", "--all-targets", "--no-fail-fast", "--locked"])
    };
    let runner = runner
        .args(WITH_FILES)
        .env("INSTA_UPDATE", "no")
        .env("FAL_TEST_PYTHON", python::interpreter());
    let lines = runner.run_and_keep(is_count)?;
    Ok(format!("({})", lines.last().map_or("counted above", |line| line.trim())))
}

/// Whether a line says how many tests passed.
fn is_count(line: &str) -> bool {
    line.contains("tests run:")
}

fn doctests() -> Result<String> {
    cargo(&[&["test", "--workspace", "--doc", "--locked"][..], &WITH_FILES].concat())
}

fn alone() -> Result<String> {
    let mut broken = Vec::new();
    for package in graph::packages()? {
        if let Err(error) = cargo(&["check", "-p", &package.name, "--locked"]) {
            broken.push(format!("{error:#}"));
        }
    }
    if let Err(error) = cargo(&[&["check", "-p", "fal-app", "--locked"][..], &WITH_FILES].concat())
    {
        broken.push(format!("{error:#}"));
    }
    if !broken.is_empty() {
        bail!("{}", broken.join("; "));
    }
    Ok(String::new())
}
