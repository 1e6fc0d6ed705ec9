//! A store and the model under the same random operations.

use std::{cell::Cell, time::Duration};

use fal_queue::{
    CallerRules, Ending, Key, Lease, NodeId, Priority, Ruling, State, Storage, Ticket,
    store::{
        Content, Done, Leases, Line, Op, Reader, Removal, Reply, Sent, Silent, Store, model::Model,
    },
};
use fal_types::{AppId, Attempt, Condition, LeaseId, Moment, Problem, RequestId};

use super::{
    Make,
    bench::{START, app, content, id, line, other_app, reply, told},
};

/// So many ids are in play: few, so that operations meet.
const IDS: u64 = 24;

/// More than a sweep ever finds.
const ALL: u32 = 10_000;

/// Drives a new store and the model through `steps` batches that `seed` determines, and compares
/// every answer, and after every batch everything that can be read.
///
/// # Panics
/// Where the two differ; the message holds the seed, the step and the batch.
pub fn against_model(make: &mut Make<'_>, seed: u64, steps: u32) {
    let (mut store, mut model) = (make(), Model::default());
    let mut reader = store.reader().expect("a store has a reader");
    let mut expected = model.reader().expect("the model has a reader");
    let removal = store.caps().removal;
    let mut random = Random::new(seed);
    let mut world = World::new();
    for step in 0..steps {
        world.pass_time(&mut random);
        let ops = world.batch(&mut random);
        let right = model.commit(world.now, ops.clone()).expect("the model never fails");
        let found = store.commit(world.now, ops.clone()).expect("a commit succeeds");
        let (found, right_seen) = (seen(found, removal), seen(right.clone(), removal));
        assert!(found == right_seen, "seed {seed}, step {step}: {ops:#?}\n{found:#?}\n{right:#?}");
        world.learn(&right);
        let (found, right) = (world.view(&mut *reader), world.view(&mut *expected));
        assert!(found == right, "seed {seed}, step {step}: {ops:#?}\n{found:#?}\n{right:#?}");
    }
}

/// The answers without what a store of this kind need not count.
fn seen(mut answers: Vec<Done>, removal: Removal) -> Vec<Done> {
    if removal == Removal::Daily {
        for done in &mut answers {
            if let Done::Swept { removed, next, .. } = done {
                (*removed, *next) = (0, None);
            }
        }
    }
    answers
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
    /// The next new request. An id is never used for a second one.
    next_id: Cell<u64>,
    /// The last number of each webhook's deliveries.
    deliveries: Vec<(RequestId, u32)>,
}

impl World {
    const fn new() -> Self {
        Self {
            now: START,
            leases: Vec::new(),
            next_lease: 1,
            next_id: Cell::new(0),
            deliveries: Vec::new(),
        }
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

    /// Everything that can be read of what has not expired, as text that shows where two stores
    /// differ.
    fn view(&self, reader: &mut dyn Reader) -> Vec<String> {
        let mut lines = Vec::new();
        let present = |tickets: Vec<Ticket>| -> Vec<Ticket> {
            tickets.into_iter().filter(|ticket| !ticket.is_expired(self.now)).collect()
        };
        for app in [app(), other_app()] {
            lines.push(format!("{app}: {:?}", reader.backlog(&app).expect("it can be read")));
            lines.push(names(&present(reader.recent(Some(&app), 5).expect("it can be read"))));
            lines.push(names(&present(reader.dead(Some(&app), 5).expect("it can be read"))));
        }
        let last = self.next_id.get();
        for number in last.saturating_sub(IDS)..last {
            let found = reader.find(id(number.into())).expect("it can be read");
            let Some(ticket) = found.filter(|found| !found.is_expired(self.now)) else { continue };
            lines.extend(everything(reader, &ticket));
        }
        lines.push(names(&present(reader.recent(None, 7).expect("it can be read"))));
        lines
    }

    fn batch(&mut self, random: &mut Random) -> Vec<Op> {
        // So no request is there that has expired: stores may keep such a one for longer.
        let silent = if random.below(3) == 0 { Silent::Spared } else { Silent::Dead };
        let swept = [Op::Sweep { limit: ALL, silent }];
        swept.into_iter().chain((0..random.below(6)).map(|_| self.op(random))).collect()
    }

    fn op(&mut self, random: &mut Random) -> Op {
        match random.below(25) {
            0..=5 => self.submit(random),
            6..=8 => self.claim(random),
            9..=12 => self.settle(random),
            13..=14 => Op::Cancel { app: an_app(random), request: self.an_id(random) },
            15 => match random.below(3) {
                0 => Op::Recover { node: a_node(random), leases: None },
                1 => Op::Recover { node: a_node(random), leases: Some(self.some_leases(random)) },
                2.. => Op::Beat { node: a_node(random), lasts: Duration::from_secs(3) },
            },
            16..=17 => self.note(random),
            18 => Op::Collect { max: a_few(random), hold: Duration::from_secs(2) },
            19..=20 => self.sent(random),
            21 => Op::SendAgain { request: self.an_id(random) },
            22 => match random.below(3) {
                0 => Op::Drop { request: self.an_id(random) },
                1.. => Op::Resubmit { request: self.an_id(random), heir: self.new_id() },
            },
            23 => Op::Sweep { limit: a_few(random), silent: Silent::Dead },
            24.. => Op::Sweep { limit: a_few(random), silent: Silent::Spared },
        }
    }

    fn new_id(&self) -> RequestId {
        let number = self.next_id.get();
        self.next_id.set(number + 1);
        id(number.into())
    }

    /// One of the last ids, perhaps of a request that is gone.
    fn an_id(&self, random: &mut Random) -> RequestId {
        let back = 1 + random.below(IDS);
        id(self.next_id.get().saturating_sub(back).into())
    }

    fn some_leases(&self, random: &mut Random) -> Leases {
        let from = LeaseId::new(self.next_lease.saturating_sub(random.below(40)));
        Leases { app: an_app(random), from, count: a_few(random) }
    }

    fn note(&self, random: &mut Random) -> Op {
        let (request, lease) = self.a_lease(random);
        let lines = some_lines(random);
        Op::Note { request, lease: lease.id, attempt: lease.attempt, lines }
    }

    fn sent(&self, random: &mut Random) -> Op {
        let newest = self.deliveries.len().saturating_sub(random.index(6) + 1);
        let known = self.deliveries.get(newest).copied();
        let (request, number) = known.unwrap_or((self.an_id(random), 1));
        let next = random.one_in(2).then(|| self.now + Duration::from_secs(random.below(9)));
        let took = Duration::from_micros(random.below(1_000_000));
        Op::Sent { request, sent: Sent { number, at: self.now, took, answer: "500".into() }, next }
    }

    fn submit(&self, random: &mut Random) -> Op {
        let priority = if random.one_in(3) { Priority::Low } else { Priority::Normal };
        let wait = Duration::from_millis(random.below(20_000));
        let request = if random.one_in(8) { self.an_id(random) } else { self.new_id() };
        let key = random.one_in(4).then(|| Key {
            text: format!("key {}", random.below(4)),
            digest: [u8::try_from(random.below(3)).unwrap_or(0); 32],
        });
        let path = if random.one_in(2) { "/run" } else { "" };
        let ticket = Ticket {
            start_deadline: random.one_in(3).then_some(self.now + wait),
            caller: CallerRules { no_retry: random.one_in(4), budgets: None },
            hint: random.one_in(4).then(|| "a".to_owned()),
            key,
            webhook: random.one_in(3).then(|| "http://example.com/".to_owned()),
            storage: if random.one_in(5) { Storage::Long } else { Storage::Usual },
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

    fn a_lease(&self, random: &mut Random) -> (RequestId, Lease) {
        let newest = self.leases.len().saturating_sub(random.index(8) + 1);
        let made_up = (
            self.an_id(random),
            Lease {
                id: LeaseId::new(random.below(self.next_lease)),
                attempt: Attempt::FIRST,
                node: NodeId(1),
                since: self.now,
            },
        );
        let real = self.leases.get(newest).filter(|_| !random.one_in(8));
        real.copied().unwrap_or(made_up)
    }

    fn settle(&self, random: &mut Random) -> Op {
        let (request, lease) = self.a_lease(random);
        let (ruling, reply) = self.ruling(random);
        let (lines, told) = (some_lines(random), told(1));
        let (lease, attempt) = (lease.id, lease.attempt);
        Op::Settle { request, lease, attempt, ruling, told, lines, reply }
    }

    fn ruling(&self, random: &mut Random) -> (Ruling, Option<Reply>) {
        let bytes = if random.one_in(4) { 10 * 1024 } else { random.index(9) };
        let answer = reply(if random.one_in(2) { 200 } else { 503 }, &vec![b'x'; bytes]);
        let not_before = self.now + Duration::from_millis(random.below(6_000));
        let charge = Condition::ALL.into_iter().nth(random.index(4));
        match random.below(7) {
            0 => (Ruling::GiveBack, None),
            1..=2 => (Ruling::Again { charge, not_before }, Some(answer)),
            3 => (Ruling::Finish(Ending::Failed(Problem::RequestTimeout)), None),
            4 => (Ruling::Finish(Ending::Cancelled), None),
            5 => (Ruling::Exhaust(Ending::Responded(answer.status)), Some(answer)),
            6.. => (Ruling::Finish(Ending::Responded(answer.status)), Some(answer)),
        }
    }

    /// Remembers the leases that a claim handed out, so that later batches settle them.
    fn learn(&mut self, answers: &[Done]) {
        for done in answers {
            if let Done::Collected { deliveries, .. } = done {
                let new = deliveries.iter().map(|delivery| (delivery.request, delivery.number));
                self.deliveries.extend(new);
            }
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

fn a_few(random: &mut Random) -> u32 {
    [0, 1, 2, 100].into_iter().nth(random.index(4)).unwrap_or(1)
}

fn some_lines(random: &mut Random) -> Vec<Line> {
    (0..random.below(3)).map(|seconds| line(seconds, "text")).collect()
}

/// What is kept of one request.
fn everything(reader: &mut dyn Reader, ticket: &Ticket) -> [String; 5] {
    let id = ticket.id;
    let ahead = reader.ahead(ticket).expect("it can be read");
    let reply = reader.reply(id).expect("it can be read");
    let (content, lines) = (reader.content(id), reader.lines(id));
    [
        format!("{ahead} ahead of {ticket:?}, which has {reply:?}"),
        format!("{:?}", reader.accounts(id).expect("it can be read")),
        format!("{:?}", lines.expect("it can be read")),
        format!("{:?}", reader.webhook(id).expect("it can be read")),
        format!("{:?}", content.expect("it can be read")),
    ]
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
