//! One step while it is being taken: the moment it happens at, and what it has led to so far.

use fal_types::{Moment, RunnerId};

use crate::{Command, Effect};

/// The moment and the commands of one step.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) now: Moment,
    pub(crate) commands: Vec<Command>,
}

impl Turn {
    pub(crate) const fn new(now: Moment) -> Self {
        Self { now, commands: Vec::new() }
    }

    pub(crate) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(crate) fn affect(&mut self, runner: RunnerId, effects: Vec<Effect>) {
        let commands = effects.into_iter().map(|effect| Command::Runner { runner, effect });
        self.commands.extend(commands);
    }
}
