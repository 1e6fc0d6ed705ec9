//! The pages for callers: every program on them is run as it stands, and prints what the page says.

use std::{collections::BTreeMap, fs, path::Path};

use fal_tests::{App, Platform, Request, Value, client_example, json, node, python, run_script};

use crate::stage::folder;

/// A fenced block: what it is written in, and its lines.
type Block = (String, String);

fn page(name: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let text = fs::read_to_string(path).expect("the page is there");
    let parts: Vec<_> = text.split("```").collect();
    let blocks = parts.iter().skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    blocks.map(|(kind, text)| (kind.to_owned(), text.to_owned())).collect()
}

/// The programs of a page, each with what it prints.
fn programs(name: &str, language: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut program = None;
    for (kind, text) in page(name) {
        match kind.as_str() {
            "text" => found.extend(program.take().map(|program| (program, text))),
            kind if kind == language => program = Some(text),
            _ => {}
        }
    }
    assert!(program.is_none(), "each program is followed by what it prints");
    found
}

fn hello() -> Platform {
    let app = App::example("hello").named("demo/hello").set("max_multiplexing", 8);
    Platform::start("[tls]", &[app])
}

/// Runs a program in the environment that the page says.
#[track_caller]
fn prints(program: &Path, script: &Path, environment: &BTreeMap<String, String>, said: &str) {
    let (found, log) = run_script(program, &[script], environment);
    assert_eq!(found, said, "{}\n{log}", script.display());
}

//= docs/contract.md#env
//= type=test
//# `fal-server env` MUST print exports with which fal's Python client, unmodified, calls this platform over TLS.
#[test]
fn the_page_on_fals_python_client_holds() {
    let platform = hello();
    let [secured, plain] = <[_; 2]>::try_from(programs("client-python.md", "python")).unwrap();
    let exports = platform.tool(&["env"]).went_well();
    let exports = exports.iter().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let exports: BTreeMap<_, _> = exports
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect();
    let script = platform.dir().join("program.py");
    fs::write(&script, secured.0).unwrap();
    prints(&python(), &script, &exports, &secured.1);
    fs::write(&script, plain.0).unwrap();
    let server = ("FAL_SERVER_URL".to_owned(), format!("http://{}", platform.addr()));
    prints(&python(), &script, &[server].into(), &plain.1);
}

#[test]
fn the_page_on_the_rust_client_holds() {
    let platform = hello();
    let blocks = page("client.md");
    let at = blocks.iter().position(|(kind, _)| kind == "text").expect("the page has an output");
    let [(_, code), (_, said)] = &blocks[at - 1..=at] else { panic!("it follows its program") };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/client/examples/page.rs");
    let example = fs::read_to_string(example).unwrap();
    assert!(example.ends_with(code.as_str()), "the page has the program that is run here");
    let server = ("FAL_SERVER_URL".to_owned(), format!("http://{}", platform.addr()));
    let (found, log) = run_script(&client_example("page"), &[], &[server].into());
    assert_eq!(&found, said, "{log}");
}

#[test]
fn the_page_on_fals_javascript_client_holds() {
    let platform = hello();
    let node = node(&folder("javascript"));
    let server = ("FAL_SERVER_URL".to_owned(), format!("http://{}", platform.addr()));
    let environment = [server].into();
    let modules = platform.dir().join("node_modules");
    std::os::unix::fs::symlink(&node.modules, modules).unwrap();
    let programs = programs("client-javascript.md", "js");
    assert_eq!(programs.len(), 3);
    for (number, (text, said)) in programs.into_iter().enumerate() {
        let script = platform.dir().join(format!("program{number}.mjs"));
        fs::write(&script, text).unwrap();
        prints(&node.program, &script, &environment, &said);
    }
}

#[test]
fn the_page_on_apps_of_fals_sdk_holds() {
    let blocks = page("python-apps.md");
    let block = |wanted: &str| {
        let found = blocks.iter().find(|(kind, _)| kind == wanted);
        found.map(|(_, text)| text.clone()).expect("the page has such a block")
    };
    let programs = python();
    let programs = programs.parent().expect("a program lies in a folder").to_string_lossy();
    // As where `pip install fal` has put it on the path.
    let config = block("toml").replace("exec fal ", &format!("PATH='{programs}':$PATH exec fal "));
    assert!(config.contains(&*programs), "the command is the page's own");
    let platform = Platform::prepared(&config, &[], |dir| {
        fs::write(dir.join("sketch.py"), block("python")).unwrap();
    });
    let send = |body: Value| platform.send(&Request::new("POST", "/run/me/sketch").json(&body));
    let call = |prompt: &str| send(json!({ "prompt": prompt }));
    assert_eq!(call("you").is(200).text(), block("text").trim_end());
    let before = platform.only_runner();
    let broken = call("break").is(503);
    assert_eq!(broken.json(), json!({ "detail": "GPU error" }));
    platform.replaced(before);
    assert_eq!(call("you").status, 200);
    assert_eq!(send(json!({})).status, 422);
}
