//! Another configuration, while everything runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use fal_tests::{App, Over, Platform, Request, Runner, eventually, holds_for, is_alive, json};

/// Threads that call directly, and as many that use the queue.
const CALLERS: usize = 6;

fn steady(app: App) -> App {
    app.set("min_concurrency", 1).set("keep_alive", 3600)
}

fn app(name: &str) -> App {
    steady(App::unruly().named(name))
}

/// Waits until the app is served by these many runners, all of this revision, and nothing else of it is there.
#[track_caller]
fn settled(platform: &Platform, (app, revision): (&str, u64), count: usize) -> Vec<Runner> {
    eventually(&format!("{count} of revision {revision} of {app} serve it alone"), || {
        let runners = platform.runners();
        let mine: Vec<_> = runners.into_iter().filter(|runner| runner.app == app).collect();
        let is_right = |runner: &Runner| runner.is_ready() && runner.revision == revision;
        (mine.len() == count && mine.iter().all(is_right)).then_some(mine)
    })
}

fn pids(runners: &[Runner]) -> BTreeSet<u32> {
    runners.iter().map(|runner| runner.pid).collect()
}

//= docs/contract.md#reload
//= type=test
//# An app's runners MUST be replaced when its command, `cwd`, `env`, `max_multiplexing`, `startup_timeout`, grace period, health check, `gpus`, `num_gpus` or `runners_per_gpu` has changed, or a file that its command names.
//= docs/contract.md#reload
//= type=test
//# A runner of the old revision MUST stay in service until one of the new revision is ready in its place.
#[test]
fn under_load_every_runner_is_replaced_and_no_request_fails() {
    let app = App::unruly().set("min_concurrency", 2).set("max_concurrency", 2);
    let old = app.clone().set("max_multiplexing", 2).env("PROBE", "old");
    let new = app.set("max_multiplexing", 3).env("PROBE", "new");
    let platform = Platform::serving(old);
    let before = pids(&settled(&platform, ("demo/lab", 1), 2));
    let (is_over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (tell, answers) = mpsc::channel();
    let order = json!({ "sleep_ms": 15 });
    let keep = |answer: fal_tests::Response| {
        let pid = answer.pid();
        let env = answer.json()["env"].clone();
        let (probe, slots) = (env["PROBE"].to_string(), env["FAL_MAX_MULTIPLEXING"].to_string());
        count.fetch_add(1, Ordering::SeqCst);
        tell.send((pid, (probe, slots))).expect("it is read at the end");
    };
    let so_far = || count.load(Ordering::SeqCst);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    keep(platform.call(&order).is(200));
                }
            });
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let queued = platform.submit(&order);
                    keep(queued.wait().is(200));
                    queued.had_attempts(1);
                }
            });
        }
        let over = Over(&is_over);
        eventually("the load is there", || (so_far() >= 50).then_some(()));
        platform.reload(&[new]);
        let before = so_far();
        eventually("the load goes on", || (so_far() >= before + 50).then_some(()));
        drop(over);
    });
    drop(tell);
    let after = pids(&settled(&platform, ("demo/lab", 2), 2));
    assert!(after.is_disjoint(&before));
    assert!(!before.iter().any(|pid| is_alive(*pid)));
    let seen: BTreeMap<_, _> = answers.into_iter().collect();
    let expected = |pid: &u32| {
        let (env, slots) = if before.contains(pid) { ("old", "2") } else { ("new", "3") };
        (format!("\"{env}\""), format!("\"{slots}\""))
    };
    assert!(seen.iter().all(|(pid, env)| *env == expected(pid)), "{seen:?}");
    assert_eq!(
        seen.into_keys().collect::<BTreeSet<_>>(),
        &before | &after,
        "each of them has worked"
    );
    assert_eq!(platform.lab().starts().len(), 4);
}

//= docs/contract.md#reload
//= type=test
//# A runner that is replaced by a reload MUST NOT get its SIGTERM before its requests in flight have finished or its grace period is over.
#[test]
fn what_is_in_flight_finishes_on_the_old_runner() {
    let app = steady(App::unruly()).set("max_multiplexing", 2);
    let app = app.set("termination_grace_period_seconds", 20);
    let platform = Platform::serving(app.clone());
    let old = platform.only_runner();
    let direct = platform.begin(&json!({ "hold": "go", "tag": "direct" }));
    let queued = platform.submit(&json!({ "hold": "go", "tag": "queued" }));
    platform.lab().called("direct");
    platform.lab().called("queued");
    platform.reload(&[app.env("PROBE", "new")]);
    let new = platform.call(&json!({})).is(200);
    assert_eq!(new.json()["env"]["PROBE"], "new");
    let draining =
        platform.runners().into_iter().find(|runner| runner.pid == old).expect("it is there");
    assert_eq!((draining.state.as_str(), draining.cause.as_str()), ("DRAINING", "reloaded"));
    platform.lab().create("go");
    assert_eq!(direct.response().is(200).pid(), old);
    assert_eq!(queued.wait().is(200).pid(), old);
    queued.had_attempts(1);
    eventually("it is gone then", || (!is_alive(old)).then_some(()));
}

//= docs/contract.md#reload
//= type=test
//# A queued request that is cut all the same MUST go again without being charged.
#[test]
fn a_queued_request_that_takes_longer_than_the_grace_goes_again_for_nothing() {
    let app = steady(App::unruly()).set("termination_grace_period_seconds", 0.2);
    let platform = Platform::serving(app.clone());
    let old = platform.only_runner();
    let order = json!({ "script": [{ "hold": "never" }], "tag": "long" });
    let queued = platform.submit_with("x-fal-no-retry", "1", &order);
    platform.lab().called("long");
    platform.reload(&[app.env("PROBE", "new")]);
    assert_ne!(queued.wait().is(200).pid(), old);
    assert_eq!(queued.record()["retries"], 0, "{}", queued.record());
}

//= docs/contract.md#reload
//= type=test
//# Apps MUST be rolled over one at a time: the next one's turn comes when no old runner of the one before is in service, or its new revision has failed to start.
#[test]
fn apps_are_rolled_over_one_at_a_time() {
    let platform = Platform::start("", &[app("demo/one"), app("demo/two")]);
    settled(&platform, ("demo/one", 1), 1);
    let two = settled(&platform, ("demo/two", 1), 1);
    platform.configure(
        "",
        &[
            app("demo/one").env("UNRULY_HOLD_SETUP", "go-one"),
            app("demo/two").env("UNRULY_HOLD_SETUP", "go-two"),
        ],
    );
    platform.hang_up();
    let is_starting = |name: &'static str| {
        let is_new =
            move |runner: Runner| (runner.app == name && runner.revision == 2).then_some(());
        platform.runners().into_iter().find_map(is_new)
    };
    eventually("the first is rolled over", || is_starting("demo/one"));
    holds_for(Duration::from_millis(100), "the second waits", || {
        is_starting("demo/two").is_none() && platform.ready("demo/one").len() == 1
    });
    assert_eq!(pids(&platform.ready("demo/two")), pids(&two));
    platform.lab().create("go-one");
    settled(&platform, ("demo/one", 2), 1);
    eventually("it is the second's turn", || is_starting("demo/two"));
    assert_eq!(pids(&platform.ready("demo/two")), pids(&two), "the old one serves meanwhile");
    platform.lab().create("go-two");
    settled(&platform, ("demo/two", 2), 1);
    eventually("it is over", || (platform.reloads() == 1).then_some(()));
}

//= docs/contract.md#reload
//= type=test
//# A configuration that is refused MUST change nothing, and the log says its file, line and key.
//= docs/contract.md#reload
//= type=test
//# A change of `listen`, `data_dir`, `queue`, `retention`, `webhook_allow_private`, `tls`, `public_url`, `objects`, `api_keys`, `max_body`, `max_head` or anything of `machine` MUST be refused by name, for only a restart can make it.
#[test]
fn a_refused_configuration_changes_nothing_and_says_where_it_is_wrong() {
    let platform = Platform::start("max_body = 1000000", &[steady(App::unruly())]);
    let runner = platform.only_runner();
    let good = platform.config();
    for (from, to, expected) in [
        ("min_concurrency", "minimum", "fal.toml:11: minimum: unknown field"),
        ("min_concurrency = 1", "min_concurrency = 9", "fal.toml:11: min_concurrency: 9 is more"),
        ("command = [", "command = [\"no-such-program\", ", "fal.toml:6: command"),
        ("127.0.0.1:0", "127.0.0.1:1", "fal.toml:1: listen: it cannot change"),
        ("\"data\"", "\"other\"", "fal.toml:2: data_dir: it cannot change"),
        ("max_body = 1000000", "max_body = 5", "fal.toml:3: max_body: it cannot change"),
        ("max_body = 1000000", "max_head = 10000", "fal.toml: max_body: it cannot change"),
        ("max_body", "queue = \"postgres\"\nmax_body", "fal.toml:3: queue"),
        ("max_body", "queue = \"postgres://a/b\"\nmax_body", "fal.toml:3: queue: it cannot change"),
        (
            "max_body",
            "retention = { result = 5 }\nmax_body",
            "fal.toml:3: retention: it cannot change",
        ),
        (
            "max_body",
            "webhook_allow_private = true\nmax_body",
            "fal.toml:3: webhook_allow_private: it",
        ),
    ] {
        assert!(good.contains(from), "{good}");
        platform.write_config(&good.replace(from, to));
        let refusals = || platform.log().matches("nothing is reloaded").count();
        let before = refusals();
        platform.hang_up();
        eventually(expected, || (refusals() > before).then_some(()));
        let log = platform.log();
        let said =
            log.lines().rfind(|line| line.contains("nothing is reloaded")).expect("it is there");
        assert!(said.contains("ERROR") && said.contains(expected), "{said}");
        assert_eq!(platform.call(&json!({})).is(200).pid(), runner);
    }
    platform.write_config(&good);
    platform.hang_up();
    eventually("a good one is taken", || (platform.reloads() == 1).then_some(()));
    assert_eq!(platform.only_runner(), runner, "and nothing has changed in it");
    assert_eq!(platform.lab().starts(), [runner]);
}

//= docs/contract.md#reload
//= type=test
//# An app that is new MUST be served at once.
//= docs/contract.md#reload
//= type=test
//# An app that is gone MUST get no new requests: its runners finish what they have, its queued requests stay in the store, and its URLs are answered with 404.
#[test]
fn apps_come_and_go() {
    let lab = steady(App::unruly()).set("termination_grace_period_seconds", 20);
    let platform = Platform::start("", &[app("demo/stays"), lab.clone()]);
    let stays = settled(&platform, ("demo/stays", 1), 1);
    let gone = pids(&settled(&platform, ("demo/lab", 1), 1));
    let in_flight = platform.begin(&json!({ "hold": "go", "tag": "in flight" }));
    platform.lab().called("in flight");
    let waiting = platform.submit(&json!({ "tag": "waiting" }));
    platform.reload(&[app("demo/stays"), app("demo/comes")]);
    let leaving: Vec<_> =
        platform.runners().into_iter().filter(|runner| runner.app == "demo/lab").collect();
    assert_eq!(
        leaving.first().map(|runner| runner.state.as_str()),
        Some("DRAINING"),
        "{leaving:?}"
    );
    assert_eq!(platform.call(&json!({})).status, 404);
    assert_eq!(waiting.status().status, 404);
    let call =
        |name: &str| platform.send(&Request::new("POST", &format!("/run/{name}")).json(&json!({})));
    assert_eq!(call("demo/comes").status, 200);
    assert_eq!(call("demo/stays").is(200).pid(), stays.first().expect("there is one").pid);
    platform.lab().create("go");
    let last = in_flight.response().is(200).pid();
    assert!(gone.contains(&last), "it finishes what it has");
    eventually("its runner is gone", || (!is_alive(last)).then_some(()));
    platform.reload(&[app("demo/stays"), lab]);
    assert_eq!(waiting.wait().status, 200, "it was kept");
    waiting.had_attempts(1);
    assert_eq!(call("demo/comes").status, 404);
    assert_eq!(call("demo/stays").is(200).pid(), stays.first().expect("there is one").pid);
}

//= docs/contract.md#reload
//= type=test
//# Where a runner of the new revision fails its start, the old ones MUST stay in service, and the next start waits as in `crash-backoff`.
#[test]
fn a_new_revision_that_does_not_start_leaves_the_old_one_in_service() {
    let prepare = |dir: &std::path::Path| fs::write(dir.join("lab/broken"), "").expect("a folder");
    let apps = [app("demo/lab"), app("demo/other")];
    let platform = Platform::prepared("", &apps, prepare);
    let old = settled(&platform, ("demo/lab", 1), 1);
    settled(&platform, ("demo/other", 1), 1);
    let broken = app("demo/lab").env("UNRULY_FAIL_WHILE", "broken");
    platform.reload(&[broken.clone(), app("demo/other").env("PROBE", "new")]);
    settled(&platform, ("demo/other", 2), 1);
    assert!(platform.log().contains("the new revision does not start"));
    for _ in 0..20 {
        let pid = platform.call(&json!({})).is(200).pid();
        assert_eq!(pids(&old), BTreeSet::from([pid]));
    }
    let config = platform.dir().join("fal.toml").to_string_lossy().into_owned();
    let (code, _, wrong) = Platform::reload_command(&["--config", &config]);
    assert_eq!(code, Some(1));
    assert!(wrong.contains("the new revision of demo/lab does not start"), "{wrong}");
    eventually("it is tried again", || (platform.lab().starts().len() > 6).then_some(()));
    assert_eq!(pids(&platform.ready("demo/lab")), pids(&old));
    platform.lab().remove("broken");
    settled(&platform, ("demo/lab", 3), 1);
    assert_ne!(platform.call(&json!({})).is(200).pid(), old.first().expect("there is one").pid);
}

//= docs/contract.md#reload
//= type=test
//# A configuration that is refused MUST change nothing, and the log says its file, line and key.
#[test]
fn a_refused_configuration_does_not_break_off_a_reload() {
    let platform = Platform::start("", &[app("demo/lab"), app("demo/other")]);
    settled(&platform, ("demo/other", 1), 1);
    let held = app("demo/lab").env("UNRULY_HOLD_SETUP", "go");
    platform.configure("", &[held, app("demo/other").env("PROBE", "new")]);
    platform.hang_up();
    eventually("the first has begun", || (platform.lab().starts().len() == 3).then_some(()));
    let good = platform.config();
    platform.write_config(&format!("max_body = 5\n{good}"));
    platform.hang_up();
    eventually("the second is refused", || platform.log().contains("nothing is re").then_some(()));
    platform.lab().create("go");
    settled(&platform, ("demo/lab", 2), 1);
    settled(&platform, ("demo/other", 2), 1);
}

/// Its old runner is asked to stop working, although the app that it belongs to has been there twice.
#[test]
fn a_request_of_an_app_that_has_left_and_come_back_can_be_cancelled() {
    let lab = steady(App::unruly()).set("termination_grace_period_seconds", 20);
    let platform = Platform::start("", &[app("demo/stays"), lab.clone()]);
    let old = platform.submit(&json!({ "hold_cancel": true, "tag": "long" }));
    platform.lab().called("long");
    platform.reload(&[app("demo/stays")]);
    platform.reload(&[app("demo/stays"), lab]);
    old.reaches("IN_PROGRESS");
    assert_eq!(old.cancel().status, 202);
    old.reaches("COMPLETED");
    assert_eq!(platform.call(&json!({})).status, 200);
}

/// Puts the program into its place, as a build does.
fn install(dir: &std::path::Path) {
    fs::copy(fal_tests::unruly(), dir.join("new")).expect("a folder");
    fs::rename(dir.join("new"), dir.join("program")).expect("a folder");
}

//= docs/contract.md#watch
//= type=test
//# `cargo xtask serve --watch` MUST build again after a change, and have the platform reload: a change that cannot be built or served changes nothing, and no request is dropped.
#[test]
fn a_change_that_is_watched_rolls_over_without_a_dropped_request() {
    let app = steady(App::new(&["sh", "-c", "exec \"$0\"", "./program"]));
    let platform = Platform::watched(std::slice::from_ref(&app), install);
    let old = settled(&platform, ("demo/lab", 1), 1);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                assert_eq!(platform.call(&json!({ "sleep_ms": 5 })).status, 200);
            }
        });
        let refused = || platform.log().contains("nothing is reloaded");
        platform.configure("", &[app.clone().set("keep_asleep", 1)]);
        eventually("what is wrong is said", || refused().then_some(()));
        assert_eq!(pids(&settled(&platform, ("demo/lab", 1), 1)), pids(&old));
        install(platform.dir());
        platform.configure("", &[app]);
        settled(&platform, ("demo/lab", 2), 1);
        drop(over);
    });
    assert!(platform.log().contains("built; the platform replaces"), "{}", platform.log());
}

/// A stop does not wait for the replacement.
#[test]
fn a_stop_in_the_middle_of_a_reload_is_a_clean_stop() {
    let mut platform = Platform::serving(app("demo/lab"));
    let old = platform.only_runner();
    platform.configure("", &[app("demo/lab").env("UNRULY_HOLD_SETUP", "never")]);
    platform.hang_up();
    eventually("a new one is starting", || (platform.lab().starts().len() == 2).then_some(()));
    assert_eq!(platform.call(&json!({})).is(200).pid(), old);
    assert_eq!(platform.stop().code(), Some(0));
    assert!(!is_alive(old));
}

/// The second finds the first in the middle of its work.
#[test]
fn of_two_reloads_in_a_row_the_second_counts() {
    let platform = Platform::serving(app("demo/lab"));
    let old = settled(&platform, ("demo/lab", 1), 1);
    platform.configure("", &[app("demo/lab").env("UNRULY_HOLD_SETUP", "never")]);
    platform.hang_up();
    eventually("the first has begun", || (platform.lab().starts().len() == 2).then_some(()));
    platform.configure("", &[app("demo/lab").env("PROBE", "last")]);
    platform.hang_up();
    platform.hang_up();
    let new = settled(&platform, ("demo/lab", 3), 1);
    assert_eq!(platform.call(&json!({})).is(200).json()["env"]["PROBE"], "last");
    assert!(pids(&new).is_disjoint(&pids(&old)));
    eventually("it is over", || (platform.reloads() >= 1).then_some(()));
    assert_eq!(platform.lab().starts().len(), 3);
}

//= docs/contract.md#reload
//= type=test
//# Every other setting MUST be applied without replacing a runner.
#[test]
fn a_setting_that_concerns_no_process_is_applied_as_it_is() {
    let platform = Platform::serving(app("demo/lab"));
    let pid = platform.only_runner();
    platform.reload(&[app("demo/lab").set("request_timeout", 0.3).set("retry_429", false)]);
    assert_eq!(pids(&settled(&platform, ("demo/lab", 1), 1)), BTreeSet::from([pid]));
    let refused = platform.submit(&json!({ "status": 429 }));
    assert_eq!(refused.wait().status, 429);
    refused.had_attempts(1);
    platform.call(&json!({ "hold": "never" })).is_problem(504, "request_timeout");
}

//= docs/contract.md#reload
//= type=test
//# An app's runners MUST be replaced when its command, `cwd`, `env`, `max_multiplexing`, `startup_timeout`, grace period, health check, `gpus`, `num_gpus` or `runners_per_gpu` has changed, or a file that its command names.
#[test]
fn a_program_that_was_built_again_is_started_again() {
    // The program is a word of the command, as a script would be.
    let command = App::new(&["sh", "-c", "exec \"$0\"", "./program"]);
    let app = steady(command);
    let platform = Platform::prepared("", std::slice::from_ref(&app), install);
    let first = platform.only_runner();
    platform.reload(std::slice::from_ref(&app));
    assert_eq!(platform.only_runner(), first, "nothing has changed");
    install(platform.dir());
    platform.reload(&[app]);
    let second = platform.only_runner();
    assert_ne!(second, first);
    assert_eq!(platform.call(&json!({})).is(200).pid(), second);
    assert_eq!(platform.lab().starts(), [first, second]);
}

/// `fal-server reload` finds the platform by its data directory.
#[test]
fn the_reload_command_tells_the_platform_or_says_what_is_wrong() {
    let mut platform = Platform::serving(app("demo/lab"));
    let (config, data) = (platform.dir().join("fal.toml"), platform.dir().join("data"));
    let (config, data) =
        (config.to_string_lossy().into_owned(), data.to_string_lossy().into_owned());
    for (count, words) in [(1, ["--config", &config]), (2, ["--data-dir", &data])] {
        let (code, said, wrong) = Platform::reload_command(&words);
        assert_eq!((code, wrong.as_str()), (Some(0), ""));
        assert!(said.contains(&platform.pid().to_string()) && said.lines().count() == 1, "{said}");
        assert_eq!(platform.reloads(), count, "it waits for the end");
    }
    let words = ["--config", &config, "--no-wait"];
    assert_eq!(Platform::reload_command(&words).0, Some(0));
    eventually("it was told", || (platform.reloads() == 3).then_some(()));
    let good = platform.config();
    platform.write_config(&good.replace("keep_alive", "keep_asleep"));
    let (code, said, wrong) = Platform::reload_command(&["--config", &config]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(wrong.contains("keep_asleep: unknown field") && wrong.lines().count() == 1, "{wrong}");
    platform.write_config(&format!("max_body = 5\n{good}"));
    let (code, _, wrong) = Platform::reload_command(&["--config", &config]);
    assert_eq!(code, Some(2));
    assert!(wrong.contains("fal.toml:1: max_body: it cannot change"), "{wrong}");
    platform.write_config(&good);
    assert_eq!(platform.stop().code(), Some(0));
    assert_eq!(platform.log().matches("nothing is reloaded").count(), 1, "it was not even asked");
    let (code, _, wrong) = Platform::reload_command(&["--config", &config]);
    assert_eq!(code, Some(1));
    assert!(wrong.contains("no platform runs on") && wrong.lines().count() == 1, "{wrong}");
}

//= docs/contract.md#reload
//= type=test
//# A SIGHUP because the terminal on which the platform was started is closed MUST stop it, as SIGTERM does.
#[test]
fn a_closed_terminal_stops_the_platform() {
    let apps = [app("demo/lab")];
    let (mut platform, terminal) = Platform::on_terminal(&apps);
    platform.hang_up();
    eventually("it is reloaded", || (platform.reloads() == 1).then_some(()));
    let runner = platform.only_runner();
    drop(terminal);
    platform.hang_up();
    assert_eq!(platform.exit().code(), Some(0));
    assert!(!is_alive(runner));
}
