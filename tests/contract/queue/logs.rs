//! What runners print, by request.

use fal_tests::{App, Platform, Request, Value, eventually, json};

fn lab() -> App {
    App::unruly().set("min_concurrency", 1)
}

//= docs/contract.md#queue-logs
//= type=test
//# What a runner printed during an attempt MUST be kept with its request.
#[test]
fn lines_are_kept_with_their_request() {
    let mut platform = Platform::serving(lab());
    let orders = json!({ "print": "one\ntwo", "print_error": "three", "print_late": "four" });
    let queued = platform.submit(&orders);
    queued.ends(200);
    let lines = queued.lines();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        ["four", "one", "three", "two"],
        "at once: what was printed before the answer"
    );
    let id = queued.id.clone();
    platform.kill();
    let platform = platform.restart();
    assert_eq!(platform.queued(&id).lines(), lines);
    let kept = platform.get(&platform.queued(&id).path("/status?logs=1")).is(200).json();
    let line = kept["logs"]
        .as_array()
        .and_then(|logs| logs.iter().find(|line| line["message"] == "three"));
    let line = line.expect("it is there");
    assert_eq!((&line["level"], &line["source"]), (&json!("STDERR"), &json!("USER")));
    let record = platform.queued(&id).record();
    let (printed, ended) =
        (fal_tests::millis(&line["timestamp"]), fal_tests::millis(&record["finished"]));
    assert!((fal_tests::millis(&record["started"])..=ended).contains(&printed), "{line} {record}");
}

/// Lines of an attempt that runs are shown as they come, and are there after the platform's death.
#[test]
fn lines_of_a_running_request_are_shown_as_they_come() {
    let mut platform = Platform::serving(lab());
    let orders =
        json!({ "print": "early", "hold": "go", "print_late": "late", "hold_stream": "x" });
    let queued = platform.submit(&orders);
    let mut stream =
        Request::new("GET", &queued.path("/status/stream?logs=true")).begin(platform.addr());
    assert_eq!(stream.head().status, 200);
    let shows = |event: &Value| event["logs"].as_array().map(Vec::len).unwrap_or_default();
    let event = loop {
        let event = stream.event().expect("it goes on");
        if shows(&event) == 1 {
            break event;
        }
    };
    assert_eq!(
        (&event["status"], &event["logs"][0]["message"]),
        (&json!("IN_PROGRESS"), &json!("early"))
    );
    assert_eq!(queued.lines(), ["early"]);
    platform.lab().create("go");
    let mut last = event;
    while let Some(event) = stream.event() {
        last = event;
    }
    assert_eq!((&last["status"], shows(&last)), (&json!("COMPLETED"), 2), "{last}");
    // Without being asked for, a stream has none.
    let mut plain = Request::new("GET", &queued.path("/status/stream")).begin(platform.addr());
    assert_eq!(plain.head().status, 200);
    assert_eq!(plain.event().map(|event| event["logs"].clone()), Some(json!(null)));
    // One that the platform's death cuts keeps what it had printed.
    let cut = platform
        .submit(&json!({ "script": [{ "print": "before", "hold": "never" }], "print": "after" }))
        .id;
    eventually("its line is stored", || {
        let store = rusqlite::Connection::open(platform.dir().join("data/queue.sqlite")).ok()?;
        let count = "SELECT count(*) FROM lines WHERE instr(text, CAST('before' AS BLOB))";
        let stored: i64 = store.query_row(count, [], |row| row.get(0)).ok()?;
        (stored == 1).then_some(())
    });
    platform.kill();
    let platform = platform.restart();
    platform.queued(&cut).ends(200);
    assert_eq!(platform.queued(&cut).lines(), ["before", "after"]);
}

//= docs/contract.md#queue-logs
//= type=test
//# What a runner printed during an attempt MUST be kept with its request.
#[test]
fn lines_of_all_attempts_are_in_order() {
    let platform = Platform::serving(lab());
    let script = json!([
        { "print": "first", "print_late": "first late", "status": 504 },
        { "print": "second", "status": 503 },
        { "print": "third", "crash": "kill" },
    ]);
    let queued = platform.submit(&json!({ "script": script, "print": "fourth" }));
    queued.ends(200);
    queued.had_attempts(4);
    assert_eq!(queued.lines(), ["first", "first late", "second", "third", "fourth"]);
    let status = platform.get(&queued.path("/status?logs=1")).json();
    let times = status["logs"].as_array().cloned().unwrap_or_default();
    let times: Vec<_> = times.iter().map(|line| fal_tests::millis(&line["timestamp"])).collect();
    assert!(times.is_sorted(), "{times:?}");
}

/// A line that comes after the answer is not the next request's.
#[test]
fn a_line_after_the_answer_is_not_the_next_requests() {
    let platform = Platform::serving(lab());
    for round in 0..30 {
        let first =
            platform.submit(&json!({ "print_after": "late", "print": format!("first {round}") }));
        first.ends(200);
        eventually("it has printed", || {
            platform.dir().join(format!("lab/printed-{}", first.id)).exists().then_some(())
        });
        let second = platform.submit(&json!({ "print": format!("second {round}") }));
        second.ends(200);
        assert_eq!(second.lines(), [format!("second {round}")]);
        // Where it came before the platform had settled the first, it may be that one's.
        assert_eq!(first.lines().first(), Some(&format!("first {round}")));
    }
    assert_eq!(platform.lab().starts().len(), 1, "all on one runner");
}

/// A line belongs to a request when it was alone on its runner; of lines that nobody can tell apart, none does.
#[test]
fn lines_that_nobody_can_tell_apart_belong_to_none() {
    let platform = Platform::serving(lab().set("max_multiplexing", 2));
    let alone = platform.submit(&json!({ "print": "alone", "hold": "go", "tag": "alone" }));
    platform.lab().called("alone");
    eventually("its line is read", || (alone.lines() == ["alone"]).then_some(()));
    let beside = platform.submit(&json!({ "print": "beside", "hold": "go", "tag": "beside" }));
    platform.lab().called("beside");
    eventually("the platform has read it", || platform.log().contains("beside").then_some(()));
    platform.lab().create("go");
    alone.ends(200);
    beside.ends(200);
    assert_eq!((alone.lines(), beside.lines()), (vec!["alone".to_owned()], Vec::new()));
    // A direct call's lines are nobody's either, and its neighbour's are not told apart from them.
    assert_eq!(platform.call(&json!({ "print": "direct" })).status, 200);
    let next = platform.submit(&json!({ "print": "next" }));
    next.ends(200);
    assert_eq!(next.lines(), ["next"]);
}

/// Of each attempt the first 1,000 lines are kept, and 64 KiB of them.
#[test]
fn a_flood_of_lines_is_kept_in_part() {
    let mut platform = Platform::serving(lab());
    let flood: Vec<_> = (0..3000).map(|number| format!("line {number}")).collect();
    let many = platform.submit(&json!({ "print": flood.join("\n") }));
    many.ends(200);
    assert_eq!(many.lines(), flood[..1000]);
    let wide: Vec<_> = (0..100).map(|number| format!("{number}{}", "x".repeat(2000))).collect();
    let script = json!([{ "print": wide.join("\n"), "status": 504 }]);
    let large = platform.submit(&json!({ "script": script, "print": "the second attempt" }));
    large.ends(200);
    let lines = large.lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!((60 * 1024..66 * 1024).contains(&bytes), "{bytes}");
    assert_eq!(lines[..lines.len() - 1], wide[..lines.len() - 1], "the first of them");
    assert_eq!(lines.last().map(String::as_str), Some("the second attempt"));
    let odd = platform.submit(&json!({ "print": "\u{1b}[31mred\u{1b}[0m \u{1f980} \"quoted\" \\ \t end", "print_late": "" }));
    odd.ends(200);
    assert_eq!(odd.lines(), ["\u{1b}[31mred\u{1b}[0m \u{1f980} \"quoted\" \\ \t end", ""]);
    let (many, odd) = (many.id.clone(), odd.id.clone());
    platform.kill();
    let platform = platform.restart();
    assert_eq!(platform.queued(&many).lines(), flood[..1000]);
    assert_eq!(platform.queued(&odd).lines().len(), 2);
}
