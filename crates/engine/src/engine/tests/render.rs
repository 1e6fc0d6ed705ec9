//! Inputs and commands as words.

use fal_queue::{Ending, Ruling};
use fal_types::{LeaseId, Moment, RequestId, RunnerId};

use super::at;
use crate::{Command, Offer, Record, Rollover};

/// The moment in seconds since the start of the transcript.
pub(super) fn moment(moment: Moment) -> String {
    format!("{:.3}", moment.since(at(0.0)).as_secs_f64())
}

pub(super) fn runner(runner: RunnerId) -> String {
    let name = runner.to_string();
    format!("r{}", name.rsplit('-').next().unwrap_or_default())
}

pub(super) fn request(request: RequestId) -> String {
    format!("q{}", request.bits())
}

/// Lease numbers without the part that names the start of the platform.
pub(super) fn lease(lease: LeaseId) -> String {
    format!("l{}", lease.number() & 0xffff_ffff)
}

/// The commands' kinds alone, for tables.
pub(super) fn kind(command: &Command) -> String {
    match command {
        Command::Grant { .. } => "Grant".to_owned(),
        Command::Refuse { problem, .. } => format!("Refuse({problem:?})"),
        Command::Claim { max, .. } => format!("Claim({max})"),
        Command::Dispatch { .. } => "Dispatch".to_owned(),
        Command::Record(record) => match record.ruling {
            Ruling::Finish(_) => "Record(Finish)".to_owned(),
            Ruling::Exhaust(_) => "Record(Exhaust)".to_owned(),
            Ruling::Again { .. } => "Record(Again)".to_owned(),
            Ruling::GiveBack => "Record(GiveBack)".to_owned(),
        },
        Command::SignalCancel { .. } => "SignalCancel".to_owned(),
        Command::Runner { effect, .. } => format!("{effect:?}"),
        Command::Moved { state, cause, .. } => format!("{state}({})", cause.name()),
        Command::Stands { standing, .. } => format!("Stands({})", standing.name()),
        Command::Contained { deaths, .. } => format!("Contained({})", deaths.len()),
        Command::Offer { offers } => format!("Offer({})", offers.len()),
        Command::Forget { .. } => "Forget".to_owned(),
        Command::Drained => "Drained".to_owned(),
        Command::Rolled(how) => format!("Rolled({how:?})"),
    }
}

pub(super) fn command(command: &Command) -> String {
    match command {
        Command::Grant { call, lease: held, runner: on } => {
            format!("grant c{} {} on {}", call.number(), lease(*held), runner(*on))
        }
        Command::Refuse { call, problem } => format!("refuse c{} {problem:?}", call.number()),
        Command::Claim { max, leases_from } => format!("claim {max} from {}", lease(*leases_from)),
        Command::Dispatch { lease: held, runner: on, ticket } => format!(
            "dispatch {} attempt {} {} on {}",
            request(ticket.id),
            ticket.attempts,
            lease(*held),
            runner(*on)
        ),
        Command::Record(record) => recorded(record),
        Command::SignalCancel { lease: held } => format!("signal cancel {}", lease(*held)),
        Command::Runner { runner: on, effect } => format!("{} {effect:?}", runner(*on)),
        Command::Moved { runner: on, state, cause } => {
            format!("{} is {state}: {}", runner(*on), cause.name())
        }
        Command::Stands { runner: on, standing } => {
            format!("{} stands {}", runner(*on), standing.name())
        }
        Command::Contained { request: found, deaths } => {
            let deaths =
                deaths.iter().map(|(on, cause)| format!("{} {}", runner(*on), cause.name()));
            format!("contained {}: {}", request(*found), deaths.collect::<Vec<_>>().join(", "))
        }
        Command::Offer { offers } => {
            let offers =
                offers.iter().map(|(on, offer)| format!("{} {}", runner(*on), may(*offer)));
            let offers = offers.collect::<Vec<_>>().join(", ");
            format!("could do without: {}", if offers.is_empty() { "nobody" } else { &offers })
        }
        Command::Forget { runner: gone, .. } => format!("forget {}", runner(*gone)),
        Command::Drained => "drained".to_owned(),
        Command::Rolled(Rollover::Over) => "rolled over".to_owned(),
        Command::Rolled(Rollover::HeldUp) => "roll is held up".to_owned(),
    }
}

fn may(offer: Offer) -> String {
    match offer {
        Offer::Leaving => "leaving".to_owned(),
        Offer::Spare => "spare".to_owned(),
        Offer::OldSpare => "old spare".to_owned(),
        Offer::Idle { since } => format!("idle since {}", moment(since)),
        Offer::Busy { since } => format!("busy since {}", moment(since)),
        Offer::Old { successor: None } => "old".to_owned(),
        Offer::Old { successor: Some(it) } => format!("old for {}", runner(it)),
    }
}

fn recorded(record: &Record) -> String {
    let what = match record.ruling {
        Ruling::Finish(ending) => ended(ending),
        Ruling::Exhaust(ending) => format!("{}, and is a dead letter", ended(ending)),
        Ruling::Again { charge, not_before } => {
            let charge = charge.map_or("nothing by name", fal_types::Condition::name);
            format!("again from {}, charged to {charge}", moment(not_before))
        }
        Ruling::GiveBack => "given back".to_owned(),
    };
    format!(
        "record {} attempt {} {}: {what}",
        request(record.request),
        record.attempt,
        lease(record.lease)
    )
}

fn ended(ending: Ending) -> String {
    match ending {
        Ending::Responded(status) => format!("ends with {status}"),
        Ending::Failed(problem) => format!("fails with {problem:?}"),
        Ending::Cancelled => "is cancelled".to_owned(),
    }
}
