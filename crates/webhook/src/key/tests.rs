//! The key, its file and its signatures.

use std::{fs, os::unix::fs::PermissionsExt as _};

use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use super::*;

/// As OpenSSL writes it, without the public half: the test key of RFC 8410.
const RFC_8410: [u8; 48] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad,
    0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb, 0xe0, 0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42,
];

/// Its public half, from the same document.
const RFC_8410_PUBLIC: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

fn published(key: &Key) -> Value {
    let set: Value = serde_json::from_str(&key.jwks()).unwrap();
    set["keys"][0].clone()
}

#[test]
fn the_published_key_is_a_json_web_key() {
    let key = Key::from_pkcs8(&RFC_8410).unwrap();
    assert_eq!(hex(key.pair.public_key().as_ref()), RFC_8410_PUBLIC);
    let published = published(&key);
    assert_eq!((&published["kty"], &published["crv"]), (&"OKP".into(), &"Ed25519".into()));
    assert_eq!(
        (&published["use"], &published["x"]),
        (&"sig".into(), &"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE".into())
    );
    assert_eq!(published["kid"].as_str().unwrap().len(), 43);
}

#[test]
fn the_key_of_rfc_8037_has_the_thumbprint_that_is_given_there() {
    let seed = *b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
    let document = [&RFC_8410[..16], &seed].concat();
    let published = published(&Key::from_pkcs8(&document).unwrap());
    assert_eq!(published["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(published["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_signature_covers_ids_time_and_body() {
    let key = Key::generate().unwrap();
    let body = Bytes::from_static(b"abc");
    let request_id = RequestId::from_bits(0xff);
    let signed = Signed { request_id, user_id: "acme", timestamp_secs: 1_790_000_000, body: &body };
    let message = "00000000-0000-0000-0000-0000000000ff\nacme\n1790000000\n\
                   ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let wanted = hex(key.pair.sign(message.as_bytes()).as_ref());
    assert_eq!(key.sign(signed), wanted);
    let public = UnparsedPublicKey::new(&ED25519, key.pair.public_key().as_ref());
    assert!(public.verify(message.as_bytes(), key.pair.sign(message.as_bytes()).as_ref()).is_ok());
    assert_ne!(key.sign(Signed { timestamp_secs: 1_790_000_001, ..signed }), wanted);
}

#[test]
fn a_key_is_made_once_and_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook.key");
    let made = Key::load_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Key::load_or_create(&path).unwrap().to_pkcs8(), made.to_pkcs8());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn a_file_that_is_no_key_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook.key");
    let large = vec![0; 10_000];
    for content in [&b""[..], b"hello", &RFC_8410[..47], b"-----BEGIN PRIVATE KEY-----\n", &large] {
        fs::write(&path, content).unwrap();
        let error = Key::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyError::NoKeyFile { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains(&path.display().to_string()) && text.contains("move it away"),
            "{text}"
        );
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_place_without_a_file_for_the_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("webhook.key");
    let error = Key::load_or_create(&missing).unwrap_err();
    assert!(matches!(&error, KeyError::Unwritable { path, .. } if *path == missing), "{error:?}");
    let error = Key::load_or_create(folder.path()).unwrap_err();
    assert!(
        matches!(&error, KeyError::Unreadable { path, .. } if path == folder.path()),
        "{error:?}"
    );
}

#[test]
fn the_secret_is_not_shown() {
    let key = Key::from_pkcs8(&RFC_8410).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.kid()) && !shown.contains("pkcs8"), "{shown}");
}
