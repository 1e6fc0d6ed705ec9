//! How runners start and end.

use fal_supervisor::{Exit, LaunchError, Stream};

use crate::stage::{Stage, is_alive, shell, wait_gone};

#[tokio::test]
async fn an_exit_is_reported_with_its_code() {
    let stage = Stage::new();
    let (_runner, mut news) = stage.shell("exit 3");
    assert_eq!(news.exit().await, Exit::Code(3));
}

#[tokio::test]
async fn an_end_by_a_signal_is_reported_with_its_number() {
    let stage = Stage::new();
    let (_runner, mut news) = stage.shell("kill -SEGV $$");
    assert_eq!(news.exit().await, Exit::Signal(11));
}

//= docs/contract.md#runner-environment
//= type=test
//# A runner MUST find its loopback port in `PORT`.
//= docs/contract.md#runner-environment
//= type=test
//# It MUST also find `FAL_APP_NAME`, `FAL_RUNNER_ID` and `FAL_RUNNER_STATE`.
#[tokio::test]
async fn a_runner_is_told_who_it_is() {
    let stage = Stage::new();
    let script = "echo $PORT $FAL_APP_NAME $FAL_RUNNER_ID $FAL_RUNNER_STATE $EXTRA; pwd";
    let (runner, mut news) = stage.shell(script);
    let want = format!("{} acme/test runner-1 SETUP more", runner.port());
    assert_eq!(news.line().await, (Stream::Out, want));
    let dir = stage.dir.path().canonicalize().expect("it exists");
    assert_eq!(news.line().await, (Stream::Out, dir.display().to_string()));
}

//= docs/contract.md#runner-environment
//= type=test
//# It runs in a process group of its own.
#[tokio::test]
async fn the_group_goes_with_its_leader() {
    let stage = Stage::new();
    let (runner, mut news) = stage.shell("sleep 1000 & echo child $!; wait");
    let child = news.number_after("child ").await;
    runner.kill();
    assert_eq!(news.exit().await, Exit::Signal(9));
    wait_gone(child);
}

#[tokio::test]
async fn the_group_goes_when_its_leader_exits_by_itself() {
    let stage = Stage::new();
    let (_runner, mut news) = stage.shell("sleep 1000 & echo child $!");
    let child = news.number_after("child ").await;
    assert_eq!(news.exit().await, Exit::Code(0));
    wait_gone(child);
}

#[tokio::test]
async fn what_left_the_group_is_ended_after_its_runner_and_the_others_are_not() {
    let stage = Stage::new();
    let daemon = "setsid sh -c 'echo daemon $$; exec sleep 1000' & sleep 1000";
    let (first, mut first_news) = stage.shell(daemon);
    let (_second, mut second_news) = stage.shell(daemon);
    let of_first = first_news.number_after("daemon ").await;
    let of_second = second_news.number_after("daemon ").await;
    first.kill();
    first_news.exit().await;
    wait_gone(of_first);
    assert!(is_alive(of_second));
}

#[tokio::test]
async fn terminate_asks_and_the_runner_may_take_its_time() {
    let stage = Stage::new();
    let script = "trap 'echo asked; exit 5' TERM; echo up; sleep 1000 & wait";
    let (runner, mut news) = stage.shell(script);
    news.after("up").await;
    runner.terminate();
    news.after("asked").await;
    assert_eq!(news.exit().await, Exit::Code(5));
}

//= docs/contract.md#shutdown
//= type=test
//# A runner that still runs when the grace period is over MUST be killed with its whole process group.
#[tokio::test]
async fn a_runner_that_ignores_being_asked_is_killed() {
    let stage = Stage::new();
    let (runner, mut news) = stage.shell("trap '' TERM; echo up; while :; do sleep 1000; done");
    news.after("up").await;
    runner.terminate();
    runner.kill();
    assert_eq!(news.exit().await, Exit::Signal(9));
}

#[tokio::test]
async fn signals_to_a_runner_that_is_gone_do_nothing() {
    let stage = Stage::new();
    let (runner, mut news) = stage.shell("true");
    news.exit().await;
    runner.terminate();
    runner.kill();
    runner.cut();
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named() {
    let stage = Stage::new();
    let missing = |program: &str| stage.launch(vec![program.to_owned()]).err();
    for program in ["no-such-program", "./no-such-program", "/no/such/program"] {
        let error = missing(program).expect("it does not start");
        assert_eq!(error.to_string(), format!("command not found: {program}"));
    }
    assert!(matches!(stage.launch(Vec::new()).err(), Some(LaunchError::NoCommand)));
}

#[tokio::test]
async fn a_program_that_may_not_be_run_is_named() {
    let stage = Stage::new();
    std::fs::write(stage.dir.path().join("plain"), "text").expect("a file");
    let error = stage.launch(vec!["./plain".to_owned()]).err().expect("it does not start");
    assert_eq!(error.to_string(), "could not start ./plain");
}

#[tokio::test]
async fn a_program_is_looked_up_from_the_runner_s_directory() {
    let stage = Stage::new();
    std::fs::copy("/bin/echo", stage.dir.path().join("said")).expect("a program");
    let (_runner, mut news) =
        stage.launch(vec!["./said".to_owned(), "hello".to_owned()]).expect("it starts");
    assert_eq!(news.line().await.1, "hello");
}

#[tokio::test]
async fn many_runners_have_ports_of_their_own_and_all_ends_are_seen() {
    let stage = Stage::new();
    let mut runners: Vec<_> = (0..30).map(|_| stage.shell("exec sleep 1000")).collect();
    let mut ports: Vec<u16> = runners.iter().map(|(runner, _)| runner.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 30);
    for (runner, _) in &runners {
        runner.terminate();
    }
    for (_, news) in &mut runners {
        assert_eq!(news.exit().await, Exit::Signal(15));
    }
}

#[tokio::test]
async fn runners_outlive_the_handle_that_started_them() {
    let Stage { supervisor, dir: _dir } = Stage::new();
    let (mut news, sink) = crate::stage::News::new();
    let launch = fal_supervisor::Launch {
        app: "acme/test".to_owned(),
        runner: "runner-1".to_owned(),
        command: shell("exec sleep 1000"),
        cwd: "/".into(),
        env: Vec::new(),
    };
    let runner = supervisor.launch(&launch, &sink).expect("a shell starts");
    drop(supervisor);
    runner.terminate();
    assert_eq!(news.exit().await, Exit::Signal(15));
}
