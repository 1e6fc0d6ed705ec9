//! Changing the configuration of a platform that runs.

use std::{fs, os::fd::OwnedFd, path::Path, process::Stdio};

use rustix::{
    fs::{Mode, OFlags},
    process::Signal,
    pty::{self, OpenptFlags},
};

use super::{Folder, Platform, Runner};
use crate::{App, eventually, processes, program};

impl Platform {
    /// Starts on a terminal, which is closed when the second value is dropped.
    ///
    /// # Panics
    /// When there is no terminal to be had, or it does not start.
    #[must_use]
    #[track_caller]
    pub fn on_terminal(apps: &[App]) -> (Self, OwnedFd) {
        let ours = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let ours = ours.expect("there are terminals");
        pty::unlockpt(&ours).expect("it is ours");
        let name = pty::ptsname(&ours, Vec::new()).expect("it has a name");
        let theirs =
            rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty());
        let theirs = theirs.expect("it can be opened");
        let folder = Folder::new();
        folder.configure("", apps);
        (Self::launch(folder, theirs.into()), ours)
    }

    /// Serves with `cargo xtask serve --watch`, with a folder that the test puts something into first.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn watched(apps: &[App], prepare: impl FnOnce(&Path)) -> Self {
        let folder = Folder::new();
        prepare(folder.dir.path());
        folder.configure("", apps);
        let mut command = program::command(&program::xtask().to_string_lossy());
        command.args(["serve", "--watch", "--config"]).arg(folder.config());
        Self::launch_as(folder, command, Stdio::null())
    }

    /// Writes another configuration. The platform is not told.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn configure(&self, head: &str, apps: &[App]) {
        self.folder.configure(head, apps);
    }

    /// Writes this as the configuration.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write_config(&self, text: &str) {
        fs::write(self.folder.config(), text).expect("the folder can be written");
    }

    /// The configuration as it is.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[must_use]
    pub fn config(&self) -> String {
        fs::read_to_string(self.folder.config()).expect("the folder can be read")
    }

    /// Tells it to read its configuration again.
    pub fn hang_up(&self) {
        processes::signal(self.pid(), Signal::HUP);
    }

    /// Serves these apps from now on, and waits until that is so.
    ///
    /// # Panics
    /// When it does not come to that.
    #[track_caller]
    pub fn reload(&self, apps: &[App]) {
        let before = self.reloads();
        self.configure("", apps);
        self.hang_up();
        eventually("it is reloaded", || (self.reloads() > before).then_some(()));
    }

    /// How often it has said that a reload is over.
    #[must_use]
    pub fn reloads(&self) -> usize {
        self.log().matches("the configuration is reloaded").count()
    }

    /// Runs `fal-server reload` with these words; answers its exit code, its output and what it said is wrong.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn reload_command(words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = program::command(&program::server().to_string_lossy());
        let output = command.arg("reload").args(words).stdin(Stdio::null()).output();
        let output = output.expect("it can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// The ready runners of an app.
    #[must_use]
    #[track_caller]
    pub fn ready(&self, app: &str) -> Vec<Runner> {
        let is_one = |runner: &Runner| runner.app == app && runner.is_ready();
        self.runners().into_iter().filter(is_one).collect()
    }
}
