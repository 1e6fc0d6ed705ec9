//! The platform is killed under load, and started again.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use fal_tests::{App, Platform, Request, eventually, json};

/// Threads that submit.
const CALLERS: usize = 16;
/// Requests that have to be accepted before the platform is killed.
const ACCEPTED: usize = 300;

//= docs/contract.md#queue-durable
//= type=test
//# Every accepted request MUST end exactly once, also when the platform is killed in between.
#[test]
fn every_accepted_request_ends_exactly_once() {
    let app = App::unruly()
        .set("min_concurrency", 2)
        .set("max_concurrency", 2)
        .set("max_multiplexing", 4);
    let mut platform = Platform::serving(app);
    let (addr, is_over) = (platform.addr(), AtomicBool::new(false));
    let mut acknowledged = Vec::new();
    let mut sent = Vec::new();
    thread::scope(|scope| {
        let (tell, heard) = mpsc::channel();
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (tell, is_over) = (tell.clone(), &is_over);
                scope.spawn(move || submit_until(addr, caller, is_over, &tell))
            })
            .collect();
        drop(tell);
        acknowledged.extend(heard.iter().take(ACCEPTED));
        platform.kill();
        is_over.store(true, Ordering::SeqCst);
        acknowledged.extend(heard.iter());
        for caller in callers {
            sent.extend(caller.join().expect("it does not fail"));
        }
    });
    assert!(acknowledged.len() >= ACCEPTED);
    let platform = platform.restart();
    for (id, tag) in &acknowledged {
        let queued = platform.queued(id);
        let result = queued.wait().is(200);
        assert_eq!(result.text(), *tag, "each has its own result");
        assert_eq!(queued.record()["retries"], 0);
    }
    // What was not acknowledged may have been accepted; then it is a request like any other, and there is one of it.
    eventually("nothing waits any more", || {
        let backlog = platform.submit(&json!({}));
        (backlog.submitted["queue_position"] == 0).then(|| assert_eq!(backlog.wait().status, 200))
    });
    let store =
        rusqlite::Connection::open(platform.dir().join("data/queue.sqlite")).expect("a file");
    let count = |sql: &str| {
        store.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("the store's tables")
    };
    assert_eq!(count("SELECT count(*) FROM requests WHERE finished IS NULL"), 0);
    let calls = platform.lab().calls();
    for tag in &sent {
        let mut ids: Vec<_> =
            calls.iter().filter(|call| call.tag == *tag).map(|call| &call.request_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() <= 1, "{tag} was accepted as {ids:?}");
    }
}

/// Submits until the platform is gone; answers everything that was tried, and tells what was acknowledged.
fn submit_until(
    addr: std::net::SocketAddr,
    caller: usize,
    is_over: &AtomicBool,
    tell: &mpsc::Sender<(String, String)>,
) -> Vec<String> {
    let mut tried = Vec::new();
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let tag = format!("{caller}-{number}");
        tried.push(tag.clone());
        let request =
            Request::new("POST", "/queue/demo/lab").json(&json!({ "tag": tag, "body": tag }));
        let Some(response) = request.try_send(addr).filter(|response| response.is_whole) else {
            break;
        };
        assert_eq!(response.status, 200, "{}", response.text());
        let id = response.request_id();
        if tell.send((id, tag)).is_err() {
            break;
        }
    }
    tried
}
