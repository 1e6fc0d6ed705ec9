//! Every input in every situation, and the kinds of commands that it leads to.

use std::fmt::Write as _;

use super::{render, scaled, script::Script};
use crate::{Scale, Settings};

/// How an engine gets into the situation, in the words of scripts.
const SITUATIONS: [(&str, &str); 13] = [
    ("empty", "0.000 rest"),
    ("starting, a direct call waits", "0.000 admit c1 for 100"),
    ("in crash backoff, a request waits", "0.000 submit q1\n1.000 r0 exited"),
    ("ready, idle", "0.000 admit c1 for 100\n1.000 r0 opened\n2.000 l0 answers 200"),
    ("ready, busy with a direct call", "0.000 admit c1 for 100\n1.000 r0 opened"),
    ("ready, busy with a request", "0.000 submit q1\n1.000 r0 opened\n1.000 claimed"),
    (
        "ready, busy with a cancelled request",
        "0.000 submit q1\n1.000 r0 opened\n1.000 claimed\n1.500 cancel q1",
    ),
    (
        "ready, busy, another call and another request wait",
        "0.000 admit c1 for 100\n1.000 r0 opened\n2.000 admit c2 for 100\n2.000 submit q1",
    ),
    ("ready, a claim is under way", "0.000 submit q1\n1.000 r0 opened"),
    (
        "draining, a request is in flight",
        "0.000 submit q1\n1.000 r0 opened\n1.000 claimed\n2.000 drain",
    ),
    (
        "rolling, old busy with a request, new starting",
        "0.000 submit q1\n1.000 r0 opened\n1.000 claimed\n2.000 reload processes",
    ),
    (
        "rolled, old draining with a request, new ready",
        "0.000 submit q1\n1.000 r0 opened\n1.000 claimed\n2.000 reload processes\n3.000 r1 opened",
    ),
    ("drained", "0.000 drain"),
];

const INPUTS: [&str; 41] = [
    "admit c9 for 100",
    "withdraw c1",
    "submit q9",
    "claimed",
    "claim-fails 1",
    "l0 answers 200",
    "l0 answers 200 stop",
    "l0 answers 404",
    "l0 answers 429",
    "l0 answers 500",
    "l0 answers 502",
    "l0 answers 503",
    "l0 answers 503 keep",
    "l0 answers 504",
    "l0 answers 200 health",
    "l0 breaks",
    "l0 cut",
    "l0 times-out",
    "l0 refused",
    "l0 abandoned",
    "l0 cancelled",
    "l7 breaks",
    "cancel q1",
    "r0 allotted",
    "r0 opened",
    "r0 exited",
    "r0 spawn-failed",
    "r0 probe-passed",
    "r0 probe-failed",
    "r0 health-passed",
    "r0 health-failed",
    "r1 opened",
    "r1 exited",
    "reload",
    "reload processes",
    "remove",
    "watched",
    "r0 makes-room",
    "r1 makes-room",
    "drain",
    "elapse",
];

fn settings() -> Settings {
    scaled(Scale { max: 1, ..Scale::default() })
}

fn outcome(story: &str, input: &str) -> String {
    let mut script = Script::new(settings());
    script.live(story);
    let commands: Vec<_> = script.happen(input).iter().map(render::kind).collect();
    if commands.is_empty() { "-".to_owned() } else { commands.join(", ") }
}

#[test]
fn every_situation_meets_every_input_as_in_the_table() {
    let mut table = String::new();
    for (situation, story) in SITUATIONS {
        writeln!(table, "{situation}").unwrap();
        for input in INPUTS {
            writeln!(table, "  {input:<24}{}", outcome(story, input)).unwrap();
        }
    }
    insta::assert_snapshot!("steps", table);
}
