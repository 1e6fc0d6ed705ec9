//! An authority of the platform's own, for development: made once, and trusted by whoever is told to.
//!
//! In its folder lie `ca.pem`, which clients are given, and `ca.key`, `server.pem` and `server.key`, which only their
//! owner may read.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};

use crate::identity::{Files, Identity};

/// What clients are told to trust.
pub const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server.key";
/// For which names and until when the server's certificate is, so that another one is made in time.
const NOTE: &str = "server.for";

/// Names of this machine that lead to it, as the parts of the platform are named by host.
const NAMES: [&str; 6] = [
    "localhost",
    "fal.localhost",
    "run.localhost",
    "queue.localhost",
    "rest.localhost",
    "cdn.localhost",
];

const DAY: Duration = Duration::from_secs(86_400);
/// Clocks differ.
const EARLY: Duration = Duration::from_secs(86_400);
/// Clients take no certificate that lasts longer.
const LASTS: Duration = Duration::from_secs(397 * 86_400);
const AUTHORITY_LASTS: Duration = Duration::from_secs(10 * 365 * 86_400);
/// A certificate that ends sooner is replaced at the start.
const RENEW: Duration = Duration::from_secs(30 * 86_400);

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{path} cannot be used")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What lies there is no authority.
    #[error("{0} is not what was made here: remove the folder, and a new authority is made")]
    Foreign(PathBuf),
    /// Half of an authority.
    #[error(
        "{0} has one of ca.pem and ca.key: put the other one back, or remove both for a new authority"
    )]
    Half(PathBuf),
    /// A certificate could not be made.
    #[error("a certificate could not be made")]
    Making(#[source] rcgen::Error),
}

//= docs/contract.md#tls
//# The authority MUST be made once, so that whoever trusts it goes on doing so after a restart.
/// The certificate of a server with these addresses, made by the authority in this folder, which is made where there is
/// none.
///
/// # Errors
/// When the folder cannot be used, or holds something else.
pub fn ensure(
    folder: &Path,
    addresses: &[IpAddr],
    now: SystemTime,
) -> Result<Files, AuthorityError> {
    fs::create_dir_all(folder)
        .map_err(|source| AuthorityError::File { path: folder.to_owned(), source })?;
    let authority = authority(folder, now)?;
    let files = Files { certificate: folder.join(SERVER), key: folder.join(SERVER_KEY) };
    let wanted = wanted(addresses);
    if is_good(folder, &files, &wanted, now) {
        return Ok(files);
    }
    let key = KeyPair::generate().map_err(AuthorityError::Making)?;
    let mut params = params("fal-rs server", now, LASTS);
    params.subject_alt_names = names(addresses)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let made = params.signed_by(&key, &authority).map_err(AuthorityError::Making)?;
    write(&files.key, &key.serialize_pem(), 0o600)?;
    write(&files.certificate, &made.pem(), 0o644)?;
    let ends = seconds(now + LASTS);
    write(&folder.join(NOTE), &format!("{ends}\n{wanted}\n"), 0o644)?;
    Ok(files)
}

fn authority(folder: &Path, now: SystemTime) -> Result<Issuer<'static, KeyPair>, AuthorityError> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    if certificate.exists() != key.exists() {
        return Err(AuthorityError::Half(folder.to_owned()));
    }
    if !certificate.exists() {
        let pair = KeyPair::generate().map_err(AuthorityError::Making)?;
        let made = authority_params(now).self_signed(&pair).map_err(AuthorityError::Making)?;
        write(&key, &pair.serialize_pem(), 0o600)?;
        // What is signed with a new key is signed anew.
        let _absent = fs::remove_file(folder.join(NOTE));
        write(&certificate, &made.pem(), 0o644)?;
    }
    let text = fs::read_to_string(&key)
        .map_err(|source| AuthorityError::File { path: key.clone(), source })?;
    let pair = KeyPair::from_pem(&text).map_err(|_| AuthorityError::Foreign(key.clone()))?;
    Identity::read(Files { certificate: certificate.clone(), key })
        .map_err(|_| AuthorityError::Foreign(certificate))?;
    Ok(Issuer::new(authority_params(now), pair))
}

/// The authority's own. To sign, its name is needed of it, which is always the same.
fn authority_params(now: SystemTime) -> CertificateParams {
    let mut params = params("fal-rs development authority", now, AUTHORITY_LASTS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(name: &str, now: SystemTime, lasts: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.not_before = (now.checked_sub(EARLY).unwrap_or(now)).into();
    params.not_after = (now + lasts).into();
    params.use_authority_key_identifier_extension = true;
    params
}

fn names(addresses: &[IpAddr]) -> Result<Vec<SanType>, AuthorityError> {
    let mut names = Vec::new();
    for name in NAMES {
        names.push(SanType::DnsName(name.try_into().map_err(AuthorityError::Making)?));
    }
    names.extend(addresses.iter().copied().map(SanType::IpAddress));
    Ok(names)
}

/// The names of a certificate, in one line.
fn wanted(addresses: &[IpAddr]) -> String {
    let mut all: BTreeSet<_> = addresses.iter().map(IpAddr::to_string).collect();
    all.extend(NAMES.map(str::to_owned));
    all.into_iter().collect::<Vec<_>>().join(" ")
}

/// Whether the certificate that is there is for these names and lasts.
fn is_good(folder: &Path, files: &Files, wanted: &str, now: SystemTime) -> bool {
    let note = fs::read_to_string(folder.join(NOTE)).unwrap_or_default();
    let mut lines = note.lines();
    let ends = lines.next().and_then(|line| line.parse::<u64>().ok()).unwrap_or_default();
    ends > seconds(now + RENEW + DAY)
        && lines.next() == Some(wanted)
        && files.certificate.exists()
        && files.key.exists()
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Writes a file so that it is there whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let file = |source| AuthorityError::File { path: path.to_owned(), source };
    let new = path.with_extension("new");
    let _left_from_before = fs::remove_file(&new);
    let mut out: File =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new).map_err(file)?;
    out.write_all(text.as_bytes()).map_err(file)?;
    out.sync_all().map_err(file)?;
    fs::rename(&new, path).map_err(file)
}
