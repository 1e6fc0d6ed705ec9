//! Waiting for a runner's port, and asking whether it works.

use std::time::Duration;

use fal_supervisor::{ForwardError, HealthProbe, PortError, ProbeError};
use http::Method;

use crate::{
    program,
    stage::{BOUND, Stage, within},
};

fn health(path: &str) -> HealthProbe {
    HealthProbe { method: Method::GET, path: path.to_owned(), timeout: BOUND, on_demand: true }
}

//= docs/contract.md#startup-ready
//= type=test
//# A runner is ready when its port accepts a connection.
#[tokio::test]
async fn the_port_opens_when_the_runner_opens_it() {
    let stage = Stage::new();
    let (runner, _news) = stage.launch(program::command("server")).expect("a server starts");
    within(runner.port_open()).await.expect("it opens");
    runner.probe_tcp(BOUND).await.expect("it is there");
}

#[tokio::test]
async fn waiting_for_the_port_ends_when_the_runner_exits() {
    let stage = Stage::new();
    let (runner, _news) = stage.shell("exec sleep 1000");
    let (opened, ()) = tokio::join!(within(runner.port_open()), async { runner.terminate() });
    assert_eq!(opened, Err(PortError::Exited));
    assert_eq!(within(runner.port_open()).await, Err(PortError::Exited));
}

#[tokio::test]
async fn waiting_for_the_port_ends_when_the_runner_is_cut() {
    let stage = Stage::new();
    let (runner, _news) = stage.shell("exec sleep 1000");
    let (opened, ()) = tokio::join!(within(runner.port_open()), async { runner.cut() });
    assert_eq!(opened, Err(PortError::Cut));
    runner.kill();
}

//= docs/contract.md#tcp-check
//= type=test
//# The check is one connect to the runner's port, which MUST succeed within `tcp_check_timeout`.
#[tokio::test]
async fn a_port_that_is_not_open_is_refused() {
    let stage = Stage::new();
    let (runner, mut news) = stage.shell("exec sleep 1000");
    let refused = runner.probe_tcp(BOUND).await;
    assert!(matches!(refused, Err(ProbeError::Unanswered(ForwardError::Refused))), "{refused:?}");
    runner.kill();
    news.exit().await;
}

#[tokio::test]
async fn a_dead_runner_s_port_is_refused() {
    let stage = Stage::new();
    let (runner, mut news) = stage.server().await;
    runner.kill();
    news.exit().await;
    let refused = runner.probe_tcp(BOUND).await;
    assert!(matches!(refused, Err(ProbeError::Unanswered(ForwardError::Refused))), "{refused:?}");
}

//= docs/contract.md#health-endpoint
//= type=test
//# A probe fails when it gets no answer within `timeout_seconds`, or a status of 400 or above.
//= docs/contract.md#health-endpoint
//= type=test
//# That probe carries the header `x-fal-runner-health-check`.
#[tokio::test]
async fn a_health_probe_asks_as_told() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    runner.probe_health(&health("/fine")).await.expect("it is well");
    let on_demand = health("/on-demand-only");
    runner.probe_health(&on_demand).await.expect("it is told that it was asked for");
    let failed = runner.probe_health(&HealthProbe { on_demand: false, ..on_demand }).await;
    assert!(matches!(failed, Err(ProbeError::Status(400))), "{failed:?}");
    let failed = runner.probe_health(&health("/refuse")).await;
    assert!(matches!(failed, Err(ProbeError::Status(500))), "{failed:?}");
    let failed = runner.probe_health(&health("/bad-short")).await;
    assert!(matches!(failed, Err(ProbeError::Broken(_))), "{failed:?}");
    let failed = runner.probe_health(&health("no path")).await;
    assert!(matches!(failed, Err(ProbeError::Path { .. })), "{failed:?}");
}

//= docs/contract.md#health-endpoint
//= type=test
//# A probe fails when it gets no answer within `timeout_seconds`, or a status of 400 or above.
#[tokio::test]
async fn a_health_probe_has_a_limit() {
    let stage = Stage::new();
    let (runner, _news) = stage.server().await;
    for path in ["/hang", "/hang-in-body"] {
        let probe = HealthProbe { timeout: Duration::from_millis(50), ..health(path) };
        let failed = within(runner.probe_health(&probe)).await;
        assert!(matches!(failed, Err(ProbeError::TimedOut)), "{path}: {failed:?}");
    }
}
