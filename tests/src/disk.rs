//! A disk so small that a test can fill it.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::program;

/// A file system of its own, in memory. It goes when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    /// One of so many KiB. Only the superuser may have one.
    ///
    /// # Errors
    /// Why there is none here.
    ///
    /// # Panics
    /// When there is no room for a folder, or no program `mount`.
    pub fn new(kib: u32) -> Result<Self, String> {
        let dir = TempDir::with_prefix("fal-disk-").expect("there is room for a folder");
        let mut mount = program::command("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k,mode=700"), "fal"]);
        let mounted = mount.arg(dir.path()).output().expect("there is a program `mount`");
        if mounted.status.success() {
            return Ok(Self { dir });
        }
        Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes all that is free.
    ///
    /// # Panics
    /// When no file can be made.
    pub fn fill(&self) {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(self.filler());
        let mut file: File = file.expect("a file can be made");
        // Small ones fit where large ones do not any more.
        for size in [65_536, 4096, 512, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives back what was taken.
    ///
    /// # Panics
    /// When nothing was.
    pub fn clear(&self) {
        std::fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.dir.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has a file open there keeps it until then.
        drop(program::command("umount").arg("-l").arg(self.dir.path()).output());
    }
}
