//! Where a webhook may go, by address and by name.

use super::*;

#[tokio::test]
async fn a_private_address_is_refused_before_any_connection() {
    let (listener, port) = listen().await;
    let answer = sender(Private::Refused).send(&local(port), &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Refused(Refusal::Private { .. })), "{answer}");
    assert!(answer.to_string().contains("set webhook_allow_private = true"), "{answer}");
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn a_name_that_leads_to_private_addresses_is_refused() {
    let (listener, port) = listen().await;
    let sender = knowing(Private::Refused, "hook.test", &["127.0.0.1", "10.0.0.1"]);
    let hook = Target::parse(&format!("http://hook.test:{port}/"), Private::Refused).unwrap();
    let answer = sender.send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Refused(Refusal::Private { .. })), "{answer}");
    assert!(answer.to_string().starts_with("hook.test is at the private address 127.0.0.1"));
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn the_systems_names_are_checked_like_any_other() {
    let (listener, port) = listen().await;
    let hook = target(&format!("http://localhost:{port}/"));
    let answer = sender(Private::Refused).send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Refused(Refusal::Private { .. })), "{answer}");
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn of_several_addresses_only_public_ones_are_tried() {
    let hook = target("https://hook.test/");
    let found = ["127.0.0.1", "8.8.8.8", "fd00::1", "2a00::1"];
    let sender = knowing(Private::Refused, "hook.test", &found);
    let admitted = sender.addresses(&hook).await.unwrap();
    assert_eq!(admitted, ["8.8.8.8:443".parse().unwrap(), "[2a00::1]:443".parse().unwrap()]);
    let all = knowing(Private::Allowed, "hook.test", &found).addresses(&hook).await.unwrap();
    assert_eq!(all.len(), 4);
}

#[tokio::test]
async fn the_next_address_is_tried_where_nobody_listens() {
    let (port, server) = serve(OK).await;
    let sender = knowing(Private::Allowed, "hook.test", &["127.0.0.2", "127.0.0.1"]);
    let hook = target(&format!("http://hook.test:{port}/"));
    let answer = sender.send(&hook, &any(), LIMIT).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer}");
    let heard = server.await.unwrap();
    assert!(heard.contains(&format!("Host: hook.test:{port}\r\n")), "{heard}");
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_tried_again() {
    for (known, wanted) in [
        ("other.test", "the name hook.test cannot be resolved: no such name"),
        ("hook.test", "the name hook.test cannot be resolved: it has no address"),
    ] {
        let sender = knowing(Private::Refused, known, &[]);
        let answer = sender.send(&target("http://hook.test/"), &any(), LIMIT).await;
        assert!(matches!(answer, Answer::Failed(Failure::Unresolved { .. })), "{answer}");
        assert_eq!(answer.to_string(), wanted);
    }
}
