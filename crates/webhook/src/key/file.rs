//! The key's file.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Key, KeyError};
use crate::encode::hex;

/// A key's document has about 85 bytes. Of a file that is something else, no more than this is read.
const MOST: u64 = 4096;

pub(super) fn load_or_create(path: &Path) -> Result<Key, KeyError> {
    match read(path) {
        Ok(document) => parse(path, &document),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(KeyError::Unreadable { path: path.to_owned(), error }),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut document)?;
    Ok(document)
}

fn parse(path: &Path, document: &[u8]) -> Result<Key, KeyError> {
    let refuse =
        |reason: &str| KeyError::NoKeyFile { path: path.to_owned(), reason: reason.to_owned() };
    if document.starts_with(b"-----BEGIN") {
        return Err(refuse(
            "it is PEM, and a key is PKCS#8 in DER: `openssl pkey -outform DER` converts it",
        ));
    }
    Key::from_pkcs8(document).map_err(|error| match error {
        KeyError::NoKey(reason) => refuse(&reason),
        KeyError::Unreadable { .. }
        | KeyError::Unwritable { .. }
        | KeyError::NoKeyFile { .. }
        | KeyError::NoRandomness => error,
    })
}

fn create(path: &Path) -> Result<Key, KeyError> {
    let key = Key::generate()?;
    let fresh = beside(path)?;
    let made = write(&fresh, key.to_pkcs8()).and_then(|()| fs::rename(&fresh, path));
    if let Err(error) = made.and_then(|()| sync_folder(path)) {
        // What is left of it would be a secret in a place where nobody looks.
        if let Err(error) = fs::remove_file(&fresh) {
            tracing::debug!(%error, "no unfinished key to remove");
        }
        return Err(KeyError::Unwritable { path: path.to_owned(), error });
    }
    Ok(key)
}

/// A name in the same folder that nobody else takes.
fn beside(path: &Path) -> Result<PathBuf, KeyError> {
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| KeyError::NoRandomness)?;
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!(".{}", hex(&random)));
    Ok(path.with_file_name(name))
}

/// The mode is there from the start: there is no moment in which somebody else could open the file.
fn write(path: &Path, document: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(document)?;
    file.sync_all()
}

/// Without it the new name could be lost with the power, and receivers have the public key by then.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}
