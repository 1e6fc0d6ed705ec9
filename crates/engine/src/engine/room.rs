//! Room for other apps: which runners the app could do without, said while somebody waits for what they hold.

use fal_allotment::Offer;
use fal_lifecycle::{Cause, State};
use fal_types::{Moment, RunnerId};

use super::Engine;
use crate::{Command, Replacement, Standing, Watched, pool::Member, turn::Turn};

/// Whether somebody wants to know, and what was said last.
#[derive(Debug, Default)]
pub(super) struct Room {
    is_watched: bool,
    said: Option<Vec<(RunnerId, Offer)>>,
}

/// How many of the runners that hold something may go.
#[derive(Debug, Clone, Copy)]
struct Excess {
    /// Beyond what the load and the settings ask for.
    unneeded: bool,
    /// Beyond `min`, which is kept whatever comes.
    above_min: bool,
}

impl Room {
    pub(super) const fn is_watched(&self) -> bool {
        self.is_watched
    }

    pub(super) fn watch(&mut self, watched: Watched) {
        self.is_watched = watched == Watched::Yes;
        self.said = None;
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

    /// Ends a runner for another app's, unless it is needed by now.
    //= docs/contract.md#fairness
    //# A runner that makes room MUST finish what is in flight on it, and gets its SIGTERM as one that is replaced by a reload does.
    pub(super) fn make_room(&mut self, turn: &mut Turn, runner: RunnerId) {
        // Whoever asked is told how things stand in any case.
        self.room.said = None;
        let offers = self.offers(turn.now);
        let offer = offers.into_iter().find(|(offered, _)| *offered == runner);
        match offer {
            None | Some((_, Offer::Leaving)) => {}
            //= docs/contract.md#gpus
            //# Where a reload finds no free GPU for a runner of the new revision, one of the old revision MUST make room for it.
            Some((_, Offer::Old { .. })) => {
                self.pool.replaced(runner, Replacement::Will);
                self.retire_early(turn, runner);
            }
            Some((_, Offer::Spare | Offer::Idle { .. } | Offer::Busy { .. })) => {
                self.retire(turn, runner, Cause::MadeRoom);
            }
        }
    }

    fn offers(&self, now: Moment) -> Vec<(RunnerId, Offer)> {
        let holding = self.pool.iter().filter(|(_, member)| member.is_live() && holds(member));
        let holding = u32::try_from(holding.count()).unwrap_or(u32::MAX);
        let excess = Excess {
            unneeded: holding > self.floor(now),
            above_min: holding > self.settings.scale.min,
        };
        let offered = |(id, member): (RunnerId, &Member)| Some((id, self.may_go(member, excess)?));
        self.pool.iter().filter_map(offered).collect()
    }

    fn may_go(&self, member: &Member, excess: Excess) -> Option<Offer> {
        let ready = member.machine.ready_since();
        match member.machine.state() {
            State::Draining { .. } | State::Terminating { .. } => Some(Offer::Leaving),
            // It holds nothing.
            State::Pending | State::CrashBackoff { .. } | State::Terminated => None,
            State::Setup { .. } | State::Idle | State::Running
                if self.roll.is_some() && member.older.is_some() =>
            {
                Some(Offer::Old { since: ready.filter(|_| excess.above_min) })
            }
            // It is there for an old one, and the two of them count as one.
            State::Setup { .. } | State::Idle | State::Running if self.roll.is_some() => None,
            State::Setup { .. } | State::Idle if member.standing == Standing::Spare => {
                Some(Offer::Spare)
            }
            State::Setup { .. } | State::Idle if excess.unneeded && !member.alone => {
                Some(Offer::Idle { since: member.machine.idle_since() })
            }
            State::Setup { .. } | State::Idle | State::Running => {
                let since = ready.filter(|_| excess.above_min)?;
                Some(Offer::Busy { since })
            }
        }
    }
}

/// Whether it has what it needs of the machine.
const fn holds(member: &Member) -> bool {
    !matches!(member.machine.state(), State::Pending | State::CrashBackoff { .. })
}
