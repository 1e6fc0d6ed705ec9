//! How often a webhook is sent, and how that is told.

use std::time::Duration;

use fal_tests::{
    App, Platform, Queued, Receiver, Request, Say, Value, eventually, holds_for, json, millis,
};

use super::hooked;

fn lab() -> Platform {
    let app = App::unruly().set("min_concurrency", 1);
    Platform::start("webhook_allow_private = true", &[app])
}

fn submit<'a>(platform: &'a Platform, receiver: &Receiver, orders: &Value) -> Queued<'a> {
    platform.submit_as(&hooked(&receiver.url("/hook?of=mine"), orders))
}

/// Waits until so many deliveries are noted.
#[track_caller]
fn noted(queued: &Queued<'_>, count: usize) -> Vec<Value> {
    eventually(&format!("{count} deliveries are noted"), || {
        let deliveries = queued.deliveries();
        (deliveries.len() == count).then_some(deliveries)
    })
}

//= docs/contract.md#webhook-delivery
//= type=test
//# A delivery that is not answered with 2XX MUST be repeated, after 5 s first and then after twice as long each time, an hour at most, up to 31 deliveries and for as long as the result is kept.
#[test]
fn a_delivery_that_failed_is_repeated_after_five_seconds() {
    let platform = lab();
    let receiver = Receiver::saying([Say::Status(500)]);
    let queued = submit(&platform, &receiver, &json!({ "body": "{\"a\":1}" }));
    let first = receiver.gets(1);
    let [told] = &noted(&queued, 1)[..] else { unreachable!("there is one") };
    assert_eq!((&told["number"], &told["answer"]), (&json!(1), &json!("the target answered 500")));
    let webhook = queued.record()["webhook"].clone();
    assert_eq!(webhook["url"], receiver.url("/hook?of=mine"));
    // It is due 5 s after the end of the first one.
    let took = (told["took"].as_f64().expect("it took time") * 1000.0).round();
    let due = millis(&webhook["next"]) - millis(&told["at"]);
    let waits = due as f64 - took;
    assert!((4998.0..5100.0).contains(&waits), "{webhook}");
    let second = receiver.gets(2);
    let apart = second.at.checked_sub(first.at).expect("the second is later");
    let expected = Duration::from_millis(4990)..Duration::from_secs(20);
    assert!(expected.contains(&apart), "{apart:?}");
    let deliveries = noted(&queued, 2);
    let last = deliveries.last().expect("there are two");
    assert_eq!((&last["number"], &last["answer"]), (&json!(2), &json!("the target answered 200")));
    assert_eq!(queued.record()["webhook"]["next"], json!(null), "it has arrived");
    // The same is sent, and signed anew.
    assert_eq!((&first.line, &first.body), (&second.line, &second.body));
    assert_eq!(second.line, "POST /hook?of=mine HTTP/1.1");
    let jwks = platform.get("/.well-known/jwks.json").json();
    assert!(first.is_signed_by(&jwks) && second.is_signed_by(&jwks));
    let time = "x-fal-webhook-timestamp";
    assert_ne!(first.header(time), second.header(time));
    queued.had_attempts(1);
}

/// Success is any 2XX; nothing else is, and each waits for its next.
#[test]
fn what_is_not_2xx_goes_again() {
    let platform = lab();
    let receiver = Receiver::start();
    for (say, is_over, said) in [
        (Say::Status(200), true, "the target answered 200"),
        (Say::Status(204), true, "the target answered 204"),
        (Say::Status(299), true, "the target answered 299"),
        (Say::Status(400), false, "the target answered 400"),
        (Say::Status(404), false, "the target answered 404"),
        (Say::Status(429), false, "the target answered 429"),
        (Say::Status(503), false, "the target answered 503"),
        (Say::Nothing, false, "the exchange broke off"),
    ] {
        let receiver = Receiver::saying([say.clone()]);
        let queued = submit(&platform, &receiver, &json!({}));
        let [told] = &noted(&queued, 1)[..] else { unreachable!("there is one") };
        let answer = told["answer"].as_str().unwrap_or_default();
        assert!(answer.starts_with(said), "{said}: {answer}");
        assert_eq!(queued.record()["webhook"]["next"].is_null(), is_over, "{say:?}");
    }
    let nobody = receiver.url("/");
    drop(receiver);
    let queued = eventually("nobody listens there any more", || {
        let queued = platform.submit_as(&hooked(&nobody, &json!({})));
        let answer = noted(&queued, 1).pop()?["answer"].as_str()?.to_owned();
        answer.contains("nothing listens there").then_some(queued)
    });
    assert!(queued.record()["webhook"]["next"].is_string());
}

//= docs/contract.md#webhook-delivery
//= type=test
//# A redirect MUST NOT be followed, and is the end.
#[test]
fn a_redirect_is_not_followed() {
    let platform = lab();
    let elsewhere = Receiver::start();
    let receiver = Receiver::saying([Say::Elsewhere(elsewhere.url("/moved"))]);
    let queued = submit(&platform, &receiver, &json!({}));
    let [told] = &noted(&queued, 1)[..] else { unreachable!("there is one") };
    let answer = told["answer"].as_str().unwrap_or_default();
    assert!(answer.contains("307") && answer.contains("not followed"), "{answer}");
    assert_eq!(queued.record()["webhook"]["next"], json!(null));
    let is_so = || elsewhere.came().is_empty() && receiver.came().len() == 1;
    holds_for(Duration::from_millis(100), "nobody else hears of it", is_so);
    let last = queued.why().pop().unwrap_or_default();
    assert!(last.contains("sent once") && last.contains("not sent any more"), "{last}");
}

//= docs/contract.md#webhook-durable
//= type=test
//# A webhook MUST become durable together with the end that it tells of.
#[test]
fn a_webhook_survives_the_platform() {
    let mut platform = lab();
    let receiver = Receiver::saying([Say::Nothing]);
    let queued = submit(&platform, &receiver, &json!({ "body": "{\"a\":1}" }));
    noted(&queued, 1);
    let (id, first) = (queued.id.clone(), receiver.gets(1));
    platform.kill();
    let platform = platform.restart();
    let second = receiver.gets(2);
    assert_eq!(second.body, first.body);
    assert!(second.is_signed_by(&platform.get("/.well-known/jwks.json").json()));
    let deliveries = noted(&platform.queued(&id), 2);
    let numbers: Vec<_> = deliveries.iter().map(|told| told["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(1), Some(2)]);
    assert_eq!(platform.queued(&id).record()["webhook"]["next"], json!(null));
}

/// A delivery that the platform's death cuts is not forgotten: it is held for its answer, and can be sent at once.
#[test]
fn a_delivery_that_the_platforms_death_cuts_is_not_forgotten() {
    let mut platform = lab();
    let receiver = Receiver::saying([Say::Silence]);
    let queued = submit(&platform, &receiver, &json!({ "body": "[]" }));
    let first = receiver.gets(1);
    let last = queued.why().pop().unwrap_or_default();
    assert!(last.starts_with("its webhook is on its way; "), "{last}");
    let id = queued.id.clone();
    platform.kill();
    let platform = platform.restart();
    let record = platform.queued(&id).record();
    assert!(record["webhook"]["next"].is_string(), "{record}");
    assert_eq!(record["webhook"]["deliveries"], json!([]), "nobody knows how it went");
    assert_eq!(record["webhook"]["under_way"], json!(true));
    let said = platform.tool(&["webhook", &id]).went_well().concat();
    assert!(said.contains("it is on its way; where nothing is heard of that"), "{said}");
    let said = platform.tool(&["webhook", &id, "--again"]).went_well();
    assert!(said.concat().contains("due now"), "{said:?}");
    assert_eq!(receiver.gets(2).body, first.body);
    let deliveries = noted(&platform.queued(&id), 1);
    assert_eq!(deliveries[0]["answer"], "the target answered 200");
    assert_eq!(platform.queued(&id).record()["webhook"]["next"], json!(null));
}

/// The end and the webhook are one: also where the platform dies while many requests end.
#[test]
fn no_webhook_is_lost_where_the_platform_dies_among_ends() {
    let mut platform = lab();
    let receiver = Receiver::start();
    let ids: Vec<_> =
        (0..40).map(|_| submit(&platform, &receiver, &json!({ "close": true })).id).collect();
    eventually("some have ended", || (receiver.came().len() > 5).then_some(()));
    platform.kill();
    let platform = platform.restart();
    for id in &ids {
        platform.queued(id).ends(200);
    }
    // One that was under way when the platform died is held for its answer, and comes later.
    let told = |id: &String| receiver.came().iter().any(|came| came.json()["request_id"] == **id);
    let is_held = |id: &&String| {
        let webhook = platform.queued(id).record()["webhook"].clone();
        webhook["next"].is_string()
    };
    eventually("all but those are told", || {
        ids.iter().filter(|id| !told(id)).all(|id| is_held(&id)).then_some(())
    });
}

/// Deliveries can be listed, and a webhook can be sent again, whatever became of it.
#[test]
fn a_webhook_can_be_sent_again() {
    let platform = lab();
    let receiver =
        Receiver::saying([Say::Status(200), Say::Status(410), Say::Elsewhere("/".into())]);
    let queued = submit(&platform, &receiver, &json!({ "body": "[1]" }));
    let first = receiver.gets(1);
    noted(&queued, 1);
    let again = Request::new("PUT", &format!("/api/requests/{}/webhook", queued.id));
    assert_eq!(platform.send(&again).is(202).json()["status"], "DUE");
    assert_eq!(receiver.gets(2).body, first.body);
    noted(&queued, 2);
    // It would be sent again by itself, and need not wait for that.
    let said = platform.tool(&["webhook", &queued.id, "--again"]).went_well();
    assert!(said.concat().contains("due now"), "{said:?}");
    noted(&queued, 3);
    assert_eq!(platform.send(&again).status, 202);
    let deliveries = noted(&queued, 4);
    let answers: Vec<_> = deliveries.iter().map(|told| told["answer"].clone()).collect();
    let [delivered, gone, redirect, last] = &answers[..] else { unreachable!("there are four") };
    assert_eq!((delivered, last), (&json!("the target answered 200"), delivered));
    assert_eq!(gone, &json!("the target answered 410"));
    assert!(redirect.as_str().is_some_and(|text| text.contains("307")), "{redirect}");
    let lines = platform.tool(&["webhook", &queued.id]).went_well();
    assert_eq!(lines.len(), 6, "its URL, each delivery, and what comes next: {lines:?}");
    assert_eq!(lines.first(), Some(&receiver.url("/hook?of=mine")));
    for (number, (line, told)) in lines.iter().skip(1).zip(&deliveries).enumerate() {
        let answer = told["answer"].as_str().unwrap_or_default();
        assert!(
            line.starts_with(&format!("{} at ", number + 1)) && line.ends_with(answer),
            "{line}"
        );
    }
    assert!(lines.last().is_some_and(|line| line.contains("not sent any more")), "{lines:?}");
}

#[test]
fn what_has_no_webhook_cannot_be_sent_again() {
    let platform = lab();
    let receiver = Receiver::start();
    let without = platform.submit(&json!({}));
    assert_eq!(without.wait().status, 200);
    let running = submit(&platform, &receiver, &json!({ "hold": "go", "tag": "running" }));
    platform.lab().called("running");
    let unknown = "0190d1a2-0000-7000-8000-0000000000ff".to_owned();
    for id in [&without.id, &running.id, &unknown, &"nonsense".to_owned()] {
        let again = platform.send(&Request::new("PUT", &format!("/api/requests/{id}/webhook")));
        assert!(again.is(404).json()["detail"].is_string());
        platform.tool(&["webhook", id, "--again"]).failed("");
    }
    let said = platform.tool(&["webhook", &without.id]).went_well();
    assert!(said.concat().contains("no webhook"), "{said:?}");
    platform.tool(&["webhook", &unknown]).failed("not found");
    assert_eq!(receiver.came().len(), 0);
    platform.lab().create("go");
    running.ends(200);
    assert_eq!(receiver.gets(1).json()["request_id"], running.id);
}
