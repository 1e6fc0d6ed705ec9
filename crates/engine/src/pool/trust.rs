//! Who among the runners is trusted with requests: sending off, trying again, and spares.

use fal_lifecycle::State;
use fal_types::{Moment, RunnerId};

use super::{
    Pool, Standing,
    member::{Count, Member},
    shield::{self, Sign},
};

impl Pool {
    //= docs/contract.md#shield
    //# A runner that nearly always fails while the others nearly always serve SHOULD be sent off for a while, and then tried with one request at a time.
    /// Notes how a runner answered. One that fails where the others serve is sent off; true if it was.
    pub(crate) fn note(&mut self, now: Moment, runner: RunnerId, sign: Sign) -> bool {
        let noted = self.change(runner, |member| {
            member.score.note(sign);
            (member.standing, member.score, member.machine.is_ready())
        });
        let Some((standing, score, true)) = noted else { return false };
        match (standing, sign) {
            (Standing::OnTrial { .. }, Sign::Served) => {
                self.stand(runner, Standing::Serving);
                false
            }
            (Standing::OnTrial { rounds }, Sign::Failed) => self.eject(now, runner, rounds),
            (Standing::Serving, Sign::Failed) if score.stands_out(self.others(score)) => {
                self.eject(now, runner, 0)
            }
            (Standing::Serving | Standing::Spare | Standing::Ejected { .. }, _) => false,
        }
    }

    /// The average score of the other ready runners; that of a hopeless one, where there is none.
    fn others(&self, own: shield::Score) -> u32 {
        let others = u64::from(self.ready.saturating_sub(1));
        let scores = self.scores.saturating_sub(u64::from(own.failing()));
        scores.checked_div(others).and_then(|mean| u32::try_from(mean).ok()).unwrap_or(u32::MAX)
    }

    //= docs/contract.md#shield
    //# The last runner MUST NOT be sent off.
    /// Sends a runner off, if it is not the last.
    fn eject(&mut self, now: Moment, runner: RunnerId, rounds: u32) -> bool {
        if self.ready < 2 {
            return false;
        }
        let until = now + shield::time_off(rounds);
        self.stand(runner, Standing::Ejected { until, rounds: rounds.saturating_add(1) });
        true
    }

    /// Tries the runners whose time off is over, and all of them where nobody else is left.
    pub(crate) fn readmit(&mut self, now: Moment) {
        if self.apart == 0 {
            return;
        }
        let is_last = self.ready == 0;
        let back = |(id, member): (RunnerId, &Member)| match member.standing {
            Standing::Ejected { until, rounds } if until <= now || is_last => Some((id, rounds)),
            Standing::Ejected { .. }
            | Standing::Serving
            | Standing::Spare
            | Standing::OnTrial { .. } => None,
        };
        let back: Vec<_> = self.members.iter().filter_map(back).collect();
        for (runner, rounds) in back {
            self.stand(runner, Standing::OnTrial { rounds });
        }
    }

    /// The spare that takes over: a ready one, or else the one that will be ready first.
    pub(crate) fn spare(&self) -> Option<RunnerId> {
        if self.spares() == 0 {
            return None;
        }
        let rank = |(id, member): (RunnerId, &Member)| {
            let is_spare = member.standing == Standing::Spare;
            let ready = (is_spare && member.machine.is_ready()).then_some((0, id));
            let starting = is_spare && matches!(member.machine.state(), State::Setup { .. });
            ready.or(starting.then_some((1, id)))
        };
        self.members.iter().filter_map(rank).min().map(|(_, id)| id)
    }

    /// The spares that are one too many, newest first.
    pub(crate) fn surplus_spares(&self, keep: u32) -> Vec<RunnerId> {
        let count = self.spares().saturating_sub(keep);
        let spares = self.members.iter().rev().filter(|(_, member)| {
            matches!(member.keys(self.slots_each).count, Count::SpareReady | Count::SpareComing)
        });
        spares.map(|(id, _)| id).take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
    }
}
