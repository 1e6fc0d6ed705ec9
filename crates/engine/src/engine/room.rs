//! Room for other apps: which runners the app could do without, said while somebody waits for what they hold.

use fal_allotment::{LULL, Offer};
use fal_lifecycle::{Cause, Event, State};
use fal_types::{Moment, RunnerId};

use super::{Engine, balance::UNUSED};
use crate::{Command, Needs, Replacement, Standing, Watched, pool::Member, turn::Turn};

/// Whether somebody wants to know, and what was said last.
#[derive(Debug, Default)]
pub(super) struct Room {
    is_watched: bool,
    said: Option<Vec<(RunnerId, Offer)>>,
    /// Since when more runners are ready than are needed, as far as somebody has watched.
    excess: Option<Moment>,
}

/// What decides whether a runner may go.
#[derive(Debug, Clone, Copy)]
struct Excess {
    /// Since when there have been more than the load and the settings ask for.
    unneeded: Option<Moment>,
    /// There are more than `min`, which is kept whatever comes.
    above_min: bool,
    is_rolling: bool,
    /// For whom an old one may go, where one may.
    successor: Option<Option<RunnerId>>,
}

impl Room {
    pub(super) const fn is_watched(&self) -> bool {
        self.is_watched
    }

    pub(super) fn watch(&mut self, watched: Watched) {
        self.is_watched = watched == Watched::Yes;
        self.said = None;
        self.excess = None;
    }
}

impl Engine {
    /// Says what the app could do without, if somebody wants to know and it has changed.
    pub(super) fn offer(&mut self, turn: &mut Turn) {
        if !self.room.is_watched {
            return;
        }
        let offers = self.offers(turn.now);
        if self.room.said.as_ref() != Some(&offers) {
            self.room.said = Some(offers.clone());
            turn.push(Command::Offer { offers });
        }
    }

    /// Ends a runner for another one, unless it is needed more by now than when it was offered.
    pub(super) fn make_room(
        &mut self,
        turn: &mut Turn,
        (runner, claimant): (RunnerId, RunnerId),
        offered: Offer,
    ) {
        // Whoever asked is told how things stand in any case.
        self.room.said = None;
        let offers = self.offers(turn.now);
        let now = offers.into_iter().find(|(offered, _)| *offered == runner);
        let Some((_, offer)) = now else { return };
        match offer {
            Offer::Leaving => {}
            Offer::Spare => self.retire(turn, runner, Cause::MadeRoom),
            Offer::Idle { .. } => self.go(turn, runner),
            Offer::Busy { .. } if offered == offer => self.go(turn, runner),
            //= docs/contract.md#gpus
            //# Where a reload finds no free GPU for a runner of the new revision, one of the old revision MUST make room for it.
            Offer::Old { successor } if successor.is_none_or(|it| it == claimant) => {
                self.pool.replaced(runner, Replacement::Will);
                self.retire_early(turn, (runner, claimant));
            }
            Offer::OldSpare => self.retire(turn, runner, Cause::Reloaded),
            Offer::Busy { .. } | Offer::Old { .. } => {}
        }
    }

    /// A runner that serves goes, and a spare serves instead where one must.
    fn go(&mut self, turn: &mut Turn, runner: RunnerId) {
        self.retire(turn, runner, Cause::MadeRoom);
        if self.pool.ready() < self.settings.scale.min
            && let Some(spare) = self.pool.spare()
        {
            self.promote(turn, spare);
        }
    }

    fn offers(&mut self, now: Moment) -> Vec<(RunnerId, Offer)> {
        let ready = self.pool.ready();
        let is_excess = ready > self.floor(now);
        self.room.excess = is_excess.then(|| self.room.excess.unwrap_or(now));
        let excess = Excess {
            unneeded: self.room.excess,
            // A spare that is ready would serve instead.
            above_min: ready + self.pool.ready_spares() > self.settings.scale.min,
            // A roll that is held up is as good as none, for it may be for good.
            is_rolling: self.is_rolling(),
            successor: self.successor(),
        };
        let offered = |(id, member): (RunnerId, &Member)| Some((id, may_go(member, excess)?));
        self.pool.iter().filter_map(offered).collect()
    }

    /// Work that is finished on runners that make room, which needs no others.
    pub(super) fn in_flight_on_leaving(&self) -> u64 {
        if self.settings.needs == Needs::Nothing {
            return 0;
        }
        let leaves = |member: &&Member| {
            matches!(member.machine.state(), State::Draining { .. })
                && member.machine.cause() == Cause::MadeRoom
        };
        let members = self.pool.iter().map(|(_, member)| member);
        members.filter(leaves).map(|member| u64::from(member.machine.in_flight())).sum()
    }

    //= docs/contract.md#spares
    //# Where the machine has nothing for a runner that is needed, a spare MUST serve in its place.
    /// Lets spares serve for runners that have been pending for too long.
    pub(super) fn spare_for_pending(&mut self, turn: &mut Turn) {
        while let Some(pending) = self.pending_since(turn.now)
            && let Some(spare) = self.pool.spare()
        {
            self.promote(turn, spare);
            self.tell(turn, pending, Event::StopRequested(Cause::ScaledDown));
            self.pump(turn);
        }
    }

    /// A runner that should serve and has been pending for longer than a moment.
    fn pending_since(&self, now: Moment) -> Option<RunnerId> {
        if self.settings.needs == Needs::Nothing || self.pool.spares() == 0 {
            return None;
        }
        let late = |member: &Member| {
            self.is_pending(member) && now.since(member.machine.entered()) >= LULL
        };
        let mut late = self.pool.iter().filter(|(_, member)| late(member));
        late.next().map(|(runner, _)| runner)
    }

    /// When a pending runner has been that for long enough to be given up, or to be served for by a spare.
    pub(super) fn pending_deadline(&self, now: Moment) -> Option<Moment> {
        if self.settings.needs == Needs::Nothing {
            return None;
        }
        let pending = self.pool.iter().filter(|(_, member)| self.is_pending(member));
        let due = pending.flat_map(|(_, member)| {
            let since = member.machine.entered();
            [since + LULL, since + UNUSED]
        });
        due.filter(|due| *due > now).min()
    }

    fn is_pending(&self, member: &Member) -> bool {
        *member.machine.state() == State::Pending && member.standing != Standing::Spare
    }
}

/// As what the runner may go, if it may.
fn may_go(member: &Member, excess: Excess) -> Option<Offer> {
    let is_old = excess.is_rolling && member.older.is_some();
    let ready = member.machine.ready_since();
    match member.machine.state() {
        State::Draining { .. } | State::Terminating { .. } => return Some(Offer::Leaving),
        // It holds nothing.
        State::Pending | State::CrashBackoff { .. } | State::Terminated => return None,
        State::Setup { .. } | State::Idle | State::Running => {}
    }
    if member.standing == Standing::Spare {
        return Some(if is_old { Offer::OldSpare } else { Offer::Spare });
    }
    if is_old {
        return excess.successor.map(|successor| Offer::Old { successor });
    }
    // What has begun to start is waited for, and a new one in a roll is there for an old one.
    let ready = ready.filter(|_| !excess.is_rolling)?;
    match (member.idle_since(), excess.unneeded) {
        // Requests go from one to the next, so that none of several may have rested for long.
        (Some(idle), Some(unneeded)) if excess.above_min && !member.alone => {
            Some(Offer::Idle { since: idle.min(unneeded) })
        }
        _ => excess.above_min.then_some(Offer::Busy { since: ready }),
    }
}
