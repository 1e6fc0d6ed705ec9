//! What apps share of one machine: GPUs, room for runners, and whose turn it is. The GPUs are names here; that no two
//! runners are told the same one is what keeps them apart on a machine that has some.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use fal_tests::{
    App, Connection, Over, Platform, Request, Response, Runner, Signal, eventually, holds_for,
    is_alive, json, signal,
};

const MINE: &str = "demo/lab";
const OTHER: &str = "demo/other";

/// An app that keeps its runners until somebody else wants what they hold.
fn app(name: &str) -> App {
    App::unruly().named(name).set("keep_alive", 3600).set("max_multiplexing", 4)
}

fn with_gpus(name: &str, gpus: &str) -> App {
    app(name).set("gpus", gpus)
}

fn begin(platform: &Platform, app: &str, order: &fal_tests::Value) -> Connection {
    Request::new("POST", &format!("/run/{app}")).json(order).begin(platform.addr())
}

fn call(platform: &Platform, app: &str) -> Response {
    begin(platform, app, &json!({})).response()
}

fn visible(answer: &Response) -> String {
    let answer = answer.json();
    let value = answer.pointer("/env/CUDA_VISIBLE_DEVICES").and_then(fal_tests::Value::as_str);
    value.unwrap_or("unset").to_owned()
}

/// Waits until a runner of the app is in this state.
#[track_caller]
fn in_state(platform: &Platform, app: &str, state: &str) -> Runner {
    eventually(&format!("a runner of {app} is {state}"), || {
        let is_it = |runner: &Runner| runner.app == app && runner.state == state;
        platform.runners().into_iter().find(is_it)
    })
}

/// Whether no GPU is held twice.
fn is_exclusive(platform: &Platform) -> bool {
    let mut held: Vec<_> = platform.runners().into_iter().flat_map(|runner| runner.gpus).collect();
    held.sort();
    let before = held.len();
    held.dedup();
    held.len() == before
}

//= docs/contract.md#gpus
//= type=test
//# A runner MUST be told its GPUs, and no others, by `CUDA_VISIBLE_DEVICES`.
//= docs/contract.md#gpus
//= type=test
//# No two runners MUST hold one GPU, unless every app whose runners do allows it by `runners_per_gpu`.
//= docs/contract.md#gpus
//= type=test
//# Where some app of a configuration has `gpus`, a runner of an app without MUST see none, unless its `env` says otherwise.
#[test]
fn each_runner_sees_its_own_gpus_and_an_app_without_sees_none() {
    let pair = with_gpus(MINE, "[0, 1, 2, 3]").set("num_gpus", 2).set("min_concurrency", 1);
    let single = with_gpus(OTHER, "[1, 2]").set("min_concurrency", 1);
    let shared = with_gpus("demo/shared", "[7]").set("runners_per_gpu", 2);
    let shared = shared.set("max_concurrency", 2).set("min_concurrency", 2);
    let platform = Platform::start("", &[pair, single, shared, app("demo/none")]);
    let answers = [call(&platform, MINE), call(&platform, OTHER), call(&platform, "demo/none")];
    let [pair, single, none] = answers.each_ref().map(visible);
    assert_eq!((pair.split(',').count(), single.split(',').count()), (2, 1));
    assert!(!pair.split(',').any(|gpu| gpu == single), "{pair} and {single}");
    assert_eq!(none, "");
    assert_eq!(visible(&call(&platform, "demo/shared")), "7");
    let order = answers[0].json()["env"]["CUDA_DEVICE_ORDER"].clone();
    assert_eq!(order, "PCI_BUS_ID");
    let runners = eventually("two runners share a GPU", || {
        let runners = platform.runners();
        let ready = platform.ready("demo/shared").len();
        (ready == 2).then_some(runners)
    });
    let gpus = |app: &str| {
        let runner = runners.iter().find(|runner| runner.app == app).expect("it has one");
        runner.gpus.join(",")
    };
    assert_eq!((gpus(MINE), gpus(OTHER), gpus("demo/none")), (pair, single, String::new()));
}

//= docs/contract.md#pending
//= type=test
//# A runner MUST NOT be started before what it needs of the machine has been allotted to it; until then it is PENDING.
//= docs/contract.md#fairness
//= type=test
//# What `min_concurrency` keeps MUST NOT be made to go.
//= docs/contract.md#fairness
//= type=test
//# What is free MUST go to the app that holds least of those that wait for it, and among equals to the runner that has waited longest; a spare comes after all others.
//= docs/contract.md#fairness
//= type=test
//# A runner that its app has not needed for a second MUST make room at once for one that waits.
#[test]
fn a_runner_is_pending_until_a_gpu_is_free_and_idle_ones_make_room_at_once() {
    let mine = with_gpus(MINE, "[0]").set("min_concurrency", 1);
    let platform = Platform::start("machine.turn = 0.001", &[mine, with_gpus(OTHER, "[0]")]);
    let kept = in_state(&platform, MINE, "IDLE");
    let waiting = begin(&platform, OTHER, &json!({}));
    let pending = in_state(&platform, OTHER, "PENDING");
    assert_eq!((pending.cause.as_str(), pending.pid, pending.gpus), ("scaled_up", 0, vec![]));
    let stays = |platform: &Platform| {
        let runners = platform.runners();
        runners.iter().any(|runner| runner.id == kept.id && runner.is_ready())
    };
    holds_for(Duration::from_millis(200), "what min_concurrency keeps stays", || stays(&platform));
    // A death gives the GPU to whoever has waited longest, and then it goes back where it must be.
    signal(kept.pid, Signal::KILL);
    assert_eq!(visible(&waiting.response().is(200)), "0");
    let back = in_state(&platform, MINE, "IDLE");
    assert_eq!(back.gpus, ["0"]);
    assert!(platform.log().contains("cause=\"made_room\""), "{}", platform.log());
    assert!(platform.ready(OTHER).is_empty());
}

//= docs/contract.md#fairness
//= type=test
//# A runner that is needed makes room only when it has served for `machine.turn` (60 s), and only where its app would then still hold as much as the one that waits, or that one holds nothing.
//= docs/contract.md#fairness
//= type=test
//# A runner that makes room MUST finish what is in flight on it, however long that may take, and gets its SIGTERM then.
#[test]
fn under_load_apps_take_turns_and_no_request_fails() {
    let apps = [MINE, OTHER].map(|name| with_gpus(name, "[0]").set("spares", 0));
    let platform = Platform::start("machine.turn = 0.05", &apps);
    let is_over = AtomicBool::new(false);
    let served = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let order = json!({ "sleep_ms": 5 });
    thread::scope(|scope| {
        for (app, served) in [MINE, OTHER].iter().zip(&served) {
            let keep_calling = || {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(begin(&platform, app, &order).response().status, 200);
                    served.fetch_add(1, Ordering::SeqCst);
                }
            };
            (0..3).for_each(|_| drop(scope.spawn(keep_calling)));
        }
        let over = Over(&is_over);
        let turns = || platform.lab().starts().len();
        eventually("each has had its turn several times", || {
            assert!(is_exclusive(&platform));
            let both = served.iter().all(|served| served.load(Ordering::SeqCst) >= 20);
            (both && turns() >= 6).then_some(())
        });
        drop(over);
    });
}

//= docs/contract.md#fairness
//= type=test
//# A runner that its app has not needed for a second MUST make room at once for one that waits.
#[test]
fn room_for_one_runner_serves_many_apps_one_after_the_other() {
    let apps = [MINE, OTHER, "demo/third"].map(app);
    let platform = Platform::start("machine = { runners = 1, turn = 0.01 }", &apps);
    for _ in 0..2 {
        for name in [MINE, OTHER, "demo/third"] {
            assert_eq!(call(&platform, name).status, 200);
            let holding: Vec<_> =
                platform.runners().into_iter().filter(|runner| runner.pid != 0).collect();
            assert_eq!(holding.len(), 1, "{holding:?}");
        }
    }
    assert_eq!(platform.lab().starts().len(), 6);
}

//= docs/contract.md#fairness
//= type=test
//# A runner that makes room MUST finish what is in flight on it, however long that may take, and gets its SIGTERM then.
#[test]
fn work_that_takes_longer_than_the_grace_is_finished_before_the_next_app_has_its_turn() {
    let apps = [MINE, OTHER]
        .map(|name| with_gpus(name, "[0]").set("termination_grace_period_seconds", 0.05));
    let platform = Platform::start("machine.turn = 0.05", &apps);
    let long = platform.submit(&json!({ "hold": "go", "tag": "long" }));
    platform.lab().called("long");
    let waiting = begin(&platform, OTHER, &json!({}));
    let leaving = in_state(&platform, MINE, "DRAINING");
    holds_for(Duration::from_millis(300), "it is left alone", || is_alive(leaving.pid));
    platform.lab().create("go");
    assert_eq!(long.wait().is(200).pid(), leaving.pid);
    long.had_attempts(1);
    assert_eq!(waiting.response().status, 200);
}

//= docs/contract.md#gpus
//= type=test
//# A GPU is free again when the processes of its runner are gone.
#[test]
fn nothing_of_a_runner_is_left_when_another_gets_its_gpu() {
    let apps = [with_gpus(MINE, "[0]").set("min_concurrency", 1), with_gpus(OTHER, "[0]")];
    let platform = Platform::start("", &apps);
    let first = platform.call(&json!({ "spawn": "setsid" })).is(200);
    let strays: Vec<_> = first.json()["spawned"].as_u64().into_iter().collect();
    let stray = u32::try_from(strays[0]).expect("process numbers are small");
    let waiting = begin(&platform, OTHER, &json!({}));
    in_state(&platform, OTHER, "PENDING");
    signal(first.pid(), Signal::KILL);
    assert_eq!(waiting.response().status, 200);
    assert!(!is_alive(stray), "it would hold the GPU still");
}

//= docs/contract.md#gpus
//= type=test
//# Where a reload finds no free GPU for a runner of the new revision, one of the old revision MUST make room for it.
#[test]
fn a_reload_without_a_free_gpu_leaves_nobody_without_a_runner() {
    let old = with_gpus(MINE, "[0, 1]").set("min_concurrency", 2).set("max_concurrency", 2);
    let platform = Platform::serving(old.clone());
    eventually("both are ready", || (platform.ready(MINE).len() == 2).then_some(()));
    platform.configure("", &[old.clone().env("UNRULY_HOLD_SETUP", "go")]);
    platform.hang_up();
    let new = in_state(&platform, MINE, "SETUP");
    let one_serves = || platform.ready(MINE).iter().filter(|runner| runner.revision == 1).count();
    holds_for(Duration::from_millis(200), "one old runner serves", || one_serves() == 1);
    assert_eq!(platform.call(&json!({})).status, 200);
    platform.lab().create("go");
    eventually("both are new", || {
        let ready = platform.ready(MINE);
        (ready.len() == 2 && ready.iter().all(|runner| runner.revision == 2)).then_some(())
    });
    assert!(platform.ready(MINE).iter().any(|runner| runner.id == new.id));
    // A revision that cannot start costs one of them, and says so.
    platform.lab().create("broken");
    platform.configure("", &[old.env("UNRULY_FAIL_WHILE", "broken")]);
    platform.hang_up();
    eventually("it is held up", || platform.log().contains("does not start").then_some(()));
    assert_eq!(platform.call(&json!({})).status, 200);
    holds_for(Duration::from_millis(200), "one serves", || platform.ready(MINE).len() == 1);
    platform.lab().remove("broken");
    eventually("it goes on", || (platform.ready(MINE).len() == 2).then_some(()));
}

//= docs/contract.md#gpus
//= type=test
//# Where a reload finds no free GPU for a runner of the new revision, one of the old revision MUST make room for it.
#[test]
fn a_reload_on_the_only_gpu_fails_no_request() {
    let old = with_gpus(MINE, "[0]").set("min_concurrency", 1);
    let platform = Platform::serving(old.clone().env("PROBE", "old"));
    let before = in_state(&platform, MINE, "IDLE");
    let held = platform.begin(&json!({ "hold": "go" }));
    eventually("it works", || (platform.runners()[0].in_flight == 1).then_some(()));
    platform.configure("", &[old.env("PROBE", "new")]);
    platform.hang_up();
    in_state(&platform, MINE, "DRAINING");
    let next = platform.begin(&json!({}));
    platform.lab().create("go");
    assert_eq!(held.response().is(200).json()["env"]["PROBE"], "old");
    let answer = next.response().is(200);
    assert_eq!(
        (answer.json()["env"]["PROBE"].clone(), visible(&answer)),
        (json!("new"), "0".into())
    );
    let after = in_state(&platform, MINE, "IDLE");
    assert_eq!((after.revision, before.revision), (2, 1));
    assert!(is_exclusive(&platform));
}

#[test]
fn what_the_machine_has_only_a_restart_can_change() {
    let platform = Platform::start("machine.runners = 2", &[app(MINE)]);
    platform.configure("machine.runners = 3", &[app(MINE)]);
    platform.hang_up();
    eventually("it is refused", || {
        let log = platform.log();
        log.contains("fal.toml:3: machine.runners: it cannot change while").then_some(())
    });
    assert_eq!(call(&platform, MINE).status, 200);
}
