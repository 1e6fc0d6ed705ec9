//! Keeping the pool's sets and sums what its members say.

use fal_types::RunnerId;

use super::{
    Pool,
    member::{Count, Keys, Member},
};

impl Pool {
    pub(super) fn keys(&self, runner: RunnerId) -> Option<Keys> {
        Some(self.members.get(&runner)?.keys(self.slots_each))
    }

    /// Changes a member, and the sets and sums with it.
    pub(super) fn change<T>(
        &mut self,
        runner: RunnerId,
        change: impl FnOnce(&mut Member) -> T,
    ) -> Option<T> {
        let member = self.members.get_mut(&runner)?;
        let before = member.keys(self.slots_each);
        let changed = change(member);
        let after = member.keys(self.slots_each);
        if before != after {
            self.file(runner, before, after);
        }
        Some(changed)
    }

    pub(super) fn file(&mut self, runner: RunnerId, before: Keys, after: Keys) {
        if before.open != after.open {
            if let Some((in_flight, turn)) = before.open {
                self.open.remove(&(in_flight, turn, runner));
            }
            self.open.extend(after.open.map(|(in_flight, turn)| (in_flight, turn, runner)));
        }
        if before.due != after.due {
            before.due.map(|due| self.due.remove(&(due, runner)));
            self.due.extend(after.due.map(|due| (due, runner)));
        }
        if before.idle != after.idle {
            let [unused, used] = &mut self.idle;
            if let Some((served, since)) = before.idle {
                let set = if served { &mut *used } else { &mut *unused };
                set.remove(&(since, runner));
            }
            if let Some((served, since)) = after.idle {
                let set = if served { used } else { unused };
                set.insert((since, runner));
            }
        }
        self.free = self.free.saturating_sub(before.free).saturating_add(after.free);
        let (old, new) = (before.score.unwrap_or(0), after.score.unwrap_or(0));
        self.scores = self.scores.saturating_sub(u64::from(old)).saturating_add(u64::from(new));
        if before.count != after.count {
            if let Some(count) = self.tally(before.count) {
                *count = count.saturating_sub(1);
            }
            if let Some(count) = self.tally(after.count) {
                *count = count.saturating_add(1);
            }
        }
    }

    const fn tally(&mut self, count: Count) -> Option<&mut u32> {
        match count {
            Count::Nothing => None,
            Count::Ready => Some(&mut self.ready),
            Count::Apart => Some(&mut self.apart),
            Count::Coming => Some(&mut self.coming),
            Count::SpareReady => Some(&mut self.spares_ready),
            Count::SpareComing => Some(&mut self.spares_coming),
        }
    }
}
