//! Opening a store: what is there is counted, and what a crash has left is removed.

use std::{
    collections::BTreeMap,
    fs::{self, DirEntry},
    path::Path,
    sync::Arc,
};

use parking_lot::Mutex;
use ring::rand::SystemRandom;

use crate::{
    Error, ObjectId, Options, Part, Store,
    error::{Result, at},
    index::Index,
    layout::{BEGUN, Layout},
    pool::Pool,
    space::Space,
    store::Inner,
    upload::Upload,
};

/// Threads that write and flush. More of them share a flush of the disk.
const WRITERS: usize = 4;
/// Threads that read.
const READERS: usize = 2;

impl Store {
    //= docs/contract.md#object-durable
    //# What a crash leaves of an upload that was not acknowledged MUST be removed at the next start.
    /// Opens the store in a folder, which is made where there is none. Blocks while it looks at what is there.
    ///
    /// # Errors
    /// The folder cannot be made or read, or threads cannot be started. Objects that are damaged are no error:
    /// each is logged and left alone.
    pub fn open(options: Options) -> Result<Self> {
        let layout = Layout::create(&options.folder)?;
        clear(layout.all_temp())?;
        let mut index = Index::default();
        find_objects(&layout, &mut index)?;
        find_uploads(&layout, &mut index)?;
        let space = Space::new(index.bytes(), options.max_total);
        let start = |name, threads| {
            Pool::start(name, threads).map_err(at("start threads for", &options.folder))
        };
        let (writers, readers) =
            (start("objects-write", WRITERS)?, start("objects-read", READERS)?);
        let (index, random) = (Mutex::new(index), SystemRandom::new());
        let inner = Inner { options, layout, index, space, random, writers, readers };
        Ok(Self { inner: Arc::new(inner) })
    }
}

fn clear(folder: &Path) -> Result<()> {
    for entry in entries(folder)? {
        remove(&entry)?;
    }
    Ok(())
}

fn find_objects(layout: &Layout, index: &mut Index) -> Result<()> {
    for (id, _) in named(layout.all_kept())? {
        match layout.find(id) {
            Ok(Some(object)) => index.insert(&object),
            Ok(None) => tracing::warn!(%id, "an object has nothing that says what it is"),
            Err(error @ Error::Damaged(_)) => tracing::warn!(%error, "an object is not served"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn find_uploads(layout: &Layout, index: &mut Index) -> Result<()> {
    for (id, entry) in named(layout.all_open())? {
        match layout.begun(id) {
            Ok(begun) => {
                let parts = find_parts(&entry.path())?;
                index.begin(id, Upload::new(begun, parts));
            }
            Err(error) if error.is_absent() || matches!(error, Error::Damaged(_)) => {
                remove(&entry)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The parts that have come, by number. Whatever else lies there is removed.
fn find_parts(folder: &Path) -> Result<BTreeMap<crate::PartNumber, Part>> {
    let mut parts = BTreeMap::new();
    for entry in entries(folder)? {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text == BEGUN {
            continue;
        }
        let length = entry.metadata().map_err(at("read", &entry.path()))?.len();
        let part = text.split_once('-').and_then(|(number, etag)| {
            Some(Part { number: number.parse().ok()?, etag: etag.to_owned(), length })
        });
        match part {
            // Of two with one number, one was about to be replaced, and neither was acknowledged to be the last.
            Some(part) if !parts.contains_key(&part.number) => {
                parts.insert(part.number, part);
            }
            Some(_) | None => remove(&entry)?,
        }
    }
    Ok(parts)
}

/// The folders in a folder that are called as ids are. Others are none of ours.
fn named(folder: &Path) -> Result<Vec<(ObjectId, DirEntry)>> {
    let id = |entry: DirEntry| Some((entry.file_name().to_str()?.parse().ok()?, entry));
    Ok(entries(folder)?.into_iter().filter_map(id).collect())
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect);
    entries.map_err(at("read", folder))
}

fn remove(entry: &DirEntry) -> Result<()> {
    let path = entry.path();
    let is_folder = entry.file_type().map_err(at("read", &path))?.is_dir();
    let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    removed.map_err(at("remove", &path))
}
