//! A store and the model under the same random operations.

use std::time::Duration;

use fal_types::{AppId, Attempt, Condition, LeaseId, Moment, Problem, RequestId};

use super::{
    Make,
    bench::{START, app, content, id, other_app, reply},
};
use crate::{
    CallerRules, Ending, Lease, NodeId, Priority, Ruling, State, Ticket,
    store::{Content, Done, Op, Reader, Reply, Store, model::Model},
};

/// So many ids are in play: few, so that operations meet.
const IDS: u64 = 24;

/// Drives a new store and the model through `steps` batches that `seed` determines, and compares
/// every answer, and after every batch everything that can be read.
///
/// # Panics
/// Where the two differ; the message holds the seed, the step and the batch.
pub fn against_model(make: &mut Make<'_>, seed: u64, steps: u32) {
    let (mut store, mut model) = (make(), Model::default());
    let mut reader = store.reader().expect("a store has a reader");
    let mut expected = model.reader().expect("the model has a reader");
    let mut random = Random::new(seed);
    let mut world = World::new();
    for step in 0..steps {
        world.pass_time(&mut random);
        let ops = world.batch(&mut random);
        let right = model.commit(world.now, ops.clone()).expect("the model never fails");
        let found = store.commit(world.now, ops.clone()).expect("a commit succeeds");
        assert!(found == right, "seed {seed}, step {step}: {ops:#?}\n{found:#?}\n{right:#?}");
        world.learn(&right);
        let (found, right) = (view(&mut *reader), view(&mut *expected));
        assert!(found == right, "seed {seed}, step {step}: {ops:#?}\n{found:#?}\n{right:#?}");
    }
}

/// Everything that can be read, as text that shows where two stores differ.
fn view(reader: &mut dyn Reader) -> Vec<String> {
    let mut lines = Vec::new();
    for app in [app(), other_app()] {
        lines.push(format!("{app}: {:?}", reader.backlog(&app).expect("it can be read")));
        lines.push(names(&reader.recent(Some(&app), 5).expect("it can be read")));
        for number in 0..IDS {
            let found = reader.ticket(&app, id(number.into())).expect("it can be read");
            let Some(ticket) = found else { continue };
            let ahead = reader.ahead(&ticket).expect("it can be read");
            let reply = reader.reply(ticket.id).expect("it can be read");
            lines.push(format!("{ahead} ahead of {ticket:?}, which has {reply:?}"));
        }
    }
    lines.push(names(&reader.recent(None, 7).expect("it can be read")));
    lines
}

fn names(tickets: &[Ticket]) -> String {
    tickets.iter().map(|ticket| format!("{} ", ticket.id)).collect()
}

/// What the operations are made from.
struct World {
    now: Moment,
    /// Leases that were handed out, current ones and old ones.
    leases: Vec<(RequestId, Lease)>,
    next_lease: u64,
}

impl World {
    const fn new() -> Self {
        Self { now: START, leases: Vec::new(), next_lease: 1 }
    }

    fn pass_time(&mut self, random: &mut Random) {
        let millis = match random.below(20) {
            0 => 60 * 60_000,
            1 => 6 * 60_000,
            2..=7 => 0,
            8.. => random.below(4_000),
        };
        self.now = self.now + Duration::from_millis(millis);
    }

    fn batch(&mut self, random: &mut Random) -> Vec<Op> {
        (0..random.below(6)).map(|_| self.op(random)).collect()
    }

    fn op(&mut self, random: &mut Random) -> Op {
        match random.below(16) {
            0..=5 => self.submit(random),
            6..=8 => self.claim(random),
            9..=12 => self.settle(random),
            13 => Op::Cancel { app: an_app(random), request: an_id(random) },
            14 => match random.below(4) {
                0 => Op::Recover { node: a_node(random) },
                1.. => Op::Cancel { app: an_app(random), request: an_id(random) },
            },
            15.. => {
                let limit = [0, 1, 2, 100].into_iter().nth(random.index(4)).unwrap_or(1);
                Op::Sweep { limit }
            }
        }
    }

    fn submit(&self, random: &mut Random) -> Op {
        let priority = if random.one_in(3) { Priority::Low } else { Priority::Normal };
        let wait = Duration::from_millis(random.below(20_000));
        let request = an_id(random);
        let path = if random.one_in(2) { "/run" } else { "" };
        let ticket = Ticket {
            start_deadline: random.one_in(3).then_some(self.now + wait),
            caller: CallerRules { no_retry: random.one_in(4), budgets: None },
            hint: random.one_in(4).then(|| "a".to_owned()),
            ..Ticket::new(request, an_app(random), path, priority, self.now)
        };
        let content = if random.one_in(5) { Content::default() } else { content(request.bits()) };
        let max_ahead = random.one_in(4).then(|| random.below(6));
        Op::Submit { ticket, content, max_ahead }
    }

    fn claim(&mut self, random: &mut Random) -> Op {
        let leases_from = LeaseId::new(self.next_lease);
        self.next_lease += 8;
        let max = u32::try_from(random.below(5)).unwrap_or(1);
        Op::Claim { app: an_app(random), max, node: a_node(random), leases_from }
    }

    fn settle(&self, random: &mut Random) -> Op {
        let newest = self.leases.len().saturating_sub(random.index(8) + 1);
        let made_up = (
            an_id(random),
            Lease {
                id: LeaseId::new(random.below(self.next_lease)),
                attempt: Attempt::FIRST,
                node: NodeId(1),
                since: self.now,
            },
        );
        let real = self.leases.get(newest).filter(|_| !random.one_in(8));
        let (request, lease) = real.copied().unwrap_or(made_up);
        let (ruling, reply) = self.ruling(random);
        Op::Settle { request, lease: lease.id, attempt: lease.attempt, ruling, reply }
    }

    fn ruling(&self, random: &mut Random) -> (Ruling, Option<Reply>) {
        let bytes = if random.one_in(4) { 10 * 1024 } else { random.index(9) };
        let answer = reply(if random.one_in(2) { 200 } else { 503 }, &vec![b'x'; bytes]);
        let not_before = self.now + Duration::from_millis(random.below(6_000));
        let charge = Condition::ALL.into_iter().nth(random.index(4));
        match random.below(6) {
            0 => (Ruling::GiveBack, None),
            1..=2 => (Ruling::Again { charge, not_before }, Some(answer)),
            3 => (Ruling::Finish(Ending::Failed(Problem::RequestTimeout)), None),
            4 => (Ruling::Finish(Ending::Cancelled), None),
            5.. => (Ruling::Finish(Ending::Responded(answer.status)), Some(answer)),
        }
    }

    /// Remembers the leases that a claim handed out, so that later batches settle them.
    fn learn(&mut self, answers: &[Done]) {
        for done in answers {
            let Done::Claimed { batch, .. } = done else { continue };
            self.leases.extend(batch.iter().filter_map(|(ticket, _)| match ticket.state {
                State::Leased(lease) => Some((ticket.id, lease)),
                State::Waiting { .. } | State::Done(_) => None,
            }));
        }
    }
}

fn an_app(random: &mut Random) -> AppId {
    if random.one_in(4) { other_app() } else { app() }
}

fn an_id(random: &mut Random) -> RequestId {
    id(random.below(IDS).into())
}

fn a_node(random: &mut Random) -> NodeId {
    NodeId(1 + random.below(2))
}

/// A small generator (xorshift64*), so that a seed says everything about a run.
struct Random(u64);

impl Random {
    const fn new(seed: u64) -> Self {
        // The state must not be zero, and neighbouring seeds should not begin alike.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 where `end` is 0.
    const fn below(&mut self, end: u64) -> u64 {
        match (self.next() >> 11).checked_rem(end) {
            Some(number) => number,
            None => 0,
        }
    }

    fn index(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).unwrap_or(0)
    }

    const fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}
