//! What the engine costs a request: it stands on the way of every one, under its app's lock.

use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fal_engine::{CallId, Command, Effect, Engine, Event, Input, Reported, Scale, Settings, Who};
use fal_policy::{Answer, Outcome};
use fal_queue::{Lease, NodeId, Priority, State, Ticket, store::Backlog};
use fal_types::{Attempt, LeaseId, Moment, Problem, RequestId, Status};

const NOW: Moment = Moment::from_micros(1_000_000);

/// So many runners with one slot each, of which the first `busy` have a request.
fn engine(runners: u32, busy: u32) -> Engine {
    let scale = Scale { min: runners, max: runners, ..Scale::default() };
    let mut engine =
        Engine::new(Settings { scale, ..Settings::default() }, Who { boot: 1, node: 1 });
    for command in engine.step(NOW, Input::Elapsed) {
        if let Command::Runner { runner, effect: Effect::Spawn } = command {
            let _moved = engine.step(NOW, Input::Runner { runner, event: Event::PortOpened });
        }
    }
    for call in 0..busy {
        let _granted = engine.step(NOW, admit(u64::from(call)));
    }
    engine
}

fn admit(call: u64) -> Input {
    let until = NOW + Duration::from_secs(600);
    Input::Admit { call: CallId::new(call), until, late: Problem::StartupTimeout }
}

fn settled(lease: LeaseId) -> Input {
    let outcome = Outcome::Responded(Answer::new(Status::new(200)));
    Input::Settled {
        lease,
        reported: Reported { outcome, health_wanted: false, problem: None, hints: None },
    }
}

fn leased(lease: LeaseId) -> Ticket {
    let app = "acme/sketch".parse().expect("an app id");
    let held = Lease { id: lease, attempt: Attempt::FIRST, node: NodeId(1), since: NOW };
    let ticket = Ticket::new(RequestId::from_bits(1), app, "/run", Priority::Normal, NOW);
    Ticket { state: State::Leased(held), attempts: 1, ..ticket }
}

/// A direct call from its admission to its end.
fn direct(engine: &mut Engine, call: &mut u64) {
    *call += 1;
    for command in engine.step(NOW, admit(*call)) {
        if let Command::Grant { lease, .. } = command {
            let _quiet = engine.step(NOW, settled(lease));
        }
    }
}

/// A queued request from its arrival to its end, without the store's part.
fn queued(engine: &mut Engine) {
    for command in engine.step(NOW, Input::Arrived { due: NOW }) {
        if let Command::Claim { leases_from, .. } = command {
            let batch = vec![leased(leases_from)];
            let claimed = Input::Claimed { batch, backlog: Backlog::default() };
            let _dispatched = engine.step(NOW, claimed);
            let _recorded = engine.step(NOW, settled(leases_from));
        }
    }
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    for runners in [1, 10, 100, 1_000] {
        let (mut idle, mut call) = (engine(runners, 0), 1_000_000);
        group.bench_function(format!("direct call, {runners} idle"), |bencher| {
            bencher.iter(|| direct(&mut idle, &mut call));
        });
        let mut full = engine(runners, runners - 1);
        group.bench_function(format!("direct call, 1 of {runners} idle"), |bencher| {
            bencher.iter(|| direct(&mut full, &mut call));
        });
        group.bench_function(format!("queued request, {runners} idle"), |bencher| {
            bencher.iter(|| queued(&mut idle));
        });
    }
    group.finish();
    criterion.bench_function("start of 100 runners", |bencher| {
        bencher.iter_batched(|| (), |()| engine(100, 0), BatchSize::SmallInput);
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
