//! The one place that starts processes.

use std::{
    convert::Infallible,
    ffi::{OsStr, OsString},
    fmt,
    fs::File,
    io::{BufRead, BufReader, ErrorKind},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{say, workspace};

/// A command line to be, which begins in the folder that the person is in.
pub(crate) struct Cmd {
    inner: Command,
}

impl Cmd {
    #[expect(clippy::disallowed_methods, reason = "xtask starts processes, here and nowhere else")]
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { inner: Command::new(program) }
    }

    /// Cargo, in the workspace's root.
    pub(crate) fn cargo() -> Self {
        let mut cmd = Self::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
        cmd.inner.current_dir(workspace::root());
        cmd
    }

    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.inner.arg(word);
        self
    }

    pub(crate) fn args<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.inner.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Keeps its standard error from the person: whoever starts it reads that.
    pub(crate) fn with_log(mut self) -> Self {
        self.inner.stderr(Stdio::piped());
        self
    }

    /// Has its standard error written to a file.
    pub(crate) fn log_to(mut self, file: File) -> Self {
        self.inner.stderr(file);
        self
    }

    /// Runs it where the person sees all of it.
    pub(crate) fn run(mut self) -> Result<()> {
        say::note(format_args!("$ {self}"));
        let status =
            self.inner.stdin(Stdio::null()).status().with_context(|| self.cannot_start())?;
        if !status.success() {
            bail!("`{self}` ended with {status}");
        }
        Ok(())
    }

    /// Runs it, shows all of it line by line, and returns the lines that are wanted.
    pub(crate) fn run_and_keep(mut self, is_wanted: fn(&str) -> bool) -> Result<Vec<String>> {
        say::note(format_args!("$ {self}"));
        let child = self.inner.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.with_context(|| self.cannot_start())?;
        let mut kept = Vec::new();
        for line in child.stderr.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines()) {
            let line = line?;
            say::echo(&line);
            if is_wanted(&line) {
                kept.push(line);
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("`{self}` ended with {status}: {}", kept.join(" ").trim());
        }
        Ok(kept)
    }

    /// Runs it and returns what it wrote to standard output.
    pub(crate) fn output(mut self) -> Result<String> {
        let done = self.inner.stdin(Stdio::null()).stderr(Stdio::inherit());
        let done = done.output().with_context(|| self.cannot_start())?;
        if !done.status.success() {
            bail!("`{self}` ended with {}", done.status);
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// Whether it can be started and ends with success; silent.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self.inner.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }

    /// Starts it beside this program, with a pipe from its standard output.
    pub(crate) fn start(mut self) -> Result<Running> {
        let child = self.inner.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Running { child: child.spawn().with_context(|| self.cannot_start())? })
    }

    /// Starts it and leaves it to itself; it shows what it does where this program does.
    pub(crate) fn leave(mut self) -> Result<()> {
        self.inner.stdin(Stdio::null()).spawn().with_context(|| self.cannot_start())?;
        Ok(())
    }

    /// Becomes it: signals then go straight to it, and its exit status is ours.
    pub(crate) fn exec(mut self) -> Result<Infallible> {
        let error = self.inner.exec();
        Err(error).with_context(|| self.cannot_start())
    }

    fn cannot_start(&self) -> String {
        format!("`{}` cannot be started", self.inner.get_program().to_string_lossy())
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As a person in the repository would type it.
        let root = format!("{}/", workspace::root().display());
        let program = Path::new(self.inner.get_program());
        let name = if program.starts_with(&root) { None } else { program.file_name() };
        let name = name.unwrap_or(program.as_os_str()).to_string_lossy();
        write!(f, "{}", name.replace(&root, ""))?;
        let mut words = self.inner.get_args().map(|word| word.to_string_lossy().replace(&root, ""));
        words.try_for_each(|word| write!(f, " {word}"))
    }
}

/// A started process, which is asked to stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Running {
    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let pid = self.child.id().to_string();
        if matches!(self.child.try_wait(), Ok(None)) && !Cmd::new("kill").arg(pid).succeeds() {
            // It may have ended in between; then there is nothing to kill.
            let _gone = self.child.kill();
        }
        let _reaped = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "xtask reads the environment, here and nowhere else")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether a program is on the path.
pub(crate) fn exists(program: &str) -> bool {
    let mut probe = Cmd::new(program).arg("--version");
    let quiet = probe.inner.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    !matches!(quiet.status(), Err(error) if error.kind() == ErrorKind::NotFound)
}
