//! Random worlds: runners that open late, crash, hang and lie, a store that is slow and fails, callers that
//! leave. Whatever happens in them, the engine keeps its promises.
//!
//! A world performs every command after a while of its own choosing and tells the result. [`law`] says what must
//! hold meanwhile. After its stormy part the world turns benign, and then everything that was accepted must end.

mod act;
mod dice;
mod law;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fal_lifecycle::Health;
use fal_queue::{
    Backoff, Priority, Ticket,
    store::{Content, Op, Silent, Store, model::Model},
};
use fal_types::{LeaseId, Moment, Problem, RequestId, RunnerId};
use proptest::prelude::*;

use self::{
    act::Happening,
    dice::Dice,
    law::{Broken, Laws},
};
use super::{app, at, render, settings};
use crate::{
    CallId, Cancel, Command, Engine, Input, Needs, Offer, Reconfigured, Scale, Settings, Who,
};

struct World {
    engine: Engine,
    store: Model,
    now: Moment,
    dice: Dice,
    /// What is going to happen, in its order.
    agenda: BTreeMap<(Moment, u64), Happening>,
    planned: u64,
    calls: u64,
    requests: u64,
    /// Slots in use: whose they are and on which runner.
    leases: BTreeMap<LeaseId, (RunnerId, Option<RequestId>)>,
    /// Runners whose process is there, or is being started.
    processes: BTreeSet<RunnerId>,
    /// What the engine said it could do without.
    offers: Vec<(RunnerId, Offer)>,
    is_benign: bool,
    settings: Settings,
    laws: Laws,
    trace: Vec<String>,
}

impl World {
    fn new(settings: Settings, seed: u64) -> Self {
        Self {
            laws: Laws::new(&settings),
            engine: Engine::new(settings.clone(), Who { boot: 3, node: 1 }),
            settings,
            store: Model::default(),
            now: at(1.0),
            dice: Dice::new(seed),
            agenda: BTreeMap::new(),
            planned: 0,
            calls: 0,
            requests: 0,
            leases: BTreeMap::new(),
            processes: BTreeSet::new(),
            offers: Vec::new(),
            is_benign: false,
            trace: Vec::new(),
        }
    }

    fn plan(&mut self, wait: Duration, happening: Happening) {
        self.planned += 1;
        self.agenda.insert((self.now + wait, self.planned), happening);
    }

    /// Tells the engine something, judges what it wants done, and does it.
    fn tell(&mut self, what: &str, input: Input) -> Result<(), Broken> {
        self.trace.push(format!("{} {what}", render::moment(self.now)));
        let commands = self.engine.step(self.now, input);
        self.trace.extend(commands.iter().map(|done| format!("-> {}", render::command(done))));
        for command in commands {
            self.laws.judge(self.now, &command, &self.leases)?;
            if let Command::Offer { offers } = &command {
                self.laws.judge_offers(offers, &self.engine.runners())?;
            }
            self.perform(command);
        }
        self.laws.judge_all(&self.engine.runners())?;
        self.judge_idleness()
    }

    /// Nobody waits while there is a slot that nobody uses.
    fn judge_idleness(&mut self) -> Result<(), Broken> {
        let is_news_under_way =
            self.agenda.values().any(|planned| matches!(planned, Happening::Arrives(_)));
        let is_late = self.engine.next_deadline().is_some_and(|due| due <= self.now);
        let is_told = !is_news_under_way && !is_late;
        let tickets = self.tickets();
        let due = tickets.iter().filter(|ticket| is_told && ticket.is_due(self.now)).count();
        self.laws.judge_idleness(self.now, due, &self.leases)
    }

    /// Lets the next thing happen: something planned, or a deadline. False where nothing is left to happen
    /// before `end`.
    fn advance(&mut self, end: Moment) -> Result<bool, Broken> {
        let next = self.agenda.first_key_value().map(|((moment, _), _)| *moment);
        let due = self.engine.next_deadline();
        let Some(moment) = [next, due].into_iter().flatten().min().filter(|at| *at <= end) else {
            return Ok(false);
        };
        let is_deadline = due.is_some_and(|due| due <= moment);
        self.now = self.now.max(moment);
        if is_deadline {
            self.tell("*", Input::Elapsed)?;
            let is_stuck = self.engine.next_deadline().is_some_and(|due| due <= self.now);
            return if is_stuck { Err("a deadline stays due".to_owned()) } else { Ok(true) };
        }
        if let Some((_, happening)) = self.agenda.pop_first() {
            self.happen(happening)?;
        }
        Ok(true)
    }

    /// Something that nobody planned.
    fn surprise(&mut self) -> Result<(), Broken> {
        match self.dice.below(20) {
            0..=5 => self.submit(),
            6..=10 => self.admit(),
            11 => self.cancel(),
            12 => self.crash(),
            13 => self.tell("*", Input::Elapsed),
            15 => self.leave(),
            14 => {
                // Whoever waits too long is ended behind the engine's back.
                self.commit(Op::Sweep { limit: 100, silent: Silent::Dead });
                Ok(())
            }
            16 if self.dice.one_in(3) => self.reload(),
            17 => self.watch(),
            18 => self.make_room(),
            19 => {
                self.look();
                Ok(())
            }
            16.. => Ok(()),
        }
    }

    /// Another configuration, of which the runners may or may not be.
    fn reload(&mut self) -> Result<(), Broken> {
        let (slots, max) = (self.dice.below(4), self.dice.below(5));
        let count = |number| u32::try_from(number).expect("small");
        self.settings.max_multiplexing = count(slots).max(1);
        self.settings.scale.max = count(max).max(self.settings.scale.min).max(1);
        let processes_too = self.dice.one_in(2);
        if self.dice.one_in(3) {
            let was = self.settings.needs;
            self.settings.needs = if was == Needs::Share { Needs::Nothing } else { Needs::Share };
        }
        self.laws.reconfigured(&self.settings);
        let settings = Box::new(self.settings.clone());
        let change = Reconfigured::Changed { settings, processes_too };
        let what = format!("reload {slots} {max} {processes_too}");
        self.tell(&what, Input::Reconfigured(change))
    }

    fn admit(&mut self) -> Result<(), Broken> {
        self.calls += 1;
        let call = CallId::new(self.calls);
        let until = self.now + self.dice.span(60);
        self.laws.admitted(call);
        if self.dice.one_in(4) {
            let wait = self.dice.span(20);
            self.plan(wait, Happening::Leaves(call));
        }
        let input = Input::Admit { call, until, late: Problem::StartupTimeout };
        self.tell(&format!("admit c{}", self.calls), input)
    }

    fn submit(&mut self) -> Result<(), Broken> {
        self.requests += 1;
        let id = RequestId::from_bits(self.requests.into());
        let priority = if self.dice.one_in(3) { Priority::Low } else { Priority::Normal };
        let mut ticket = Ticket::new(id, app(), "", priority, self.now);
        ticket.caller.no_retry = self.dice.one_in(6);
        ticket.start_deadline = self.dice.one_in(6).then(|| self.now + self.dice.span(40));
        self.trace.push(format!("{} submit q{}", render::moment(self.now), self.requests));
        self.commit(Op::Submit { ticket, content: Content::default(), max_ahead: None });
        let wait = self.dice.lag();
        self.plan(wait, Happening::Arrives(at(0.0)));
        Ok(())
    }

    /// The stormy part.
    fn storm(&mut self, steps: u32) -> Result<(), Broken> {
        self.tell("*", Input::Elapsed)?;
        for _ in 0..steps {
            self.surprise()?;
            let pause = self.now + self.dice.span(4);
            while self.advance(pause)? {}
            self.now = self.now.max(pause);
        }
        Ok(())
    }

    /// From now on everything works, until nothing is left to do.
    fn calm(&mut self) -> Result<(), Broken> {
        self.is_benign = true;
        let end = self.now + Duration::from_secs(100_000);
        while self.advance(end)? {}
        self.laws.judge_end(&self.tickets(), &self.leases, &self.engine.runners())
    }

    /// The end of the app.
    fn drain(&mut self) -> Result<(), Broken> {
        self.laws.is_draining = true;
        self.tell("drain", Input::Drain)?;
        let end = self.now + Duration::from_secs(1_000);
        while self.advance(end)? {}
        self.laws.judge_drained(&self.tickets(), &self.engine.runners())
    }

    fn tickets(&self) -> Vec<Ticket> {
        let mut reader = self.store.reader().expect("the model has readers");
        reader.recent(None, u32::MAX).expect("the model never fails")
    }

    /// A storm, a calm, and the end.
    fn live(&mut self, steps: u32) -> Result<(), Broken> {
        self.storm(steps)?;
        self.calm()?;
        self.drain()
    }

    /// A storm, and the end in the middle of it.
    fn live_in_haste(&mut self, steps: u32) -> Result<(), Broken> {
        self.storm(steps)?;
        self.is_benign = true;
        self.drain()
    }
}

/// Any settings that differ in what the engine looks at.
fn any_settings() -> impl Strategy<Value = Settings> {
    let scale = (0..3_u32, 1..5_u32, 0..2_u32, 0..2_u64, prop_oneof![Just(5), Just(30_u64)]);
    let grace = prop_oneof![Just(None), Just(Some(Duration::from_secs(3)))];
    let needs = prop_oneof![Just(Needs::Nothing), Just(Needs::Share)];
    let faults = (0..3_u32, 0..3_u32, grace, any::<bool>(), needs);
    (scale, 1..4_u32, any::<bool>(), faults).prop_map(
        |((min, max, buffer, delay, idle), slots, watched, faults)| {
            let (spares, poison_limit, grace, despite_others, needs) = faults;
            let (delay, keep_alive) = (Duration::from_secs(delay), Duration::from_secs(idle));
            let scale = Scale { min, max, buffer, buffer_percent: 0, delay, keep_alive };
            let mut settings = settings();
            settings.limits.health = watched.then_some(Health {
                start_period: Duration::ZERO,
                failure_threshold: 1,
                interval: Duration::from_secs(10),
                regular: false,
            });
            Settings {
                scale,
                max_multiplexing: slots,
                retry_backoff: Backoff::default(),
                spares,
                poison_limit,
                cancel: Cancel { grace, despite_others },
                needs,
                ..settings
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    //= docs/contract.md#queue-durable
    //= type=test
    //# Every accepted request MUST end exactly once, also when the platform is killed in between.
    //= docs/contract.md#retry-budget
    //= type=test
    //# A request MUST NOT have more than ten retries, which makes eleven attempts.
    #[test]
    fn whatever_happens_every_call_and_every_request_ends(
        settings in any_settings(), seed: u64, steps in 1..200_u32, hasty in prop::bool::weighted(0.2),
    ) {
        let mut world = World::new(settings, seed);
        let lived = if hasty { world.live_in_haste(steps) } else { world.live(steps) };
        if let Err(broken) = lived {
            let trace = world.trace.join("\n");
            return Err(TestCaseError::fail(format!("{broken}, after\n{trace}\n({broken})")));
        }
    }
}
