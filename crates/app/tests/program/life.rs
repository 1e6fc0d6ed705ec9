//! From setup to exit code.

use std::{io::Write as _, net::TcpListener, process::Output};

use crate::process::{Program, example, rest};

//= docs/contract.md#startup-ready
//= type=test
//# In an app of `fal-app` the port MUST open only after setup has returned.
#[test]
fn the_port_opens_only_after_setup_has_returned() {
    let mut hanging = Program::start("fault_lab", &[("LAB_SETUP_FAIL", "hang")]);
    hanging.line_with("hangs as asked");
    assert!(hanging.connect().is_err(), "no port while the setup runs");
    hanging.signal("-TERM");
    let (status, _) = hanging.end();
    assert_eq!(status.code(), Some(0), "a setup that hangs can be stopped");

    let ready = Program::ready("fault_lab", &[]);
    assert!(ready.connect().is_ok(), "ready means that the port is open");
}

#[test]
fn a_failed_setup_ends_the_program_with_3_and_names_the_phase() {
    let ends = |how| Program::start("fault_lab", &[("LAB_SETUP_FAIL", how)]).end();
    let (status, log) = ends("error");
    assert_eq!(status.code(), Some(3));
    assert!(log.contains("setup failed: LAB_SETUP_FAIL asks for it"), "{log}");
    let (status, log) = ends("panic");
    assert_eq!(status.code(), Some(3));
    assert!(log.contains("setup panicked: LAB_SETUP_FAIL asks for it"), "{log}");
}

//= docs/contract.md#app-hooks
//= type=test
//# An app of `fal-app` MUST run its `#[warmup]` between the setup and the opening of the port, and end
//# with a message that names the phase when one of the two fails.
#[test]
fn a_failed_warmup_ends_the_program_with_4_and_names_the_phase() {
    let ends = |how| Program::start("fault_lab", &[("LAB_WARMUP_FAIL", how)]).end();
    let (status, log) = ends("error");
    assert_eq!(status.code(), Some(4));
    assert!(log.contains("warm-up failed: LAB_WARMUP_FAIL asks for it"), "{log}");
    assert!(log.contains("torn down"), "what was set up is given back: {log}");
    let (status, log) = ends("panic");
    assert_eq!(status.code(), Some(4));
    assert!(log.contains("warm-up panicked: LAB_WARMUP_FAIL asks for it"), "{log}");

    let mut hanging = Program::start("fault_lab", &[("LAB_WARMUP_FAIL", "hang")]);
    hanging.line_with("hangs as asked");
    assert!(hanging.connect().is_err(), "no port while the warm-up runs");
    hanging.signal("-TERM");
    let (status, log) = hanging.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("torn down"), "{log}");
}

#[test]
fn a_number_of_requests_that_is_none_ends_the_program_with_2() {
    let (status, log) = Program::start("hello", &[("FAL_MAX_MULTIPLEXING", "many")]).end();
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("FAL_MAX_MULTIPLEXING is \"many\""), "{log}");
}

#[test]
fn an_exit_hook_that_hangs_keeps_no_connection_open() {
    let mut program = Program::ready("fault_lab", &[("LAB_EXIT_HANG", "1")]);
    let mut idle = program.connect().unwrap();
    program.signal("-TERM");
    program.line_with("told to stop");
    assert_eq!(rest(&mut idle), "", "an idle connection ends at once");
    program.signal("-INT");
    assert_eq!(program.end().0.code(), Some(130));
}

#[test]
fn a_port_in_use_ends_the_program_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, log) = Program::start("hello", &[("PORT", &port)]).end();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{log}");
}

#[test]
fn a_port_that_is_none_ends_the_program_with_2() {
    let (status, log) = Program::start("hello", &[("PORT", "http")]).end();
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("PORT is \"http\", which is no port"), "{log}");
}

//= docs/contract.md#app-hooks
//= type=test
//# On SIGTERM it MUST close its port, run its `#[on_exit]` while requests are in flight, finish them,
//# and run its `#[teardown]`.
#[test]
fn sigterm_closes_the_port_finishes_what_is_in_flight_and_tears_down() {
    let mut program = Program::ready("fault_lab", &[]);
    let mut idle = program.connect().unwrap();
    let mut busy = program.stream(r#"{"events":8,"delay_ms":60}"#);
    program.signal("-TERM");
    program.line_with("stopping: SIGTERM");
    // An idle connection is closed at once, so its end says that the port is closed too.
    assert_eq!(rest(&mut idle), "");
    assert!(program.connect().is_err(), "nobody new is accepted");
    program.line_with("told to stop");
    assert!(rest(&mut busy).contains(r#"data: {"number":7,"#), "the stream is finished");
    let (status, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("torn down"), "{log}");
}

#[test]
fn a_caller_who_does_not_finish_his_request_does_not_hold_up_the_end() {
    let mut program = Program::ready("fault_lab", &[]);
    let mut half_a_head = program.connect().unwrap();
    half_a_head.write_all(b"POST / HTT").unwrap();
    let mut half_a_body = program.connect().unwrap();
    half_a_body.write_all(b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\n{").unwrap();
    program.signal("-TERM");
    program.line_with("stopping: SIGTERM");
    let (status, log) = program.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("torn down"), "{log}");
}

#[test]
fn a_second_sigint_does_not_wait_for_a_teardown_either() {
    let mut program = Program::ready("fault_lab", &[("LAB_IGNORE_SIGTERM", "1")]);
    program.signal("-INT");
    program.line_with("told to stop");
    program.signal("-INT");
    assert_eq!(program.end().0.code(), Some(130));
}

#[test]
fn a_second_sigint_does_not_wait() {
    let mut program = Program::ready("fault_lab", &[]);
    let busy = program.stream(r#"{"events":1,"delay_ms":600000}"#);
    program.signal("-INT");
    program.line_with("stopping: SIGINT");
    program.signal("-INT");
    assert_eq!(program.end().0.code(), Some(130));
    drop(busy);
}

//= docs/contract.md#unearned-503
//= type=test
//# A 503 from anywhere else in such an app MUST be turned into a 500, with an error in the log that
//# names the endpoint.
#[test]
fn an_unearned_503_is_logged_with_its_endpoint_and_its_request() {
    let mut program = Program::ready("fault_lab", &[]);
    assert!(program.call("/raw/418", "").starts_with("HTTP/1.1 418"));
    assert!(program.call("/raw/503", "").starts_with("HTTP/1.1 500"));
    let line = program.line_with("a 503 without evidence");
    assert!(line.contains("ERROR") && line.contains("endpoint=\"/raw/503\""), "{line}");
    assert!(line.ends_with(" request_id=r-7\n"), "{line}");
    assert!(program.call("/", r#"{"status":503}"#).starts_with("HTTP/1.1 503"));
}

#[test]
fn a_panic_is_one_line_with_its_endpoint_and_its_request() {
    let mut program = Program::ready("fault_lab", &[]);
    let answer = program.call("/", r#"{"panic":"two\nlines"}"#);
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    let line = program.line_with("panicked");
    assert!(line.contains(r#"endpoint="/" panic="two\nlines" at="#), "{line}");
    assert!(line.ends_with(" request_id=r-7\n"), "{line}");
}

#[test]
fn describe_runs_nothing_and_unknown_arguments_end_the_program_with_2() {
    let run = |argument: &str| -> Output {
        example("hello").arg(argument).env("PORT", "1").output().unwrap()
    };
    let described: serde_json::Value = serde_json::from_slice(&run("--describe").stdout).unwrap();
    assert_eq!(described["name"], "hello");
    assert_eq!(described["endpoints"][1]["path"], "/stream");
    assert!(String::from_utf8(run("--help").stdout).unwrap().contains("--describe"));
    assert_eq!(run("--port").status.code(), Some(2));
}
