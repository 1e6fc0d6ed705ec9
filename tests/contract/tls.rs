//! TLS beside plain HTTP.

use std::{fs, net::SocketAddr, path::Path};

use fal_tests::{App, Fetched, Platform, eventually, fetch, json, tool};
use http::Version;

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

/// Where TLS is served, as `fal-server env` has it.
fn secured(platform: &Platform) -> SocketAddr {
    let lines = platform.tool(&["env"]).went_well();
    let line = lines.first().map_or("", String::as_str);
    let host = line.strip_prefix("export FAL_RUN_HOST=").and_then(|host| host.strip_suffix("/run"));
    host.and_then(|host| host.parse().ok()).expect("the first line says where TLS is served")
}

fn call(platform: &Platform, path: &str, protocols: &[&str]) -> Result<Fetched, String> {
    let authority = platform.dir().join("data/tls/ca.pem");
    fetch(secured(platform), &authority, path, protocols)
}

//= docs/contract.md#tls
//= type=test
//# With `--tls`, HTTP over TLS MUST be served beside plain HTTP, with a certificate that the authority in `DATA_DIR/tls/ca.pem` has signed.
//= docs/contract.md#tls
//= type=test
//# HTTP/2 MUST be spoken there with whoever asks for it.
#[test]
fn tls_is_served_beside_plain_http() {
    let platform = Platform::start("[tls]", &[lab()]);
    let pid = platform.call(&json!({})).is(200).pid();
    for (protocols, version) in [
        (&[][..], Version::HTTP_11),
        (&["http/1.1"], Version::HTTP_11),
        (&["h2", "http/1.1"], Version::HTTP_2),
    ] {
        let answer = call(&platform, "/run/demo/lab", protocols).unwrap();
        assert_eq!((answer.status, answer.version), (200, version));
        assert!(answer.text.contains(&format!("\"pid\":{pid}")), "{}", answer.text);
    }
    let submitted = call(&platform, "/queue/demo/lab", &["h2"]).unwrap();
    let at = format!("\"status_url\":\"https://{}/queue/demo/lab/requests/", secured(&platform));
    assert!(
        submitted.text.contains(&at),
        "URLs are of the kind that was asked: {}",
        submitted.text
    );
}

//= docs/contract.md#ready-line
//= type=test
//# The platform MUST print one line `listening on http://ADDR` to standard output once it accepts connections, with TLS a second one `listening on https://ADDR`, and nothing else there.
//= docs/contract.md#env
//= type=test
//# `fal-server env` MUST print exports with which fal's Python client, unmodified, calls this platform over TLS.
#[test]
fn where_tls_is_served_is_said() {
    let mut platform = Platform::start("[tls]\nlisten = \"127.0.0.1:0\"", &[lab()]);
    let addr = secured(&platform);
    let lines = platform.tool(&["env"]).went_well();
    let authority = platform.dir().join("data/tls/ca.pem").canonicalize().unwrap();
    assert_eq!(
        lines,
        [
            format!("export FAL_RUN_HOST={addr}/run"),
            format!("export FAL_QUEUE_RUN_HOST={addr}/queue"),
            format!("export SSL_CERT_FILE='{}'", authority.display()),
            "export FAL_KEY=local:local".to_owned(),
        ]
    );
    assert!(platform.stop().success());
    assert_eq!(platform.rest_of_output(), format!("listening on https://{addr}\n"));
    let plain = Platform::serving(lab());
    plain.tool(&["env"]).failed("start it with --tls");
}

//= docs/contract.md#tls
//= type=test
//# The authority MUST be made once, so that whoever trusts it goes on doing so after a restart.
#[test]
fn a_restart_keeps_the_authority() {
    let mut platform = Platform::start("[tls]", &[lab()]);
    let authority = platform.dir().join("data/tls/ca.pem");
    let first = fs::read(&authority).unwrap();
    assert!(platform.stop().success());
    let platform = platform.restart();
    assert_eq!(fs::read(&authority).unwrap(), first);
    assert_eq!(call(&platform, "/run/demo/lab", &[]).unwrap().status, 200);
}

//= docs/contract.md#tls-files
//= type=test
//# A certificate that was changed MUST be used for new connections without a restart, and one that cannot be used MUST NOT replace one that can.
#[test]
fn own_certificates_are_read_again() {
    // A certificate of one's own: here, that of another platform.
    let other = Platform::start("[tls]", &[lab()]);
    let made = other.dir().join("data/tls");
    let copy = |dir: &Path| {
        for name in ["server.pem", "server.key"] {
            fs::copy(made.join(name), dir.join(name)).unwrap();
        }
    };
    let head = "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"";
    let platform = Platform::prepared(head, &[lab()], copy);
    let addr = secured(&platform);
    let fetched = || fetch(addr, &made.join("ca.pem"), "/run/demo/lab", &[]);
    let first = fetched().unwrap();
    fs::write(platform.dir().join("server.pem"), "garbage").unwrap();
    eventually("it is in the log", || {
        platform.log().contains("the changed certificate cannot be used").then_some(())
    });
    assert_eq!(fetched().unwrap().certificate, first.certificate);
    // Another one of the same authority, as it makes one when names change.
    let third = Platform::prepared("[tls]", &[lab()], |dir| {
        fs::create_dir_all(dir.join("data/tls")).unwrap();
        for name in ["ca.pem", "ca.key"] {
            fs::copy(made.join(name), dir.join("data/tls").join(name)).unwrap();
        }
    });
    for name in ["server.key", "server.pem"] {
        fs::copy(third.dir().join("data/tls").join(name), platform.dir().join(name)).unwrap();
    }
    eventually("new connections get the new certificate", || {
        (fetched().unwrap().certificate != first.certificate).then_some(())
    });
}

#[test]
fn a_configuration_of_tls_that_is_wrong_is_refused() {
    let app = format!("[apps.\"demo/lab\"]\ncommand = [{:?}]\n", fal_tests::unruly());
    for (tls, said) in [
        ("certificate = \"missing.pem\"", "a certificate goes with its key"),
        ("certificate = \"missing.pem\"\nkey = \"missing.key\"", "missing.pem cannot be read"),
        ("certificate = \"fal.toml\"\nkey = \"fal.toml\"", "has no certificate in PEM"),
        ("listen = \"here\"", "`here` is not an address"),
        ("listen = \"0.0.0.0:0\"", "is not a loopback address"),
        ("port = 8443", "unknown field `port`"),
    ] {
        let config = format!("listen = \"127.0.0.1:0\"\ndata_dir = \"data\"\n[tls]\n{tls}\n{app}");
        let refused = Platform::refused(&config, |_| {});
        assert_eq!(refused.code, Some(2), "{}", refused.log);
        assert!(
            refused.log.contains(said) && refused.log.contains("fal.toml:"),
            "{said}: {}",
            refused.log
        );
    }
    let told = tool(&["env", "--data-dir", "/nonexistent"]);
    assert_eq!(told.code, Some(1));
}

/// Whoever speaks plain HTTP to the port of TLS, or the other way round, costs nothing.
#[test]
fn the_wrong_protocol_is_only_its_caller_s_affair() {
    let platform = Platform::start("[tls]", &[lab()]);
    let addr = secured(&platform);
    let wrong = fal_tests::Request::new("GET", "/healthz").try_send(addr);
    assert!(wrong.is_none(), "there is no answer to it: {wrong:?}");
    let authority = platform.dir().join("data/tls/ca.pem");
    fetch(platform.addr(), &authority, "/healthz", &[]).unwrap_err();
    assert_eq!(call(&platform, "/run/demo/lab", &[]).unwrap().status, 200);
}
