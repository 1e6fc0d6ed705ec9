//! What runners print.

use fal_supervisor::{Exit, Stream};

use crate::stage::Stage;

#[tokio::test]
async fn lines_come_from_both_outputs_also_a_last_one_without_an_end() {
    let stage = Stage::new();
    let (_runner, mut news) = stage.shell("echo one; echo two >&2; printf three");
    let mut lines = [news.line().await, news.line().await, news.line().await];
    lines.sort();
    let want = [(Stream::Out, "one"), (Stream::Out, "three"), (Stream::Err, "two")];
    assert_eq!(lines, want.map(|(stream, line)| (stream, line.to_owned())));
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_replaced() {
    let stage = Stage::new();
    let (_runner, mut news) = stage.shell(r"printf 'a\377b\n'");
    assert_eq!(news.line().await.1, "a\u{fffd}b");
}

#[tokio::test]
async fn a_long_line_comes_in_pieces() {
    let stage = Stage::new();
    let (_runner, mut news) = stage.shell("head -c 100000 /dev/zero | tr '\\0' x; echo");
    assert_eq!(news.line().await.1, "x".repeat(64 * 1024));
    assert_eq!(news.line().await.1, "x".repeat(100_000 - 64 * 1024));
}

#[tokio::test]
async fn a_pipe_that_a_stray_holds_open_delays_nothing() {
    let stage = Stage::new();
    // The stray wipes its environment and leaves the group, so nothing ends it: the test does.
    let script = "mkfifo up; env -i setsid sh -c 'echo stray $$; echo > up; exec sleep 1000' & \
         read it < up; echo last; exit 4";
    let (_runner, mut news) = stage.shell(script);
    let stray = news.number_after("stray ").await;
    news.after("last").await;
    assert_eq!(news.exit().await, Exit::Code(4));
    let (_other, mut other) = stage.shell("echo next");
    assert_eq!(other.line().await.1, "next");
    let stray = rustix::process::Pid::from_raw(stray).expect("not zero");
    rustix::process::kill_process(stray, rustix::process::Signal::KILL).expect("it is still there");
}

#[tokio::test]
async fn a_chatty_runner_is_read_to_its_end() {
    let stage = Stage::new();
    let (_runner, mut news) = stage.shell("seq 1 50000");
    for number in 1..=50_000 {
        assert_eq!(news.line().await.1, number.to_string());
    }
}
