//! Plays scripts: an engine, a model store that keeps its requests, and a clock that the script moves.
//!
//! ```text
//! admit c1 for 100           a direct call waits for 100 s at most (`within` where that is its caller's wish)
//! withdraw c1
//! submit q1 [low] [due 5] [no-retry] [hint lora]     a request is made durable, and the engine is told
//! keep q1                    the same, and the engine is not told yet
//! hear                       it is told now
//! commit                     the claim that the engine asked for becomes durable
//! claimed                    and its answer comes; without a claim, news of what waits
//! claim-fails 1              the answer is that the store failed; again in 1 s
//! l0 answers 503 [stop] [keep] [retry] [no-retry] [after 7] [health] [hints a,b]
//! l0 breaks | cut | times-out | refused | connect-times-out | connect-fails | abandoned | cancelled
//! recorded                   what was to be recorded becomes durable, and the engine is told what waits again
//! cancel q1
//! left l0                    the caller of a direct call leaves while its runner works
//! r0 allotted | opened | exited | spawn-failed | probe-passed | probe-failed | health-passed | health-failed
//! reload [processes] [min 1] [max 3] [slots 2]   the configuration is another one now
//! remove                     the app is gone from it
//! watched                    somebody wants to know what the app could do without
//! unwatched
//! r0 makes-room [as-idle]    for another app's runner; as what it was offered last, or as idle
//! r0 makes-room for r2       for one of its own app
//! drain
//! elapse                     the next deadline comes
//! rest                       nothing happens
//! ```

use std::{collections::BTreeSet, time::Duration};

use fal_policy::{Answer, Flag, Outcome};
use fal_queue::{
    NodeId, Priority, State, Ticket,
    store::{Backlog, CancelAnswer, Content, Done, Op, Store, model::Model},
};
use fal_types::{LeaseId, Moment, Problem, RequestId, RunnerId, Status};

use super::{app, at, render};
use crate::{
    CallId, Command, Engine, Event, Input, Offer, Reconfigured, Record, Reported, Settings,
    Watched, Who,
};

/// One engine under a script.
pub(super) struct Script {
    pub(super) engine: Engine,
    settings: Settings,
    store: Model,
    now: Moment,
    asked: Option<(u32, LeaseId)>,
    answer: Option<(Vec<Ticket>, Backlog)>,
    records: Vec<Record>,
    offers: Vec<(RunnerId, Offer)>,
    transcript: String,
}

/// The transcript of what a script leads to. Lines that are not inputs are passed over.
pub(super) fn play(settings: Settings, text: &str) -> String {
    let mut script = Script::new(settings);
    script.live(text);
    script.transcript
}

impl Script {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            engine: Engine::new(settings.clone(), Who { boot: 0, node: 1 }),
            settings,
            store: Model::default(),
            now: at(0.0),
            asked: None,
            answer: None,
            records: Vec::new(),
            offers: Vec::new(),
            transcript: String::new(),
        }
    }

    pub(super) fn live(&mut self, text: &str) {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines.filter(|line| !line.starts_with("->")) {
            let (time, happens) = line.split_once(' ').expect("a line begins with its time");
            if happens.trim_start().starts_with('*') {
                continue;
            }
            self.pass_to(at(time.parse().expect("a time in seconds")));
            let commands = self.happen(happens.trim());
            self.write(happens.trim(), &commands);
        }
    }

    /// Tells the engine of every deadline on the way.
    fn pass_to(&mut self, moment: Moment) {
        for _ in 0..1_000 {
            let Some(due) = self.engine.next_deadline().filter(|due| *due <= moment) else {
                self.now = moment;
                return;
            };
            self.now = self.now.max(due);
            let commands = self.tell(Input::Elapsed);
            if !commands.is_empty() {
                self.write("*", &commands);
            }
        }
        panic!("the engine asks to be woken again and again at {:?}", self.now);
    }

    fn write(&mut self, what: &str, commands: &[Command]) {
        self.transcript += &format!("{} {what}\n", render::moment(self.now));
        for command in commands {
            self.transcript += &format!("-> {}\n", render::command(command));
        }
    }

    fn tell(&mut self, input: Input) -> Vec<Command> {
        let commands = self.engine.step(self.now, input);
        for command in &commands {
            if let Command::Claim { max, leases_from } = command {
                assert_eq!(self.asked.replace((*max, *leases_from)), None, "one claim at a time");
            }
            if let Command::Offer { offers } = command {
                self.offers.clone_from(offers);
            }
            if let Command::Record(record) = command {
                self.records.push(record.clone());
            }
        }
        commands
    }

    fn commit(&mut self, op: Op) -> Done {
        let done = self.store.commit(self.now, vec![op]).expect("the model never fails");
        done.into_iter().next().expect("one answer to one operation")
    }

    /// Makes one line of a script happen, and says what it leads to.
    pub(super) fn happen(&mut self, what: &str) -> Vec<Command> {
        let words: Vec<&str> = what.split(' ').collect();
        match words[..] {
            ["admit", call, "for", wait] => self.admit(call, wait, Problem::StartupTimeout),
            ["admit", call, "within", wait] => self.admit(call, wait, Problem::StartDeadline),
            ["withdraw", call] => self.tell(Input::Withdrawn { call: CallId::new(number(call)) }),
            ["submit", request, ref wishes @ ..] => {
                self.keep(request, wishes);
                self.tell(Input::Arrived { due: at(0.0) })
            }
            ["keep", request] => {
                self.keep(request, &[]);
                Vec::new()
            }
            ["hear"] => self.tell(Input::Arrived { due: at(0.0) }),
            ["commit"] => {
                self.claim();
                Vec::new()
            }
            ["claimed"] => {
                self.claim();
                let (batch, backlog) = self.answer.take().unwrap_or_else(|| self.backlog());
                self.tell(Input::Claimed { batch, backlog })
            }
            ["claim-fails", wait] => {
                self.asked = None;
                self.tell(Input::ClaimFailed { again: self.now + span(wait) })
            }
            ["recorded"] => self.recorded(),
            ["cancel", request] => self.cancel(RequestId::from_bits(number(request).into())),
            ["reload", ref changes @ ..] => self.reload(changes),
            ["remove"] => self.tell(Input::Reconfigured(Reconfigured::Removed)),
            ["left", lease] => self.tell(Input::CallerLeft { lease: LeaseId::new(number(lease)) }),
            ["drain"] => self.tell(Input::Drain),
            ["elapse"] => {
                self.now = self.engine.next_deadline().map_or(self.now, |due| due.max(self.now));
                self.tell(Input::Elapsed)
            }
            ["watched"] => self.tell(Input::Watched(Watched::Yes)),
            ["unwatched"] => self.tell(Input::Watched(Watched::No)),
            [name, "makes-room", "as-idle"] => {
                let offered = Offer::Idle { since: self.now };
                self.make_room(name, offered, None)
            }
            [name, "makes-room"] => {
                let found = self.offers.iter().find(|(runner, _)| *runner == named(name));
                let offered = found.map_or(Offer::Leaving, |(_, offered)| *offered);
                self.make_room(name, offered, None)
            }
            [name, "makes-room", "for", claimant] => {
                self.make_room(name, Offer::Old { successor: None }, Some(claimant))
            }
            ["rest"] => Vec::new(),
            [name, ref news @ ..] if name.starts_with('l') => self.settle(name, news),
            [name, news] => self.runner(name, news),
            _ => panic!("`{what}` means nothing"),
        }
    }

    fn make_room(&mut self, name: &str, offered: Offer, claimant: Option<&str>) -> Vec<Command> {
        // Another app's, where nothing else is said.
        let claimant = claimant.map_or(RunnerId::new(9, 9), named);
        self.tell(Input::MakeRoom { runner: named(name), offered, claimant })
    }

    fn reload(&mut self, changes: &[&str]) -> Vec<Command> {
        let number = |word| after(changes, word).and_then(|it| u32::try_from(it.as_secs()).ok());
        let settings = &mut self.settings;
        settings.scale.min = number("min").unwrap_or(settings.scale.min);
        settings.scale.max = number("max").unwrap_or(settings.scale.max);
        settings.max_multiplexing = number("slots").unwrap_or(settings.max_multiplexing);
        let settings = Box::new(settings.clone());
        let processes_too = changes.contains(&"processes");
        self.tell(Input::Reconfigured(Reconfigured::Changed { settings, processes_too }))
    }

    fn admit(&mut self, call: &str, wait: &str, late: Problem) -> Vec<Command> {
        let until = self.now + span(wait);
        self.tell(Input::Admit { call: CallId::new(number(call)), until, late })
    }

    fn keep(&mut self, request: &str, wishes: &[&str]) {
        let (id, now) = (RequestId::from_bits(number(request).into()), self.now);
        let low = wishes.contains(&"low");
        let priority = if low { Priority::Low } else { Priority::Normal };
        let mut ticket = Ticket::new(id, app(), "", priority, now);
        ticket.caller.no_retry = wishes.contains(&"no-retry");
        let hint = wishes.iter().position(|wish| *wish == "hint");
        ticket.hint = hint.and_then(|place| wishes.get(place + 1)).map(|hint| (*hint).to_owned());
        ticket.start_deadline = after(wishes, "due").map(|wait| now + wait);
        let op = Op::Submit { ticket, content: Content::default(), max_ahead: None };
        assert!(matches!(self.commit(op), Done::Submitted { .. }));
    }

    /// Makes the claim durable that the engine asked for, if it has asked for one.
    fn claim(&mut self) {
        let Some((max, leases_from)) = self.asked.take() else { return };
        let op = Op::Claim { app: app(), max, node: NodeId(1), leases_from };
        let Done::Claimed { batch, backlog, .. } = self.commit(op) else {
            panic!("a claim is answered with what was claimed")
        };
        let batch = batch.into_iter().map(|(ticket, _)| ticket).collect();
        self.answer = Some((batch, backlog));
    }

    /// What the engine is told of a queue that was there before it.
    fn backlog(&self) -> (Vec<Ticket>, Backlog) {
        let mut reader = self.store.reader().expect("the model has readers");
        (Vec::new(), reader.backlog(&app()).expect("the model never fails"))
    }

    fn recorded(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        for Record { request, lease, attempt, ruling, told } in std::mem::take(&mut self.records) {
            let lines = Vec::new();
            let op = Op::Settle { request, lease, attempt, ruling, told, lines, reply: None };
            let Done::Settled(ticket) = self.commit(op) else { continue };
            if let State::Waiting { not_before } = ticket.state {
                commands.extend(self.tell(Input::Arrived { due: not_before }));
            }
        }
        commands
    }

    fn cancel(&mut self, request: RequestId) -> Vec<Command> {
        let done = self.commit(Op::Cancel { app: app(), request });
        if done == Done::Cancelled(CancelAnswer::Signalled) {
            return self.tell(Input::CancelAsked { request });
        }
        Vec::new()
    }

    fn settle(&mut self, lease: &str, news: &[&str]) -> Vec<Command> {
        let reported = Reported {
            outcome: outcome(news),
            health_wanted: news.contains(&"health"),
            problem: None,
            hints: after_word(news, "hints"),
        };
        self.tell(Input::Settled { lease: LeaseId::new(number(lease)), reported })
    }

    fn runner(&mut self, name: &str, news: &str) -> Vec<Command> {
        let event = match news {
            "allotted" => Event::Allotted,
            "opened" => Event::PortOpened,
            "exited" => Event::Exited,
            "spawn-failed" => Event::SpawnFailed,
            "probe-passed" => Event::ProbePassed,
            "probe-failed" => Event::ProbeFailed,
            "health-passed" => Event::HealthPassed,
            "health-failed" => Event::HealthFailed,
            _ => panic!("`{news}` is nothing that happens to a runner"),
        };
        self.tell(Input::Runner { runner: named(name), event })
    }
}

fn named(runner: &str) -> RunnerId {
    RunnerId::new(0, u32::try_from(number(runner)).expect("runner numbers are small"))
}

fn number(name: &str) -> u64 {
    let digits = name.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    digits.parse().unwrap_or_else(|_| panic!("`{name}` has no number"))
}

fn span(seconds: &str) -> Duration {
    Duration::from_secs_f64(seconds.parse().expect("a number of seconds"))
}

/// The time that stands behind `word`.
fn after(words: &[&str], word: &str) -> Option<Duration> {
    let place = words.iter().position(|found| *found == word)?;
    words.get(place + 1).map(|seconds| span(seconds))
}

/// The hints that stand behind `word`, with commas between.
fn after_word(words: &[&str], word: &str) -> Option<BTreeSet<String>> {
    let place = words.iter().position(|found| *found == word)?;
    words.get(place + 1).map(|hints| hints.split(',').map(str::to_owned).collect())
}

fn outcome(news: &[&str]) -> Outcome {
    match *news {
        ["answers", status, ref headers @ ..] => {
            let has = |word: &&str| headers.contains(word);
            let flag = |yes: &str, no: &str| {
                if has(&yes) { Some(Flag::Yes) } else { has(&no).then_some(Flag::No) }
            };
            Outcome::Responded(Answer {
                needs_retry: flag("retry", "no-retry"),
                stop_runner: flag("stop", "keep"),
                retry_after: after(headers, "after"),
                ..Answer::new(Status::new(status.parse().expect("a status")))
            })
        }
        ["breaks"] => Outcome::Disconnected,
        ["cut"] => Outcome::Truncated,
        ["times-out"] => Outcome::TimedOut,
        ["refused"] => Outcome::Refused,
        ["connect-times-out"] => Outcome::ConnectTimedOut,
        ["connect-fails"] => Outcome::ConnectFailed,
        ["abandoned"] => Outcome::Abandoned,
        ["cancelled"] => Outcome::Cancelled,
        _ => panic!("{news:?} is no end of an attempt"),
    }
}
