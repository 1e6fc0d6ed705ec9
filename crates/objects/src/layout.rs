//! Where things lie in a store's folder.
//!
//! ```text
//! kept/ID/    an object: `object` says what it is, and each part has a file `NUMBER-ETAG`
//! open/ID/    an upload that is not finished: `begun`, and the parts that have come
//! temp/NAME/  what is being written
//! ```
//! A folder is filled in `temp` or `open`, flushed, and then renamed into `kept`: that one step makes an object.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::{
    Error, Object, ObjectId,
    error::{Result, at},
    record::{self, Begun},
};

/// The file that says what an object is.
pub(crate) const OBJECT: &str = "object";
/// The file that says what an upload is for.
pub(crate) const BEGUN: &str = "begun";
/// The file that bytes are written to as they come.
const DATA: &str = "data";

/// The longest file of ours that is read whole, in bytes: ten thousand parts need a tenth of it.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The folders of a store.
#[derive(Debug)]
pub(crate) struct Layout {
    kept: PathBuf,
    open: PathBuf,
    temp: PathBuf,
}

impl Layout {
    /// The folders in this one, made where there are none.
    pub(crate) fn create(root: &Path) -> Result<Self> {
        let layout =
            Self { kept: root.join("kept"), open: root.join("open"), temp: root.join("temp") };
        for folder in [root, &layout.kept, &layout.open, &layout.temp] {
            create(folder)?;
        }
        flush(root)?;
        if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            flush(parent)?;
        }
        Ok(layout)
    }

    pub(crate) fn all_kept(&self) -> &Path {
        &self.kept
    }

    pub(crate) fn all_open(&self) -> &Path {
        &self.open
    }

    pub(crate) fn all_temp(&self) -> &Path {
        &self.temp
    }

    pub(crate) fn kept(&self, id: ObjectId) -> PathBuf {
        self.kept.join(id.to_string())
    }

    pub(crate) fn open(&self, id: ObjectId) -> PathBuf {
        self.open.join(id.to_string())
    }

    /// A new folder to write in.
    pub(crate) fn temp(&self, name: ObjectId) -> Result<Temp> {
        let path = self.temp.join(name.to_string());
        DirBuilder::new().mode(0o700).create(&path).map_err(at("create", &path))?;
        Ok(Temp { path })
    }

    /// The object of this id, if there is one.
    pub(crate) fn find(&self, id: ObjectId) -> Result<Option<Object>> {
        let path = self.kept(id).join(OBJECT);
        match read(&path) {
            Ok(text) => record::read(id, &text).map(Some).ok_or(Error::Damaged(path)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What an unfinished upload is for.
    pub(crate) fn begun(&self, id: ObjectId) -> Result<Begun> {
        let path = self.open(id).join(BEGUN);
        record::read_begun(&read(&path)?).ok_or(Error::Damaged(path))
    }

    /// Makes an object of a folder that has all that belongs to one and is flushed. There must be none of that id.
    pub(crate) fn commit(&self, folder: &Path, id: ObjectId) -> Result<Committed> {
        let to = self.kept(id);
        match fs::rename(folder, &to) {
            Ok(()) => Ok(Committed::Now),
            Err(error) if is_taken(error.kind()) => Ok(Committed::Before),
            Err(error) => Err(at("rename a folder to", &to)(error)),
        }
    }

    /// Makes the names of all objects durable.
    pub(crate) fn flush_kept(&self) -> Result<()> {
        flush(&self.kept)
    }

    /// Removes a folder: at once out of sight, then file by file.
    pub(crate) fn remove(&self, folder: &Path, name: ObjectId) -> Result<()> {
        let doomed = Temp { path: self.temp.join(name.to_string()) };
        fs::rename(folder, &doomed.path).map_err(at("remove", folder))?;
        // What is still there after this goes when the store is opened.
        drop(doomed);
        Ok(())
    }
}

/// Whether an object came of a folder now, or there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    Now,
    Before,
}

const fn is_taken(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty)
}

/// A folder that is removed when it is dropped, unless it was renamed.
#[derive(Debug)]
pub(crate) struct Temp {
    path: PathBuf,
}

impl Temp {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that bytes are written to as they come.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            let path = self.path.display();
            tracing::warn!(%error, %path, "a folder of an upload is left until the next start");
        }
    }
}

/// Creates a folder that only its owner may enter, where there is none.
fn create(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(at("create", folder)(error)),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn flush(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at("flush", folder))
}

/// A file for writing, which only its owner may read.
pub(crate) fn make(path: &Path) -> Result<File> {
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    made.map_err(at("create", path))
}

/// Writes a small file and makes its contents durable.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<()> {
    let mut file = make(path)?;
    file.write_all(text).and_then(|()| file.sync_all()).map_err(at("write", path))
}

pub(crate) fn remove_file(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(at("remove", path))
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(at("rename a file to", to))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    read.map_err(at("read", path))?;
    Ok(text)
}
