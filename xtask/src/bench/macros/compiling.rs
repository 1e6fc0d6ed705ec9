//! How long the compiler takes over `hello` and over its twin, dependencies built beforehand.

use std::{fs::File, time::SystemTime};

use anyhow::{Context, Result};

use crate::{
    bench::{
        clock::{self, Took},
        median,
        table::Table,
    },
    cmd::Cmd,
    say, workspace,
};

/// Both are always asked for, so that both see the same dependencies with the same features.
const TARGETS: [&str; 9] =
    ["--quiet", "-p", "fal-app", "-p", "fal-tests", "--example", "hello", "--bin", "bench-twin"];

/// What is touched, and so compiled.
const TWIN: &str = "tests/src/bin/bench-twin.rs";
const HELLO: &str = "crates/app/examples/hello.rs";

/// A way to compile.
struct Way {
    name: &'static str,
    verb: &'static str,
    /// What `CARGO_INCREMENTAL` is set to.
    incremental: &'static str,
}

const WAYS: [Way; 4] = [
    Way { name: "check, from nothing", verb: "check", incremental: "0" },
    Way { name: "build, from nothing", verb: "build", incremental: "0" },
    Way { name: "check, saved unchanged", verb: "check", incremental: "1" },
    Way { name: "build, saved unchanged", verb: "build", incremental: "1" },
];

pub(super) fn run(rounds: u32) -> Result<()> {
    for way in &WAYS {
        say::note(format_args!("building what `hello` and its twin need: {}", way.name));
        way.cargo()?;
    }
    let (mut idle, mut both) = (Readings::default(), WAYS.map(|way| (way, Pair::default())));
    for round in 1..=rounds {
        say::note(format_args!("compiling, round {round} of {rounds}"));
        for (way, pair) in &mut both {
            // The other ways have touched both, and each way keeps what it made for itself.
            way.cargo()?;
            pair.twin.push(way.compile(TWIN)?);
            pair.hello.push(way.compile(HELLO)?);
            // Nothing was touched, so this is cargo's own time.
            idle.push(clock::time(|| way.cargo())?);
        }
    }
    let head =
        ["dev profile", "by hand s", "hello s", "times", "by hand CPU s", "hello CPU s", "times"];
    let mut table = Table::new(&head);
    for (way, pair) in &both {
        table.row(pair.row(way.name));
    }
    say::line(format_args!(
        "\nCompile time of `hello` beside the same by hand on axum, medians of {rounds} rounds (goal: at most 1.3 \
         times)"
    ));
    say::line(table);
    say::line(format_args!(
        "cargo takes {:.2} s where nothing was saved, which is part of each; linking is part of each build",
        median(&idle.wall)
    ));
    Ok(())
}

impl Way {
    fn cargo(&self) -> Result<()> {
        let cargo = Cmd::cargo().arg(self.verb).args(TARGETS);
        cargo.env("CARGO_INCREMENTAL", self.incremental).output().map(drop)
    }

    /// Compiles the one target whose source is this file, as if it had just been saved.
    fn compile(&self, source: &str) -> Result<Took> {
        touch(source)?;
        clock::time(|| self.cargo())
    }
}

#[expect(clippy::disallowed_methods, reason = "cargo tells what was saved by the time of day")]
fn touch(source: &str) -> Result<()> {
    let file = File::options().append(true).open(workspace::root().join(source));
    let touched = file.and_then(|file| file.set_modified(SystemTime::now()));
    touched.with_context(|| format!("{source} cannot be touched"))
}

#[derive(Default)]
struct Readings {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Readings {
    fn push(&mut self, took: Took) {
        self.wall.push(took.wall_s);
        self.cpu.push(took.cpu_s);
    }
}

#[derive(Default)]
struct Pair {
    twin: Readings,
    hello: Readings,
}

impl Pair {
    fn row(&self, name: &str) -> Vec<String> {
        let three = |twin: &[f64], hello: &[f64]| {
            let (twin, hello) = (median(twin), median(hello));
            [twin, hello, hello / twin].map(|figure| format!("{figure:.2}"))
        };
        let wall = three(&self.twin.wall, &self.hello.wall);
        let cpu = three(&self.twin.cpu, &self.hello.cpu);
        [&[name.to_owned()][..], &wall, &cpu].concat()
    }
}
