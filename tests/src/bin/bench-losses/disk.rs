//! A file system that can be cut off: what was not flushed by then is lost, as when the power fails.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{Failure, now, pause};

/// Shuts an ext4 file system down without flushing its log (`EXT4_IOC_SHUTDOWN`, `NOLOGFLUSH`).
const CUT: &str = "import fcntl, os, struct, sys\n\
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// A mounted image.
pub(crate) struct Disk {
    image: PathBuf,
    root: PathBuf,
}

impl Disk {
    pub(crate) fn mount(image: &Path, home: &Path) -> Result<Self, Failure> {
        let disk = Self { image: image.to_owned(), root: home.join("disk") };
        std::fs::create_dir_all(&disk.root)?;
        run("truncate", &["-s", "512M", &text(&disk.image)])?;
        run("mkfs.ext4", &["-q", "-F", &text(&disk.image)])?;
        disk.attach()?;
        Ok(disk)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cuts it off. Whatever was acknowledged before this began was flushed.
    pub(crate) fn cut(&self) -> Result<Instant, Failure> {
        let begun = now();
        run("python3", &["-c", CUT, &text(&self.root)])?;
        Ok(begun)
    }

    /// The machine has power again.
    pub(crate) fn again(&self) -> Result<(), Failure> {
        // What holds it is being killed.
        let mut tries = 0;
        while let Err(error) = run("umount", &[&text(&self.root)]) {
            tries += 1;
            if tries > 200 {
                return Err(error);
            }
            pause(Duration::from_millis(10));
        }
        self.attach()
    }

    fn attach(&self) -> Result<(), Failure> {
        run("mount", &["-o", "loop", &text(&self.image), &text(&self.root)])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _left = run("umount", &["-l", &text(&self.root)]).is_err();
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a file system is mounted by programs")]
fn run(program: &str, words: &[&str]) -> Result<(), Failure> {
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
