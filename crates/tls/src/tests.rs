//! Certificates and connections as a client sees them.

use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{Acceptor, Files, Identity, IdentityError, Protocol, authority};
use tokio::io::AsyncWriteExt;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000)
}

fn acceptor(folder: &Path) -> Acceptor {
    // The client checks against its own clock.
    #[expect(clippy::disallowed_methods, reason = "certificates are checked against the real time")]
    let now = SystemTime::now();
    Acceptor::new(Identity::read(authority::ensure(folder, &[HERE], now).unwrap()).unwrap())
}

/// Connects as this name with what is in `ca.pem`; what the server says, or why it is not trusted.
fn connect(
    folder: &Path,
    acceptor: &Acceptor,
    name: &str,
    protocols: &[&str],
) -> Result<(String, Protocol), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind((HERE, 0))).unwrap();
    let addr = listener.local_addr().unwrap();
    let ca = fs::read(folder.join(authority::CERTIFICATE)).unwrap();
    let (name, protocols) =
        (name.to_owned(), protocols.iter().map(|it| it.as_bytes().to_vec()).collect());
    let client = std::thread::spawn(move || {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&ca).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols;
        let client =
            ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap();
        let mut stream = StreamOwned::new(client, TcpStream::connect(addr).unwrap());
        stream.flush().map_err(|error| error.to_string())?;
        let mut said = String::new();
        stream.read_to_string(&mut said).map_err(|error| error.to_string())?;
        Ok(said)
    });
    let protocol = runtime.block_on(async {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut secured, protocol) = acceptor.accept(stream).await.ok()?;
        secured.write_all(b"hello").await.unwrap();
        secured.shutdown().await.unwrap();
        Some(protocol)
    });
    let said: Result<String, String> = client.join().unwrap();
    said.map(|said| (said, protocol.unwrap()))
}

//= docs/contract.md#tls
//= type=test
//# The authority MUST be made once, so that whoever trusts it goes on doing so after a restart.
#[test]
fn whoever_trusts_the_authority_can_connect() {
    let folder = tempfile::tempdir().unwrap();
    let first = acceptor(folder.path());
    let ca = fs::read(folder.path().join("ca.pem")).unwrap();
    for name in ["localhost", "127.0.0.1", "queue.localhost"] {
        let (said, protocol) = connect(folder.path(), &first, name, &[]).unwrap();
        assert_eq!((said.as_str(), protocol), ("hello", Protocol::Http1));
    }
    let wanted = |protocols| connect(folder.path(), &first, "localhost", protocols).unwrap().1;
    assert_eq!(wanted(&["h2", "http/1.1"]), Protocol::Http2);
    assert_eq!(wanted(&["http/1.1"]), Protocol::Http1);
    connect(folder.path(), &first, "example.com", &[]).unwrap_err();
    let again = acceptor(folder.path());
    assert_eq!(fs::read(folder.path().join("ca.pem")).unwrap(), ca);
    connect(folder.path(), &again, "localhost", &[]).unwrap();
    for secret in ["ca.key", "server.key"] {
        let mode = fs::metadata(folder.path().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
}

#[test]
fn another_certificate_is_made_where_names_change_or_time_runs_out() {
    let folder = tempfile::tempdir().unwrap();
    let made = |addresses: &[IpAddr], now| {
        let files = authority::ensure(folder.path(), addresses, now).unwrap();
        fs::read(files.certificate).unwrap()
    };
    let first = made(&[HERE], now());
    assert_eq!(made(&[HERE], now() + Duration::from_secs(300 * 86_400)), first);
    let other = IpAddr::from([192, 168, 7, 9]);
    let second = made(&[HERE, other], now());
    assert_ne!(second, first);
    assert_eq!(made(&[other, HERE], now()), second);
    assert_ne!(made(&[HERE, other], now() + Duration::from_secs(380 * 86_400)), second);
}

//= docs/contract.md#tls-files
//= type=test
//# A certificate that was changed MUST be used for new connections without a restart, and one that cannot be used MUST NOT replace one that can.
#[test]
fn a_certificate_is_read_again_when_it_changes() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let acceptor = acceptor(folder.path());
    assert!(!acceptor.refresh().unwrap());
    let server = folder.path().join("server.pem");
    let good = fs::read(&server).unwrap();
    fs::write(&server, "garbage").unwrap();
    assert!(matches!(acceptor.refresh(), Err(IdentityError::NoCertificate(_))));
    assert!(!acceptor.refresh().unwrap(), "it is said once");
    connect(folder.path(), &acceptor, "localhost", &[]).unwrap();
    // One of another authority, with the key of before, and then with its own.
    let files = authority::ensure(other.path(), &[HERE], now()).unwrap();
    fs::copy(&files.certificate, &server).unwrap();
    assert!(matches!(acceptor.refresh(), Err(IdentityError::Mismatch { .. })));
    let key = folder.path().join("server.key");
    let good_key = fs::read(&key).unwrap();
    fs::copy(&files.key, &key).unwrap();
    assert!(acceptor.refresh().unwrap());
    connect(folder.path(), &acceptor, "localhost", &[]).unwrap_err();
    fs::write(&server, good).unwrap();
    fs::write(&key, good_key).unwrap();
    assert!(acceptor.refresh().unwrap());
    connect(folder.path(), &acceptor, "localhost", &[]).unwrap();
}

#[test]
fn what_is_no_identity_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let files = authority::ensure(folder.path(), &[HERE], now()).unwrap();
    let with = |certificate: &Path, key: &Path| {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        Identity::read(files).unwrap_err().to_string()
    };
    let missing = folder.path().join("missing.pem");
    assert!(with(&missing, &files.key).contains("cannot be read"));
    assert!(with(&files.certificate, &missing).contains("cannot be read"));
    assert!(with(&files.key, &files.key).contains("has no certificate"));
    assert!(with(&files.certificate, &files.certificate).contains("has no private key"));
    let other = folder.path().join("ca.key");
    assert!(with(&files.certificate, &other).contains("is not that of the certificate"));
    fs::write(folder.path().join("ca.key"), "garbage").unwrap();
    let error = authority::ensure(folder.path(), &[HERE], now()).unwrap_err();
    assert!(error.to_string().contains("remove the folder"), "{error}");
}
