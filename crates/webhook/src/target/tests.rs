//! What is a target, and what is none.

use super::*;

fn refused(url: &str) -> TargetError {
    match Target::parse(url, Private::Refused) {
        Ok(target) => panic!("{url} became {target}"),
        Err(error) => error,
    }
}

#[test]
fn a_url_is_kept_in_its_plain_form() {
    for (url, wanted, authority) in [
        ("https://example.com", "https://example.com/", "example.com"),
        ("HTTPS://EXAMPLE.com./Hook", "https://example.com/Hook", "example.com"),
        (
            "http://example.com:8080/a?b=%20#c",
            "http://example.com:8080/a?b=%20",
            "example.com:8080",
        ),
        ("http://example.com:80/?#", "http://example.com/?", "example.com"),
        ("http://example.com?x=http://a@b#c", "http://example.com/?x=http://a@b", "example.com"),
        ("https://example.com:/a//b", "https://example.com/a//b", "example.com"),
        ("https://example.com#x", "https://example.com/", "example.com"),
        ("https://8.8.8.8:443/", "https://8.8.8.8/", "8.8.8.8"),
        (
            "https://[2606:4700::1111]:8443/",
            "https://[2606:4700::1111]:8443/",
            "[2606:4700::1111]:8443",
        ),
        (
            "https://xn--bcher-kva.example/",
            "https://xn--bcher-kva.example/",
            "xn--bcher-kva.example",
        ),
        (
            "https://my_hook.local.example/",
            "https://my_hook.local.example/",
            "my_hook.local.example",
        ),
    ] {
        let target = Target::parse(url, Private::Refused).expect(url);
        assert_eq!(
            (target.url(), target.authority.to_str().unwrap()),
            (wanted, authority),
            "{url}"
        );
        let again = Target::parse(wanted, Private::Refused).expect(wanted);
        assert_eq!(again.url(), wanted);
    }
}

#[test]
fn the_length_has_an_end() {
    let url = |length: usize| format!("{:a<length$}", "https://example.com/");
    assert!(Target::parse(&url(2048), Private::Refused).is_ok());
    assert!(matches!(refused(&url(2049)), TargetError::TooLong(2049)));
}

#[test]
fn what_is_no_web_url_is_refused() {
    for url in [
        "ftp://example.com/",
        "file:///etc/passwd",
        "/hook",
        "example.com",
        "ws://example.com/",
        "https:example.com",
    ] {
        assert!(matches!(refused(url), TargetError::Scheme | TargetError::Malformed(_)), "{url}");
    }
    for url in ["", "https://exa mple.com/", "https://a\\@example.com/", "https://example.com/\n"] {
        assert!(matches!(refused(url), TargetError::Malformed(_)), "{url}");
    }
    assert!(matches!(refused("https://b\u{fc}cher.example/"), TargetError::NotAscii));
    for url in
        ["https://me@example.com/", "https://me:secret@example.com/", "https://@example.com/"]
    {
        assert!(
            matches!(refused(url), TargetError::Credentials | TargetError::Malformed(_)),
            "{url}"
        );
    }
    let shown = refused("https://me:secret@example.com/").to_string();
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn hosts_and_ports_that_lead_nowhere_are_refused() {
    for url in [
        "https://example..com/",
        "https://.example.com/",
        "https://example.com../",
        "https://[fe80::1%25eth0]/",
        "https://[v1.x]/",
        "https://-/",
        "https://a,b/",
        "https://a!b/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://0x7f000001/",
    ] {
        let error = refused(url);
        assert!(
            matches!(error, TargetError::Host(_) | TargetError::Malformed(_)),
            "{url}: {error:?}"
        );
    }
    for url in [
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:x/",
        "https://[::1]:99999/",
    ] {
        let error = refused(url);
        assert!(
            matches!(error, TargetError::Port(_) | TargetError::Malformed(_)),
            "{url}: {error:?}"
        );
    }
}

#[test]
fn private_hosts_are_refused_unless_they_are_allowed() {
    for url in [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://10.1.2.3:9000/",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[fd00::1]/",
        "http://0.0.0.0/",
        "http://100.64.0.1/",
        "http://localhost:3000/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://a.localhost/",
        "http://printer.local/",
        "http://metadata.google.internal/",
    ] {
        let error = refused(url);
        assert!(matches!(error, TargetError::Private(_)), "{url}: {error:?}");
        assert!(error.to_string().contains("set webhook_allow_private = true"), "{error}");
        assert!(Target::parse(url, Private::Allowed).is_ok(), "{url}");
    }
}
