//! What a realtime endpoint says of its sessions.

use proc_macro2::TokenStream;
use syn::{Ident, Type};

use super::{endpoint::Taken, is_first, shape, value};
use crate::{
    args,
    errors::{Mistake, Sink},
    model::Argument,
    names,
};

/// The sessions of a realtime endpoint.
pub(crate) struct Session {
    /// Its settings, which are the fields of `RealtimeOptions`.
    pub(crate) settings: Vec<(Ident, u64)>,
    /// What one input is, where several are answered together.
    pub(crate) batch: Option<Type>,
}

const BATCH: &str = "max_batch_size";

/// The settings of `#[realtime(..)]`.
pub(crate) const SETTINGS: [&str; 3] = ["buffering", "session_timeout", BATCH];

/// Reads what follows the path of `#[realtime("/path")]`.
pub(super) fn settings(pieces: impl Iterator<Item = TokenStream>, sink: &Sink<'_>) -> Session {
    let mut seen = Vec::new();
    let mut settings = Vec::new();
    for argument in pieces.flat_map(|piece| args::parse(piece, sink)) {
        if is_first(&argument, &mut seen, sink) {
            settings.extend(setting(argument, sink));
        }
    }
    Session { settings, batch: None }
}

fn setting(Argument { name, value }: Argument, sink: &Sink<'_>) -> Option<(Ident, u64)> {
    let written = name.to_string();
    let number = match written.as_str() {
        "buffering" => value::count(&value, 1, 60, sink).map(u64::from),
        "session_timeout" => value::seconds(&value, 1, 86_400, sink),
        BATCH => value::count(&value, 1, 1_000, sink).map(u64::from),
        _ => {
            let meant = names::closest(&written, &SETTINGS);
            sink.report(&name, &Mistake::unknown_session(&written, meant));
            None
        }
    };
    number.map(|number| (name, number))
}

impl Session {
    /// Finds out whether the endpoint takes several inputs together, which it then has to bound.
    pub(super) fn take(&mut self, takes: &[Taken], sink: &Sink<'_>) {
        let Some(input) = takes.iter().find_map(Taken::input) else { return };
        let several = shape::list_of(input);
        let bound = self.settings.iter().find(|(name, _)| name == BATCH);
        match (several, bound) {
            // What is wrong with the setting itself has been said.
            (Some(_), None) if !sink.failed() => sink.report(input, &Mistake::BATCH_WITHOUT_BOUND),
            (None, Some((name, _))) => sink.report(name, &Mistake::BOUND_WITHOUT_BATCH),
            (several, _) => self.batch = several,
        }
    }
}
