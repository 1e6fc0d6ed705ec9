//! What one decision costs: it stands on the way of every request, and has to stay under 100 ns.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use fal_policy::{Answer, Attempted, Call, Caller, Flag, Outcome, Rules, decide};
use fal_types::{PerCondition, Spent, Status};

fn answer(code: u16) -> Outcome {
    Outcome::Responded(Answer::new(Status::new(code)))
}

/// The shortest way through the rules, the longest, and those between.
fn outcomes() -> [(&'static str, Outcome); 5] {
    let busy = Answer {
        needs_retry: Some(Flag::Yes),
        stop_runner: Some(Flag::No),
        retry_after: Some(Duration::from_secs(5)),
        ..Answer::new(Status::new(429))
    };
    [
        ("200", answer(200)),
        ("500", answer(500)),
        ("503", answer(503)),
        ("429 with headers", Outcome::Responded(busy)),
        ("broken connection", Outcome::Disconnected),
    ]
}

fn bench(criterion: &mut Criterion) {
    let budgets =
        PerCondition { server_error: Some(5), timeout: Some(5), connection_error: Some(5) };
    let caller = Caller { no_retry: false, budgets: Some(budgets) };
    let rules = Rules { budgets, ..Rules::default() };
    let mut group = criterion.benchmark_group("decide");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    for (name, outcome) in outcomes() {
        let attempted = Attempted {
            call: Call::Queued,
            outcome: &outcome,
            spent: Spent::default(),
            caller: &caller,
            rules: &rules,
        };
        group.bench_function(name, |bencher| bencher.iter(|| decide(black_box(&attempted))));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
