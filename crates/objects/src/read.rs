//! Bytes that go out, piece by piece.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, ErrorKind},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use crate::{
    Error, Object, Part, Store,
    error::{Result, at},
};

/// The largest piece, in bytes.
const PIECE: u64 = 256 * 1024;

/// Some bytes of an object, on their way out. An object that goes meanwhile may end it early.
#[derive(Debug)]
pub struct Reader {
    store: Store,
    folder: PathBuf,
    left: VecDeque<Extent>,
    /// The file of the first extent that is left, once it was read from.
    file: Option<File>,
}

/// Bytes of one part.
#[derive(Debug)]
struct Extent {
    part: Part,
    range: Range<u64>,
}

impl Store {
    /// Reads some bytes of an object, from the first to before the last; what is beyond its end is left out.
    #[must_use]
    pub fn read(&self, object: &Object, range: Range<u64>) -> Reader {
        let folder = self.inner.layout.kept(object.id);
        Reader { store: self.clone(), folder, left: extents(&object.parts, &range), file: None }
    }
}

impl Reader {
    /// The next piece, of 256 KiB at most; none at the end.
    ///
    /// # Errors
    /// [`Error::Gone`] where the object is not there any more, or it is damaged or cannot be read.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(extent) = self.left.front_mut() else { return Ok(None) };
        let from = extent.range.start;
        let length = PIECE.min(extent.range.end - from);
        let (path, file) = (self.folder.join(extent.part.file()), self.file.take());
        let read = move || read(path, file, (from, length));
        let (piece, file) = self.store.inner.readers.run(read).await?;
        extent.range.start += length;
        if extent.range.is_empty() {
            self.left.pop_front();
        } else {
            self.file = Some(file);
        }
        Ok(Some(piece))
    }
}

fn read(path: PathBuf, file: Option<File>, (from, length): (u64, u64)) -> Result<(Bytes, File)> {
    let file = match file {
        Some(file) => file,
        None => File::open(&path).map_err(|error| not_open(&path, error))?,
    };
    let mut piece = vec![0; usize::try_from(length).unwrap_or(0)];
    match file.read_exact_at(&mut piece, from) {
        Ok(()) => Ok((piece.into(), file)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(Error::Damaged(path)),
        Err(error) => Err(at("read", &path)(error)),
    }
}

fn not_open(path: &Path, error: io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound { Error::Gone } else { at("read", path)(error) }
}

/// Which bytes of which parts are meant, without parts of which there are none.
fn extents(parts: &[Part], range: &Range<u64>) -> VecDeque<Extent> {
    let mut begin = 0;
    let mut extents = VecDeque::new();
    for part in parts {
        let end = begin + part.length;
        let (first, last) = (range.start.max(begin), range.end.min(end));
        if first < last {
            let range = first - begin..last - begin;
            extents.push_back(Extent { part: part.clone(), range });
        }
        begin = end;
    }
    extents
}
