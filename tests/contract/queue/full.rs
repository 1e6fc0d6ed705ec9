//! A disk that is full.

use std::os::unix::fs::symlink;

use fal_tests::{App, Platform, Request, SmallDisk, eventually, json};

/// What a submit is answered while nothing can be stored.
#[track_caller]
fn is_refused(platform: &Platform) {
    let large = json!({ "text": "x".repeat(60_000) });
    eventually("a submit is refused", || {
        let answered = platform.send(&Request::new("POST", "/queue/demo/lab").json(&large));
        if answered.status == 200 {
            return None;
        }
        answered.is_problem(500, "internal_error");
        assert!(answered.text().contains("nothing was changed"), "{}", answered.text());
        Some(())
    });
}

//= docs/contract.md#store-full
//= type=test
//# While the store takes no commits, because its disk is full, may not be written or cannot be reached, submits MUST get 500, nothing that was acknowledged is lost, and the platform goes on by itself when the store does.
#[test]
fn a_full_disk_refuses_submits_and_nothing_else_happens() {
    let disk = match SmallDisk::new(4096) {
        Ok(disk) => disk,
        Err(why) => return println!("a small disk cannot be had here: {why}"),
    };
    let app = App::unruly().set("min_concurrency", 1).set("max_multiplexing", 2);
    let mut platform = Platform::prepared("", &[app], |dir| {
        symlink(disk.path(), dir.join("data")).expect("the folder can be written");
    });
    let runner = platform.only_runner();
    let done = platform.submit(&json!({ "body": "done" }));
    assert_eq!(done.wait().is(200).text(), "done");
    // One that ends while the disk is full, and one that waits all the time.
    let held = platform.submit(&json!({ "hold": "held", "tag": "held", "body": "held" }));
    platform.lab().called("held");
    let busy = platform.submit(&json!({ "hold": "busy", "tag": "busy" }));
    platform.lab().called("busy");
    let waiting = platform.submit(&json!({ "tag": "waiting" }));
    disk.fill();
    is_refused(&platform);
    is_refused(&platform);
    platform.lab().create("held");
    // What was acknowledged can be asked for, and direct calls need no store.
    assert_eq!(done.result().is(200).text(), "done");
    assert_eq!((waiting.state(), held.state()), ("IN_QUEUE".to_owned(), "IN_PROGRESS".to_owned()));
    eventually("a direct call has its place", || {
        (platform.call(&json!({})).is(200).pid() == runner).then_some(())
    });
    is_refused(&platform);
    let log = platform.log();
    let lines = log.lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>();
    assert_eq!(lines.len(), 1, "one line says it: {lines:#?}");
    assert!(
        lines[0].contains("the store refuses commits") && lines[0].contains("full"),
        "{lines:?}"
    );
    disk.clear();
    // It goes on by itself.
    let more = eventually("a submit is accepted", || {
        let answered =
            platform.send(&Request::new("POST", "/queue/demo/lab").json(&json!({ "tag": "more" })));
        (answered.status == 200)
            .then(|| answered.json()["request_id"].as_str().map(str::to_owned))?
    });
    assert_eq!(held.wait().is(200).text(), "held", "its answer was kept until it could be stored");
    held.had_attempts(1);
    platform.lab().create("busy");
    for id in [&busy.id, &waiting.id, &more] {
        platform.queued(id).ends(200);
        platform.queued(id).had_attempts(1);
    }
    assert_eq!(platform.only_runner(), runner, "the runners live on");
    assert!(platform.log().contains("the store takes commits again"), "{}", platform.log());
    let ids = [done.id, held.id, busy.id, waiting.id, more];
    assert_eq!(platform.stop().code(), Some(0));
    let platform = platform.restart();
    for id in &ids {
        assert_eq!(platform.queued(id).result().status, 200, "it is on disk");
    }
    let kept = platform.get("/api/requests").json()["requests"].as_array().map(Vec::len);
    assert!(kept.is_some_and(|kept| kept >= ids.len()), "{kept:?}");
}
