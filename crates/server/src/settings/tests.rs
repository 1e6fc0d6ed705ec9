//! What a configuration may hold, and how it is refused.

use std::path::{Path, PathBuf};

use fal_engine::Needs;

use super::*;

fn arguments(config: PathBuf) -> Serve {
    Serve {
        config: Some(config),
        app: Vec::new(),
        listen: None,
        data_dir: None,
        queue: None,
        tls: false,
    }
}

fn load_text(dir: &Path, text: &str) -> Result<Settings, Failure> {
    let file = dir.join("fal.toml");
    std::fs::write(&file, text).unwrap();
    load(&arguments(file))
}

//= docs/contract.md#tls
//= type=test
//# With `--tls`, HTTP over TLS MUST be served beside plain HTTP, with a certificate that the authority in `DATA_DIR/tls/ca.pem` has signed.
#[test]
fn tls_is_wanted_by_the_flag_or_by_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let app = "[apps.\"a/b\"]\ncommand = [\"true\"]\n";
    let tls = |head: &str, flag| {
        let file = dir.path().join("fal.toml");
        std::fs::write(&file, format!("{head}\n{app}")).unwrap();
        let settings = load(&Serve { tls: flag, ..arguments(file) }).unwrap();
        settings.tls.map(|tls| (tls.listen.to_string(), tls.files.is_none()))
    };
    let here = |port: u16| Some((format!("127.0.0.1:{port}"), true));
    assert_eq!(tls("", false), None);
    assert_eq!(tls("", true), here(8443));
    assert_eq!(tls("listen = \"127.0.0.1:0\"", true), here(0));
    assert_eq!(tls("[tls]\nlisten = \"127.0.0.1:9443\"", true), here(9443));
    assert_eq!(tls("[tls]", false), here(8443));
}

/// The refusal of a configuration, without the folder it lies in.
#[track_caller]
fn refusal(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let refused = load_text(dir.path(), text).unwrap_err();
    assert_eq!(refused.code(), 2);
    refused.to_string().replace(&format!("{}/", dir.path().display()), "")
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let found = refusal(text);
    assert!(found.starts_with(expected), "{found}\nshould begin with\n{expected}");
}

#[test]
fn the_whole_example_is_understood() {
    let dir = tempfile::tempdir().unwrap();
    let settings = load_text(dir.path(), include_str!("whole.toml")).unwrap();
    let app = &settings.apps[0];
    assert_eq!(app.id.as_str(), "demo/lab");
    assert_eq!(app.settings.scale.min, 1);
    assert_eq!(app.settings.rules.budgets.server_error, Some(3));
    assert_eq!(app.settings.retry_backoff.initial.as_millis(), 500);
    assert_eq!(app.request_start_timeout, None);
    assert_eq!(app.cwd, dir.path());
    assert_eq!(settings.data_dir, dir.path().join(".fal"));
}

//= docs/contract.md#configuration
//= type=test
//# The message MUST name the file, the line and the key.
#[test]
fn what_is_wrong_is_named_with_file_line_and_key() {
    check(
        "listen = \"127.0.0.1:0\"\nlisten_ = 1\n",
        "fal.toml:2: listen_: unknown field `listen_`",
    );
    check("listen = 5\n", "fal.toml:1: listen: invalid type");
    check(
        "listen = \"here\"\n[apps.\"a/b\"]\ncommand = [\"sh\"]\n",
        "fal.toml:1: listen: `here` is not an address",
    );
    check(
        "listen = \"0.0.0.0:80\"\n[apps.\"a/b\"]\ncommand = [\"sh\"]\n",
        "fal.toml:1: listen: 0.0.0.0:80 is not a loopback",
    );
    check("x = [\n", "fal.toml:1: ");
    check(
        "[apps.\"a\"]\ncommand = [\"sh\"]\n",
        "fal.toml:1: apps.\"a\": an app id is `owner/alias`",
    );
    check("[apps.\"a/b\"]\n", "fal.toml:1: apps.\"a/b\": it has no command");
    check("[apps.\"a/b\"]\ncommand = []\n", "fal.toml:2: command: it is empty");
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nkeep_alive = \"x\"\n",
        "fal.toml:3: keep_alive: invalid type",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nkeep_alive = -1\n",
        "fal.toml:3: keep_alive: -1 is out of range",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nmax_concurrency = 0\n",
        "fal.toml:3: max_concurrency: 0 is out of range",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nskip_retry_conditions = [\"tiemout\"]\n",
        "fal.toml:3: skip_retry_conditions: `tiemout`",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nretry_config = { server_error = { retries = -1 } }\n",
        "fal.toml:3: retry_config: ",
    );
    check("[apps.\"a/b\"]\ncommand = [\"sh\"]\ncwd = \"nowhere\"\n", "fal.toml:3: cwd: ");
}

//= docs/contract.md#configuration
//= type=test
//# A configuration with an unknown key, a wrong type or a value out of range MUST be refused with exit code 2 before anything starts.
#[test]
fn what_no_process_can_be_started_with_is_refused() {
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nenv = { \"A=B\" = \"x\" }\n",
        "fal.toml:1: env: `A=B` cannot be set",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nenv = { \"\" = \"x\" }\n",
        "fal.toml:1: env: `` cannot be set",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nenv = { A = \"x\\u0000\" }\n",
        "fal.toml:1: env: `A` cannot be set",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\", \"a\\u0000b\"]\n",
        "fal.toml:2: command: a word of a command cannot hold a NUL",
    );
}

#[test]
fn a_crash_backoff_of_nothing_still_waits_a_little() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[apps.\"a/b\"]\ncommand = [\"sh\"]\ncrash_backoff = { step = 0, max = 0 }\n";
    let settings = load_text(dir.path(), text).unwrap();
    assert_eq!(settings.apps[0].settings.crash_backoff.wait(1).as_millis(), 10);
}

#[test]
fn what_this_version_cannot_do_is_refused_and_not_ignored() {
    check("queue = \"redis://x\"\n[apps.\"a/b\"]\ncommand = [\"sh\"]\n", "fal.toml:1: queue: ");
    check("api_keys = [\"a:b\"]\n[apps.\"a/b\"]\ncommand = [\"sh\"]\n", "fal.toml:1: api_keys: ");
}

#[test]
fn the_queue_and_its_retention_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let app = "[apps.\"a/b\"]\ncommand = [\"sh\"]\n";
    let text = format!(
        "queue = \"postgres://me@db/q\"\n[retention]\nresult = 5\nlarge_from = 7\ndead_letter = 9.5\n{app}"
    );
    let settings = load_text(dir.path(), &text).unwrap();
    let url = "postgres://me@db/q".to_owned();
    assert_eq!(settings.queue, Queue::Postgres { url, allows_async_standby: false });
    let keep = settings.keep;
    assert_eq!((keep.small.as_secs(), keep.large.as_secs(), keep.large_from), (5, 360, 7));
    assert_eq!((keep.dead.as_millis(), keep.stored.as_secs()), (9_500, 2_592_000));
    for (key, value) in
        [("result", "0"), ("stored", "1e9"), ("dead_letter", "-1"), ("large_from", "-1")]
    {
        check(
            &format!("[retention]\n{key} = {value}\n{app}"),
            &format!(
                "fal.toml:2: {}{key}",
                if value == "-1" && key == "large_from" { "" } else { "retention." }
            ),
        );
    }
}

//= docs/contract.md#startup-failed
//= type=test
//# A command that does not exist MUST be refused with the configuration, before anything starts.
#[test]
fn a_command_that_does_not_exist_is_refused() {
    check(
        "[apps.\"a/b\"]\ncommand = [\"no-such-program-anywhere\"]\n",
        "fal.toml:2: command: `no-such-program-anywhere` is not a program",
    );
    check(
        "[apps.\"a/b\"]\ncommand = [\"./run.sh\"]\n",
        "fal.toml:2: command: `./run.sh` is not a program",
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let refused = load(&arguments(PathBuf::from("nowhere/fal.toml"))).unwrap_err().to_string();
    assert!(refused.starts_with("nowhere/fal.toml: the configuration cannot be read"), "{refused}");
}

/// A configuration with an app that has these lines, which begin on line 3.
fn app_with(lines: &str) -> String {
    format!("[apps.\"a/b\"]\ncommand = [\"sh\"]\n{lines}\n")
}

//= docs/contract.md#gpus
//= type=test
//# There are never more runners of an app than its GPUs allow, whatever `max_concurrency` says.
#[test]
fn gpus_are_read_and_bound_the_runners() {
    let dir = tempfile::tempdir().unwrap();
    let want = |lines: &str| {
        let app = load_text(dir.path(), &app_with(lines)).unwrap().apps.remove(0);
        let gpus: Vec<_> = app.want.gpus.iter().map(ToString::to_string).collect();
        (gpus.join(" "), app.want.each, app.want.sharing, app.settings.scale.max)
    };
    assert_eq!(want("gpus = []"), (String::new(), 0, 1, 4));
    assert_eq!(want("gpus = [\"GPU-1B\", \"GPU-1a\"]"), ("GPU-1b GPU-1a".to_owned(), 1, 1, 2));
    let shared = "gpus = [\"1\", 0]\nrunners_per_gpu = 3\nmax_concurrency = 5";
    assert_eq!(want(shared), ("1 0".to_owned(), 1, 3, 5));
    assert_eq!(want("gpus = [0, 1, 2]\nnum_gpus = 2").3, 1);
}

//= docs/contract.md#gpus
//= type=test
//# Where some app of a configuration has `gpus`, a runner of an app without MUST see none, unless its `env` says otherwise.
#[test]
fn an_app_without_gpus_sees_none_where_others_have_some() {
    let dir = tempfile::tempdir().unwrap();
    let other = "[apps.\"c/d\"]\ncommand = [\"sh\"]\n";
    let env_of_other = |lines: &str, env: &str| {
        let text = format!("{}{other}{env}", app_with(lines));
        load_text(dir.path(), &text).unwrap().apps.remove(1).env
    };
    let visible = |value: &str| vec![("CUDA_VISIBLE_DEVICES".to_owned(), value.to_owned())];
    assert_eq!(env_of_other("", ""), []);
    assert_eq!(env_of_other("gpus = [0]", ""), visible(""));
    let unused = load_text(dir.path(), &app_with("gpus = [0]\nnum_gpus = 0")).unwrap();
    assert_eq!(unused.apps[0].env, visible(""));
    let own = "env = { CUDA_VISIBLE_DEVICES = \"1\" }\n";
    assert_eq!(env_of_other("gpus = [0]", own), visible("1"));
}

#[test]
fn apps_ask_only_where_there_is_something_to_share() {
    let dir = tempfile::tempdir().unwrap();
    let needs = |text: &str| load_text(dir.path(), text).unwrap().apps[0].settings.needs;
    assert_eq!(needs(&app_with("")), Needs::Nothing);
    assert_eq!(needs(&app_with("gpus = [0]")), Needs::Share);
    assert_eq!(needs(&format!("[machine]\nrunners = 0\n{}", app_with(""))), Needs::Nothing);
    let settings = load_text(dir.path(), &format!("[machine]\nrunners = 2\n{}", app_with("")));
    let settings = settings.unwrap();
    assert_eq!(settings.apps[0].settings.needs, Needs::Share);
    assert_eq!(
        (settings.machine.kind.as_str(), settings.machine.shared.runners),
        ("local", Some(2))
    );
}

//= docs/contract.md#configuration
//= type=test
//# The message MUST name the file, the line and the key.
#[test]
fn what_the_machine_cannot_give_is_refused() {
    let refused = |lines: &str, expected: &str| check(&app_with(lines), expected);
    refused("gpus = [0, 0]", "fal.toml:3: gpus: `0` stands here twice");
    refused("gpus = [0, \"00\"]", "fal.toml:3: gpus: `0` stands here twice");
    refused("gpus = [\n0,\n\"a\"]", "fal.toml:5: gpus: `a` names no GPU");
    refused("gpus = [-1]", "fal.toml:3: gpus: `-1` names no GPU");
    refused("gpus = [0, \"GPU-1a\"]", "fal.toml:3: gpus: `GPU-1a` may be the same as `0`");
    refused("gpus = [\"GPU-1a\", \"GPU-1A2\"]", "fal.toml:3: gpus: `GPU-1a2` may be the same as");
    refused("gpus = [\"GPU-1a\", \"GPU-1A\"]", "fal.toml:3: gpus: `GPU-1a` stands here twice");
    refused("gpus = [true]", "fal.toml:3: gpus: a GPU is a number");
    refused("gpus = 0", "fal.toml:3: gpus: invalid type");
    refused("num_gpus = 1", "fal.toml:3: num_gpus: the app has no gpus");
    refused("runners_per_gpu = 2", "fal.toml:3: runners_per_gpu: the app has no gpus");
    refused("gpus = [0]\nnum_gpus = 2", "fal.toml:4: num_gpus: 2 is out of range: 0 to 1");
    refused(
        "min_concurrency = 1\nspares = 1\ngpus = [0]",
        "fal.toml:5: gpus: with these the app can have 1 at a time",
    );
    refused(
        "gpus = [0]\nenv = { CUDA_VISIBLE_DEVICES = \"0\" }",
        "fal.toml:3: gpus: env sets CUDA_VISIBLE_DEVICES",
    );
    let pair = "gpus = [0]\nmin_concurrency = 1\n[apps.\"a/c\"]\ncommand = [\"sh\"]\nmin_concurrency = 1\ngpus = [0]";
    refused(pair, "fal.toml:8: gpus: what min_concurrency keeps of this app and of those before");
    let machine = |line: &str, expected: &str| {
        check(&format!("[machine]\n{line}\n{}", app_with("min_concurrency = 2")), expected);
    };
    machine("turn = 0", "fal.toml:2: machine.turn: 0 is out of range");
    machine("type = \"\"", "fal.toml:2: machine.type: a type of machine");
    machine("runners = 1", "fal.toml:2: machine.runners: what min_concurrency and spares keep");
    machine("gpus = [0]", "fal.toml:2: gpus: unknown field");
}

/// A program that describes itself as an app of `fal-app` would.
fn describing(dir: &Path, description: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let program = dir.join("app.sh");
    let script =
        format!("#!/bin/sh\n[ \"$1\" = --describe ] || exit 9\ncat <<END\n{description}\nEND\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_app_that_describes_itself_is_believed_where_the_file_is_silent() {
    let dir = tempfile::tempdir().unwrap();
    describing(
        dir.path(),
        r#"{
            "limits": {
                "max_multiplexing": 7, "keep_alive": 9, "num_gpus": 2,
                "retry_config": { "server_error": { "retries": 2 } }
            },
            "health_check": { "path": "/alive", "failure_threshold": 5, "call_regularly": false }
        }"#,
    );
    let text = "[apps.\"a/b\"]\ncommand = [\"./app.sh\"]\ngpus = [0, 1]\nkeep_alive = 3\n";
    let described = load_text(dir.path(), &format!("{text}describe = true\n")).unwrap();
    let app = &described.apps[0];
    assert_eq!((app.settings.max_multiplexing, app.settings.scale.keep_alive.as_secs()), (7, 3));
    assert_eq!((app.settings.rules.budgets.server_error, app.want.each), (Some(2), 2));
    let health = app.settings.limits.health.as_ref().unwrap();
    assert_eq!((health.failure_threshold, health.regular), (5, false));
    assert_eq!(app.health.as_ref().unwrap().path, "/alive");

    let silent = load_text(dir.path(), text).unwrap();
    assert_eq!(silent.apps[0].settings.max_multiplexing, 1);
    assert!(silent.apps[0].health.is_none(), "nobody asked it");
}

#[test]
fn a_program_that_cannot_describe_itself_is_refused_where_it_was_to() {
    check("[apps.\"a/b\"]\ncommand = [\"false\"]\ndescribe = true\n", "fal.toml:3: describe: ");
}

#[test]
fn a_field_that_the_file_leaves_out_is_the_apps() {
    let dir = tempfile::tempdir().unwrap();
    describing(
        dir.path(),
        r#"{
            "limits": { "retry_config": { "server_error": { "retries": 2 }, "timeout": { "retries": 1 } } },
            "health_check": { "path": "/alive", "failure_threshold": 5, "timeout_seconds": 9 }
        }"#,
    );
    let text = "[apps.\"a/b\"]\ncommand = [\"./app.sh\"]\ndescribe = true\n\
        retry_config = { timeout = { retries = 7 } }\n\
        [apps.\"a/b\".health_check]\ntimeout_seconds = 4\n";
    let settings = load_text(dir.path(), text).unwrap();
    let app = &settings.apps[0];
    let budgets = app.settings.rules.budgets;
    assert_eq!((budgets.server_error, budgets.timeout), (Some(2), Some(7)));
    let probe = app.health.as_ref().unwrap();
    assert_eq!((probe.path.as_str(), probe.timeout.as_secs()), ("/alive", 4));
    assert_eq!(app.settings.limits.health.as_ref().unwrap().failure_threshold, 5);
    check(
        "[apps.\"a/b\"]\ncommand = [\"sh\"]\nhealth_check = { timeout_seconds = 4 }\n",
        "fal.toml:3: health_check: it has no path",
    );
}

#[test]
fn an_app_describes_itself_in_the_environment_of_its_runners() {
    let dir = tempfile::tempdir().unwrap();
    describing(dir.path(), r#"{ "limits": { "keep_alive": $SECONDS_TO_LIVE } }"#);
    let text = "[apps.\"a/b\"]\ncommand = [\"./app.sh\"]\ndescribe = true\n\
        env = { SECONDS_TO_LIVE = \"7\" }\n";
    let settings = load_text(dir.path(), text).unwrap();
    assert_eq!(settings.apps[0].settings.scale.keep_alive.as_secs(), 7);
}

/// What is refused of an app that describes itself so; `describe` stands on line 3.
#[track_caller]
fn check_described(description: &str, rest: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    describing(dir.path(), description);
    let text = format!("[apps.\"a/b\"]\ncommand = [\"./app.sh\"]\ndescribe = true\n{rest}");
    let refused = load_text(dir.path(), &text).unwrap_err().to_string();
    let refused = refused.replace(&format!("{}/", dir.path().display()), "");
    assert_eq!(refused, expected);
}

//= docs/contract.md#configuration
//= type=test
//# The message MUST name the file, the line and the key.
#[test]
fn a_wrong_value_that_the_app_describes_is_blamed_on_the_app() {
    check_described(
        r#"{ "limits": { "max_multiplexing": 0 } }"#,
        "",
        "fal.toml:3: max_multiplexing: what the app's own description says is wrong: \
         0 is out of range: 1 to 100000",
    );
    check_described(
        r#"{ "limits": { "skip_retry_conditions": ["tiemout"] } }"#,
        "",
        "fal.toml:3: skip_retry_conditions: what the app's own description says is wrong: \
         `tiemout` is not one of timeout, server_error, connection_error",
    );
    check_described(
        r#"{ "health_check": { "path": "alive" } }"#,
        "",
        "fal.toml:3: health_check.path: what the app's own description says is wrong: \
         `alive` is not a path that begins with a slash",
    );
    check_described(
        r#"{ "limits": { "max_concurrency": 2 } }"#,
        "min_concurrency = 3\n",
        "fal.toml:4: min_concurrency: 3 is more than max_concurrency, which is 2 in the app's own \
         description",
    );
    check_described(
        r#"{ "limits": { "min_concurrency": 3 } }"#,
        "max_concurrency = 2\n",
        "fal.toml:3: min_concurrency: what the app's own description says is wrong: \
         3 is more than max_concurrency, which is 2",
    );
}
