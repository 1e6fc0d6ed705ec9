//! Single stories, and what holds in all of them.

mod stories;
mod worlds;

use std::{fmt::Write as _, time::Duration};

use fal_types::{Moment, RunnerId};

use super::{Allotment, Decision, Input, Shared};
use crate::{Gpu, Offer, Rank, Want};

const TURN: Duration = Duration::from_secs(60);

/// So many seconds after the beginning of the test.
const fn at(seconds: u64) -> Moment {
    Moment::from_micros(seconds * 1_000_000)
}

/// The first runner of app 2 is `2.0`.
fn name(runner: RunnerId) -> String {
    format!("{}.{}", runner.boot(), runner.number())
}

fn gpu(number: usize) -> Gpu {
    number.to_string().parse().unwrap()
}

fn gpus(numbers: &[usize]) -> Vec<Gpu> {
    numbers.iter().map(|number| gpu(*number)).collect()
}

/// One line for what was decided: `1.0 gets 0+1; watch 1; 1.0 makes room`.
fn tell(decisions: &[Decision]) -> String {
    let mut text = String::new();
    for decision in decisions {
        if !text.is_empty() {
            text.push_str("; ");
        }
        match decision {
            Decision::Allot { runner, gpus } if gpus.is_empty() => {
                write!(text, "{} gets a place", name(*runner)).unwrap();
            }
            Decision::Allot { runner, gpus } => {
                let gpus: Vec<_> = gpus.iter().map(Gpu::as_str).collect();
                write!(text, "{} gets {}", name(*runner), gpus.join("+")).unwrap();
            }
            Decision::MakeRoom { runner, .. } => {
                write!(text, "{} makes room", name(*runner)).unwrap()
            }
            Decision::Watch { app } => write!(text, "watch {app}").unwrap(),
            Decision::Unwatch { app } => write!(text, "unwatch {app}").unwrap(),
        }
    }
    text
}
