//! What holds in every world, judged by somebody who sees only what the engine is told and what it wants done.

use std::collections::{BTreeMap, BTreeSet};

use fal_queue::{Ruling, State, Ticket};
use fal_types::{LeaseId, Moment, RequestId, RunnerId};

use super::render;
use crate::{
    CallId, Cause, Command, Effect, Event, Needs, Offer, Record, Runner, Settings, Standing,
};

/// Which law was broken, and by whom.
pub(super) type Broken = String;

/// Leaves with what was broken, unless the law holds.
macro_rules! must {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}

/// Slots in use, as the world keeps them.
type Leases = BTreeMap<LeaseId, (RunnerId, Option<RequestId>)>;

pub(super) struct Laws {
    settings: Settings,
    /// Runners that there may be, one more in a roll.
    most: usize,
    is_reconfigured: bool,
    /// Requests at once that each runner was started for.
    slots: BTreeMap<RunnerId, usize>,
    /// Calls that have had no answer.
    pending: BTreeSet<CallId>,
    /// The attempts at each request that count.
    dispatches: BTreeMap<RequestId, BTreeSet<LeaseId>>,
    ended: BTreeSet<RequestId>,
    /// Runners that have what they need of the machine.
    allotted: BTreeSet<RunnerId>,
    spawned: BTreeMap<RunnerId, Moment>,
    /// Runners whose port is open, as far as the engine has been told, and that it has not told to go.
    ready: BTreeSet<RunnerId>,
    /// Ready runners that are closed to requests: spares, those sent off or on trial, those that one has alone.
    closed: BTreeSet<RunnerId>,
    /// Runners that were spares after the last step.
    spares: BTreeSet<RunnerId>,
    /// Runners that were told to go, or are gone.
    over: BTreeSet<RunnerId>,
    /// What each runner could be ended for.
    evidence: BTreeSet<(RunnerId, Cause)>,
    failed_start: Option<Moment>,
    /// Runners whose starts waited after the last step; later failures do not make them wait longer.
    backing_off: BTreeSet<RunnerId>,
    /// Slots that are kept for the claim under way.
    claimed: usize,
    /// After a claim failed: no new one before this.
    held_off: Option<Moment>,
    pub(super) is_draining: bool,
    drained: u32,
}

impl Laws {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            most: settings.scale.max as usize,
            is_reconfigured: false,
            slots: BTreeMap::new(),
            pending: BTreeSet::new(),
            dispatches: BTreeMap::new(),
            ended: BTreeSet::new(),
            allotted: BTreeSet::new(),
            spawned: BTreeMap::new(),
            ready: BTreeSet::new(),
            closed: BTreeSet::new(),
            spares: BTreeSet::new(),
            over: BTreeSet::new(),
            evidence: BTreeSet::new(),
            failed_start: None,
            backing_off: BTreeSet::new(),
            claimed: 0,
            held_off: None,
            is_draining: false,
            drained: 0,
        }
    }

    /// What may be more than the new settings say is left of the old ones.
    pub(super) fn reconfigured(&mut self, settings: &Settings) {
        self.settings = settings.clone();
        self.most = self.most.max(settings.scale.max as usize);
        self.is_reconfigured = true;
        // A new revision does not wait for the failures of the old one.
        self.failed_start = None;
    }

    pub(super) fn admitted(&mut self, call: CallId) {
        self.pending.insert(call);
    }

    pub(super) fn withdrawn(&mut self, call: CallId) {
        self.pending.remove(&call);
    }

    pub(super) fn ended(&mut self, request: RequestId) {
        self.ended.insert(request);
    }

    pub(super) fn seen(&mut self, runner: RunnerId, cause: Cause) {
        self.evidence.insert((runner, cause));
    }

    /// A spare that takes over gets requests in the same step.
    pub(super) fn stands(&mut self, runner: RunnerId, standing: Standing) {
        if standing == Standing::Serving {
            self.spares.remove(&runner);
        }
    }

    /// What the engine could do without is there, and is more than what it must keep.
    pub(super) fn judge_offers(
        &self,
        offers: &[(RunnerId, Offer)],
        runners: &[Runner],
    ) -> Result<(), Broken> {
        let is_there = |runner: &RunnerId| runners.iter().any(|known| known.id == *runner);
        let unknown = offers.iter().find(|(runner, _)| !is_there(runner));
        must!(unknown.is_none(), "{unknown:?} is offered and not there");
        let gives = |offer: &Offer| matches!(offer, Offer::Idle { .. } | Offer::Busy { .. });
        let given = offers.iter().find(|(_, offer)| gives(offer));
        let kept = self.settings.scale.min as usize;
        let spares = runners.iter().filter(|runner| {
            runner.standing == Standing::Spare && matches!(runner.state, "IDLE" | "RUNNING")
        });
        let have = serving(runners) + spares.count();
        must!(given.is_none() || have > kept, "{given:?} is offered, and must be kept");
        Ok(())
    }

    /// Whoever made room was not one that must be kept, but for a reload.
    pub(super) fn judge_room(&self, before: usize, runners: &[Runner]) -> Result<(), Broken> {
        let (after, kept) = (serving(runners), self.settings.scale.min as usize);
        must!(after >= before.min(kept), "{after} of {before} serve, and {kept} must");
        Ok(())
    }

    /// The claim was answered, or it failed and is not made again before the moment.
    pub(super) fn claim_over(&mut self, held_off: Option<Moment>) {
        self.claimed = 0;
        self.held_off = held_off;
    }

    /// Takes note of what the engine is about to be told of a runner.
    pub(super) fn heard(&mut self, now: Moment, runner: RunnerId, event: Event) {
        let is_over = self.over.contains(&runner);
        let is_starting = !is_over && !self.ready.contains(&runner);
        if event == Event::PortOpened && is_starting {
            self.ready.insert(runner);
            self.failed_start = None;
        }
        if event == Event::Allotted {
            self.allotted.insert(runner);
        }
        let causes: &[Cause] = match (event, is_starting) {
            (Event::SpawnFailed, _) => &[Cause::StartFailed],
            (Event::Exited, true) => &[Cause::SetupExited],
            (Event::Exited, false) => &[Cause::Exited],
            (Event::ProbeFailed, _) => &[Cause::ProbeFailed],
            (Event::HealthFailed, _) => &[Cause::HealthFailed],
            _ => &[],
        };
        self.evidence.extend(causes.iter().map(|cause| (runner, *cause)));
        if matches!(event, Event::Exited | Event::SpawnFailed) {
            if is_starting {
                self.failed_start = Some(now);
            }
            self.ready.remove(&runner);
            self.over.insert(runner);
        }
    }

    /// Judges one command before it is performed.
    pub(super) fn judge(
        &mut self,
        now: Moment,
        command: &Command,
        leases: &Leases,
    ) -> Result<(), Broken> {
        match command {
            Command::Grant { call, lease, runner } => {
                self.judge_answer(*call)?;
                self.judge_slot(*lease, *runner, leases)
            }
            Command::Refuse { call, .. } => self.judge_answer(*call),
            Command::Dispatch { lease, runner, ticket } => {
                self.judge_dispatch(*lease, ticket)?;
                self.judge_slot(*lease, *runner, leases)
            }
            Command::Claim { max, .. } => {
                let is_first = std::mem::replace(&mut self.claimed, *max as usize) == 0;
                must!(is_first, "two claims at once");
                let is_free = *max as usize <= self.free(leases);
                must!(is_free, "a claim for more than is free");
                Ok(())
            }
            Command::Runner { runner, effect } => self.judge_effect(now, *runner, *effect),
            Command::Moved { runner, state, cause } => {
                self.judge_cause(now, *runner, (state, *cause), leases)
            }
            Command::Forget { runner, last } => {
                let is_there = self.spawned.contains_key(runner) && !self.over.contains(runner);
                must!(!is_there, "{} is forgotten alive", render::runner(*runner));
                must!(last.state == "TERMINATED", "{last:?} was the last of it");
                Ok(())
            }
            Command::Drained => {
                self.drained += 1;
                must!(self.is_draining && self.drained == 1, "drained out of turn");
                Ok(())
            }
            Command::Record(Record { request, lease, ruling: Ruling::GiveBack, .. }) => {
                if let Some(attempts) = self.dispatches.get_mut(request) {
                    attempts.remove(lease);
                }
                Ok(())
            }
            Command::Record(_)
            | Command::SignalCancel { .. }
            | Command::Stands { .. }
            | Command::Contained { .. }
            | Command::Offer { .. }
            | Command::Rolled(_) => Ok(()),
        }
    }

    /// Slots of ready runners that nobody holds.
    fn free(&self, leases: &Leases) -> usize {
        let used = leases.values().filter(|(on, _)| self.ready.contains(on)).count();
        let slots: usize = self.ready.iter().map(|runner| self.slots(*runner)).sum();
        slots - used
    }

    /// Judges whether a call or one of so many due requests is kept waiting beside a free slot.
    pub(super) fn judge_idleness(
        &self,
        now: Moment,
        due: usize,
        leases: &Leases,
    ) -> Result<(), Broken> {
        let is_open = |runner: &&RunnerId| !self.closed.contains(*runner);
        let open: BTreeSet<_> = self.ready.iter().filter(is_open).collect();
        let used = leases.values().filter(|(on, _)| open.contains(on)).count();
        let slots: usize = open.iter().map(|runner| self.slots(**runner)).sum();
        let free = (slots - used).saturating_sub(self.claimed);
        let is_held_off = self.held_off.is_some_and(|moment| moment > now);
        let may_claim = self.claimed == 0 && !is_held_off && !self.is_draining;
        must!(free == 0 || self.pending.is_empty(), "{:?} wait idly", self.pending);
        must!(free == 0 || due == 0 || !may_claim, "requests wait beside a free slot");
        Ok(())
    }

    fn slots(&self, runner: RunnerId) -> usize {
        self.slots.get(&runner).copied().unwrap_or_default()
    }

    fn judge_answer(&mut self, call: CallId) -> Result<(), Broken> {
        let is_pending = self.pending.remove(&call);
        must!(is_pending, "c{} is answered twice or after it left", call.number());
        Ok(())
    }

    fn judge_slot(&self, lease: LeaseId, on: RunnerId, leases: &Leases) -> Result<(), Broken> {
        let runner = render::runner(on);
        must!(!self.spares.contains(&on), "{runner} is a spare and gets a request");
        let used = leases.values().filter(|(holder, _)| *holder == on).count();
        must!(self.ready.contains(&on), "{runner} is used and not ready");
        must!(used < self.slots(on), "{runner} has {used} in flight and gets one more");
        must!(!leases.contains_key(&lease), "{lease} is given twice");
        Ok(())
    }

    fn judge_dispatch(&mut self, lease: LeaseId, ticket: &Ticket) -> Result<(), Broken> {
        let request = render::request(ticket.id);
        let dispatches = self.dispatches.entry(ticket.id).or_default();
        dispatches.insert(lease);
        must!(dispatches.len() <= 11, "{request} has {} attempts", dispatches.len());
        must!(!ticket.cancel_requested, "{request} is cancelled and dispatched");
        must!(!self.ended.contains(&ticket.id), "{request} is dispatched after its end");
        Ok(())
    }

    fn judge_start(&self, now: Moment, runner: RunnerId) -> Result<(), Broken> {
        let name = render::runner(runner);
        must!(!self.is_draining, "{name} is started in a drain");
        let wait = self.settings.crash_backoff.step;
        let is_early = !self.backing_off.contains(&runner)
            && self.failed_start.is_some_and(|failed| now < failed + wait);
        must!(!is_early, "{name} is started right after a failed start");
        Ok(())
    }

    fn judge_effect(
        &mut self,
        now: Moment,
        runner: RunnerId,
        effect: Effect,
    ) -> Result<(), Broken> {
        let name = render::runner(runner);
        match effect {
            Effect::Allot => {
                must!(self.settings.needs == Needs::Share, "{name} asks, and needs nothing");
                self.judge_start(now, runner)
            }
            Effect::Spawn => {
                self.spawned.insert(runner, now);
                self.slots.insert(runner, self.settings.max_multiplexing.max(1) as usize);
                if self.settings.needs == Needs::Nothing {
                    return self.judge_start(now, runner);
                }
                must!(self.allotted.contains(&runner), "{name} takes what it was not given");
                Ok(())
            }
            Effect::Cut | Effect::SignalTerm | Effect::SignalKill => {
                self.ready.remove(&runner);
                if effect == Effect::SignalTerm {
                    self.over.insert(runner);
                }
                Ok(())
            }
            Effect::ProbeTcp | Effect::ProbeHealth => {
                must!(self.ready.contains(&runner), "{name} is probed and not ready");
                Ok(())
            }
        }
    }

    /// A runner ends only for something that has happened.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every fault is judged alike")]
    fn judge_cause(
        &mut self,
        now: Moment,
        runner: RunnerId,
        (state, cause): (&str, Cause),
        leases: &Leases,
    ) -> Result<(), Broken> {
        if !matches!(state, "DRAINING" | "TERMINATING" | "TERMINATED") {
            return Ok(());
        }
        self.ready.remove(&runner);
        self.over.insert(runner);
        let is_true = match cause {
            Cause::Shutdown => self.is_draining,
            Cause::Reloaded => self.is_reconfigured,
            Cause::KeepAlive => !leases.values().any(|(on, _)| *on == runner),
            Cause::ScaledDown => {
                !self.spawned.contains_key(&runner) || self.spares.contains(&runner)
            }
            Cause::StartupTimedOut => {
                if state == "TERMINATING" {
                    self.failed_start = Some(now);
                }
                let timeout = self.settings.limits.startup_timeout;
                self.spawned.get(&runner).is_some_and(|spawned| *spawned + timeout <= now)
            }
            _ => self.evidence.contains(&(runner, cause)),
        };
        must!(is_true, "{} is {state} for {}", render::runner(runner), cause.name());
        Ok(())
    }

    /// Judges what can be seen of the engine after each step.
    pub(super) fn judge_all(&mut self, runners: &[Runner]) -> Result<(), Broken> {
        let waits = |runner: &&Runner| matches!(runner.state, "PENDING" | "CRASH_BACKOFF");
        let backing_off = runners.iter().filter(waits);
        self.backing_off = backing_off.map(|runner| runner.id).collect();
        let is_spare = |runner: &&Runner| runner.standing == Standing::Spare;
        self.spares = runners.iter().filter(is_spare).map(|runner| runner.id).collect();
        let closed = |runner: &&Runner| runner.alone || runner.standing != Standing::Serving;
        self.closed = runners.iter().filter(closed).map(|runner| runner.id).collect();
        let live: Vec<_> = runners.iter().filter(|runner| is_live(runner)).collect();
        let spares = live.iter().filter(|runner| is_spare(runner)).count();
        let serving = live.len() - spares;
        let most = self.most + usize::from(self.is_reconfigured);
        must!(serving <= most, "there are {serving} runners");
        must!(spares <= self.settings.spares as usize, "there are {spares} spares");
        let sent_off =
            live.iter().filter(|runner| matches!(runner.standing, Standing::Ejected { .. }));
        must!(sent_off.count() < serving.max(1), "the last runner is sent off");
        let undead =
            runners.iter().find(|runner| is_live(runner) && self.over.contains(&runner.id));
        must!(undead.is_none(), "{undead:?} was told to go, and stays");
        Ok(())
    }

    /// Judges what is left when everything has gone well for long enough.
    pub(super) fn judge_end(
        &self,
        tickets: &[Ticket],
        leases: &Leases,
        runners: &[Runner],
    ) -> Result<(), Broken> {
        must!(self.pending.is_empty(), "{:?} have no answer", self.pending);
        must!(leases.is_empty(), "{leases:?} have not ended");
        let open = tickets.iter().find(|ticket| !matches!(ticket.state, State::Done(_)));
        must!(open.is_none(), "{open:?} never ends");
        let greedy = tickets.iter().find(|ticket| ticket.spent.total > 10);
        must!(greedy.is_none(), "{greedy:?} had too many retries");
        let scale = &self.settings.scale;
        let wanted = scale.min.max(scale.buffer).min(scale.max) as usize;
        let is_serving = |runner: &&Runner| is_live(runner) && runner.standing != Standing::Spare;
        let live = runners.iter().filter(is_serving).count();
        must!(live == wanted, "{live} runners are left, and not {wanted}");
        let mut revisions: Vec<_> =
            runners.iter().filter(|runner| is_live(runner)).map(|runner| runner.revision).collect();
        revisions.dedup();
        must!(revisions.len() <= 1, "runners of the revisions {revisions:?} are left");
        let spares = runners.iter().filter(|runner| is_live(runner)).count() - live;
        let wanted = if live > 0 { self.settings.spares as usize } else { 0 };
        must!(spares == wanted, "{spares} spares are left, and not {wanted}");
        Ok(())
    }

    pub(super) fn judge_drained(
        &self,
        tickets: &[Ticket],
        runners: &[Runner],
    ) -> Result<(), Broken> {
        must!(self.drained == 1 && runners.is_empty(), "{runners:?} are not drained");
        must!(self.pending.is_empty(), "{:?} have no answer", self.pending);
        let held = tickets.iter().find(|ticket| matches!(ticket.state, State::Leased(_)));
        must!(held.is_none(), "{held:?} is leased to nobody");
        Ok(())
    }
}

/// How many serve requests.
pub(super) fn serving(runners: &[Runner]) -> usize {
    let serves = |runner: &&Runner| {
        matches!(runner.state, "IDLE" | "RUNNING") && runner.standing != Standing::Spare
    };
    runners.iter().filter(serves).count()
}

fn is_live(runner: &Runner) -> bool {
    matches!(runner.state, "PENDING" | "CRASH_BACKOFF" | "SETUP" | "IDLE" | "RUNNING")
}
