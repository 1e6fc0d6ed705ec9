//! The store as its callers see it, on a real disk.

mod killed;
mod limits;
mod parts;
mod whole;

use std::{fs, ops::Range, path::Path, time::Duration};

use bytes::Bytes;
use fal_types::Moment;
use tempfile::TempDir;

use crate::{About, Error, Intake, Object, ObjectId, Options, Store, error::Result, space::EACH};

const NOW: Moment = Moment::from_micros(1_790_000_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn options(folder: &TempDir) -> Options {
    Options::new(folder.path().join("objects"))
}

fn open(folder: &TempDir) -> Store {
    Store::open(options(folder)).expect("the store opens")
}

fn about(name: &str) -> About {
    About::new(name, "text/plain").expect("a good content type")
}

/// Bytes that show where they belong: no two stretches of 4 bytes are the same.
fn bytes(length: usize) -> Vec<u8> {
    let words = u32::try_from(length.div_ceil(4)).expect("a short text");
    let mut bytes: Vec<_> = (0..words).flat_map(u32::to_be_bytes).collect();
    bytes.truncate(length);
    bytes
}

async fn intake(store: &Store, bytes: &[u8]) -> Result<Intake> {
    let mut intake = store.intake(None).await?;
    for piece in bytes.chunks(100_000) {
        intake.push(Bytes::copy_from_slice(piece)).await?;
    }
    Ok(intake)
}

async fn keep(store: &Store, id: ObjectId, bytes: &[u8]) -> Result<Object> {
    let intake = intake(store, bytes).await?;
    store.keep(intake, (id, about("a.txt")), NOW).await
}

async fn read(store: &Store, object: &Object, range: Range<u64>) -> Result<Vec<u8>> {
    let mut reader = store.read(object, range);
    let mut read = Vec::new();
    while let Some(piece) = reader.next().await? {
        assert!(!piece.is_empty(), "a piece is never empty");
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

async fn all(store: &Store, id: ObjectId) -> Option<Vec<u8>> {
    let object = store.find(id, NOW).await.expect("it reads")?;
    Some(read(store, &object, 0..object.length()).await.expect("it reads"))
}

/// Waits until everything that was dropped is gone: one job of its own behind the others' on each thread does not
/// say so, but the room does.
async fn settled(store: &Store, used: u64) {
    for _ in 0..10_000 {
        if store.used() == used {
            return;
        }
        store.inner.writers.run(|| Ok(())).await.expect("the threads work");
        tokio::task::yield_now().await;
    }
    panic!("{} bytes are in use, and not {used}", store.used());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"))
        .collect();
    names.sort();
    names
}
