//! The machine that all apps share: the loop that asks who gets a GPU or a place on it, and tells the apps.
//!
//! Engines are stepped under their own locks, and this loop under none: what an app wants is sent to it, and what
//! becomes of it is told to the app's engine like any other event.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use fal_allotment::{Allotment, Decision, Gpu, Offer, Rank, Shared, Want};
use fal_engine::{Input, Watched};
use fal_types::RunnerId;
use tokio::sync::mpsc;

use crate::{Clock, conductor::Conductor};

/// What apps tell the machine.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    notes: mpsc::UnboundedSender<Note>,
}

#[derive(Debug)]
enum Note {
    Claim { conductor: Weak<Conductor>, runner: RunnerId, want: Want, rank: Rank },
    Ended { runner: RunnerId },
    Gone { runner: RunnerId },
    Offers { app: u32, offers: Vec<(RunnerId, Offer)> },
}

/// The loop's side.
#[derive(Debug)]
pub(crate) struct Desk {
    notes: mpsc::UnboundedReceiver<Note>,
    allotment: Allotment,
    apps: BTreeMap<u32, Weak<Conductor>>,
    clock: Clock,
}

impl Machine {
    pub(crate) fn new(shared: Shared, clock: Clock) -> (Self, Desk) {
        let (sender, notes) = mpsc::unbounded_channel();
        let allotment = Allotment::new(shared);
        (Self { notes: sender }, Desk { notes, allotment, apps: BTreeMap::new(), clock })
    }

    /// A runner needs something before it can start.
    pub(crate) fn claim(
        &self,
        conductor: &Arc<Conductor>,
        (runner, want, rank): (RunnerId, Want, Rank),
    ) {
        self.send(Note::Claim { conductor: Arc::downgrade(conductor), runner, want, rank });
    }

    /// A runner's process is gone, and what it holds is about to be free.
    pub(crate) fn ended(&self, runner: RunnerId) {
        self.send(Note::Ended { runner });
    }

    /// A runner that has claimed something needs it no more.
    pub(crate) fn gone(&self, runner: RunnerId) {
        self.send(Note::Gone { runner });
    }

    /// What an app could do without.
    pub(crate) fn offers(&self, app: u32, offers: Vec<(RunnerId, Offer)>) {
        self.send(Note::Offers { app, offers });
    }

    fn send(&self, note: Note) {
        // The desk is closed only when every app has drained.
        let _closed = self.notes.send(note).is_err();
    }
}

impl Desk {
    /// Serves until nobody can send notes any more.
    pub(crate) async fn serve(mut self) {
        loop {
            let note = match self.allotment.next_deadline() {
                None => self.notes.recv().await,
                Some(deadline) => {
                    tokio::select! {
                        note = self.notes.recv() => note,
                        () = tokio::time::sleep_until(self.clock.instant(deadline)) => {
                            self.step(fal_allotment::Input::Elapsed);
                            continue;
                        }
                    }
                }
            };
            let Some(note) = note else { return };
            let mut batch = vec![note];
            while let Ok(note) = self.notes.try_recv() {
                batch.push(note);
            }
            self.hear(batch);
            self.apps.retain(|_, conductor| conductor.strong_count() > 0);
        }
    }

    /// Of what an app has said several times only its last word counts.
    fn hear(&mut self, batch: Vec<Note>) {
        let mut last = BTreeMap::new();
        for (place, note) in batch.iter().enumerate() {
            if let Note::Offers { app, .. } = note {
                last.insert(*app, place);
            }
        }
        for (place, note) in batch.into_iter().enumerate() {
            match note {
                Note::Claim { conductor, runner, want, rank } => {
                    self.apps.insert(runner.boot(), conductor);
                    self.claim(runner, want, rank);
                }
                Note::Ended { runner } => {
                    self.step(fal_allotment::Input::Ended { runner });
                }
                Note::Gone { runner } => {
                    self.step(fal_allotment::Input::Gone { runner });
                }
                Note::Offers { app, offers } if last.get(&app) == Some(&place) => {
                    self.step(fal_allotment::Input::Offers { app, offers });
                }
                Note::Offers { .. } => {}
            }
        }
    }

    fn claim(&mut self, runner: RunnerId, want: Want, rank: Rank) {
        let names = names(&want.gpus);
        let each = want.each;
        let allotted = self.step(fal_allotment::Input::Claim { runner, want, rank });
        if allotted.contains(&runner) {
            return;
        }
        let Some(app) = self.app(runner) else { return };
        let app = &app.id;
        if each == 0 {
            tracing::info!(%app, %runner, "runner waits: there are as many as the machine has room for");
        } else {
            tracing::info!(%app, %runner, "runner waits for {each} of the GPUs {names}, which others hold");
        }
    }

    /// Tells the machine what happened and the apps what follows. Answers whose runners got something.
    fn step(&mut self, input: fal_allotment::Input) -> Vec<RunnerId> {
        let (mut allotted, mut dead) = (Vec::new(), Vec::new());
        for decision in self.allotment.step(self.clock.now(), input) {
            match decision {
                Decision::Allot { runner, gpus } => {
                    allotted.push(runner);
                    match self.app(runner) {
                        Some(app) => app.allotted(runner, gpus),
                        // Its app has gone meanwhile, and it with it.
                        None => dead.push(runner),
                    }
                }
                Decision::MakeRoom { runner, offer: offered, claimant } => {
                    if let Some(app) = self.app(runner) {
                        app.drive(Input::MakeRoom { runner, offered, claimant });
                    }
                }
                Decision::Watch { app } => self.watch(app, Watched::Yes),
                Decision::Unwatch { app } => self.watch(app, Watched::No),
            }
        }
        for runner in dead {
            self.step(fal_allotment::Input::Gone { runner });
        }
        allotted
    }

    fn watch(&self, app: u32, watched: Watched) {
        if let Some(app) = self.apps.get(&app).and_then(Weak::upgrade) {
            app.drive(Input::Watched(watched));
        }
    }

    fn app(&self, runner: RunnerId) -> Option<Arc<Conductor>> {
        self.apps.get(&runner.boot())?.upgrade()
    }
}

/// Names of GPUs as `CUDA_VISIBLE_DEVICES` has them.
pub(crate) fn names(gpus: &[Gpu]) -> String {
    gpus.iter().map(Gpu::as_str).collect::<Vec<_>>().join(",")
}
