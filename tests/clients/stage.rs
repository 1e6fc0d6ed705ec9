//! The platform that both suites run against, and how their lines are held to what has to be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use fal_tests::{App, Platform, json, python, run_script};

const KEY: &str = "ops:a-long-secret-of-ours";
const KEYS: &str =
    r#"api_keys = ["ops:a-long-secret-of-ours", { key = "one:a-secret-for-one", concurrent = 1 }]"#;
const TLS: &str = "[tls]\nlisten = \"127.0.0.1:0\"";
const HEAD: &str = "webhook_allow_private = true";

/// Where the scripts lie.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// A platform with every app of the suites, and what a script has to know of it.
pub(crate) struct Stage {
    platform: Platform,
    base: String,
    /// What is in the environment of a script.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Stage {
    /// Plain HTTP, without keys.
    pub(crate) fn open() -> Self {
        let platform = Platform::start(HEAD, &apps());
        let base = format!("http://{}", platform.addr());
        assert_eq!(platform.call(&json!({})).status, 200);
        let variables = [("FAL_KEY".to_owned(), "id:secret".to_owned())].into();
        Self { platform, base, variables }
    }

    //= docs/contract.md#env
    //= type=test
    //# `fal-server env` MUST print exports with which fal's Python client, unmodified, calls this platform over TLS.
    /// TLS, where keys are asked for; the environment is what `fal-server env` says.
    pub(crate) fn secured() -> Self {
        let open = unruly("demo/public").set("auth", "\"public\"");
        let mut apps = apps();
        apps.push(open);
        let platform = Platform::start(&format!("{HEAD}\n{KEYS}\n{TLS}"), &apps);
        let mut variables = BTreeMap::new();
        for line in platform.tool(&["env"]).went_well() {
            let Some((name, value)) =
                line.strip_prefix("export ").and_then(|it| it.split_once('='))
            else {
                continue;
            };
            variables.insert(name.to_owned(), value.trim_matches('\'').to_owned());
        }
        let host = variables.get("FAL_RUN_HOST").and_then(|host| host.strip_suffix("/run"));
        let base = format!("https://{}", host.expect("the exports name the host"));
        variables.insert("FAL_KEY".to_owned(), KEY.to_owned());
        variables.insert("SUITE_KEYED".to_owned(), "1".to_owned());
        Self { platform, base, variables }
    }

    /// Runs a script, and fails for every check that is missing, failed or not listed.
    pub(crate) fn run(&self, program: &Path, script: &Path, lists: &[&[&str]]) {
        let lab = self.platform.dir().join("lab");
        let words = [script, Path::new(&self.base), &lab];
        let (said, log) = run_script(program, &words, &self.variables);
        let found: BTreeMap<_, _> = said.lines().filter_map(|line| line.split_once(' ')).collect();
        let listed: BTreeSet<_> = lists.iter().copied().flatten().copied().collect();
        let failed: Vec<_> = found.iter().filter(|(_, outcome)| **outcome != "ok").collect();
        let missing: Vec<_> = listed.iter().filter(|name| !found.contains_key(*name)).collect();
        let unlisted: Vec<_> = found.keys().filter(|name| !listed.contains(*name)).collect();
        assert!(
            failed.is_empty() && missing.is_empty() && unlisted.is_empty(),
            "failed: {failed:#?}\nmissing: {missing:?}\nunlisted: {unlisted:?}\n{log}"
        );
    }
}

fn unruly(name: &str) -> App {
    App::unruly().named(name)
}

/// An app of fal's own framework.
fn sdk(name: &str, class: &str) -> App {
    let fal = python().with_file_name("fal");
    let file = folder("python").join("app.py");
    let line = format!(
        "exec '{}' run --local --exposed-port $PORT --exposed-metrics-port 0 '{}::{class}'",
        fal.display(),
        file.display()
    );
    App::new(&["sh", "-c", &line]).named(name)
}

fn apps() -> Vec<App> {
    vec![
        unruly("demo/lab").set("min_concurrency", 1),
        unruly("demo/slow").set("request_timeout", 1),
        unruly("demo/many").set("max_concurrency", 4),
        unruly("demo/pair").set("min_concurrency", 2).set("max_concurrency", 2),
        sdk("demo/sdk", "Lab")
            .set("min_concurrency", 2)
            .set("max_concurrency", 2)
            .set("max_multiplexing", 4),
        sdk("demo/moody", "Moody"),
    ]
}
