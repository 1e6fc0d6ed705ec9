//! What happened to a request or a runner, and why, in plain lines.

use std::{collections::BTreeMap, time::Duration};

use fal_node::{Account, Cause, Ending, RunnerView, State, Story, Webhook};
use fal_types::Moment;

/// The runners of an app, as this node knows them.
#[derive(Clone, Copy)]
pub(crate) struct Crew<'a> {
    /// None where this node does not serve the app.
    pub(crate) runners: Option<&'a [RunnerView]>,
    /// Whether other nodes may have runners of the app.
    pub(crate) is_shared: bool,
}

/// The life of a request so far.
pub(crate) fn request(story: &Story, crew: Crew<'_>, now: Moment) -> Vec<String> {
    let ticket = &story.ticket;
    let mut lines = vec![format!(
        "{} was submitted to {}{} at {}, {} ago",
        ticket.id,
        ticket.app,
        ticket.path,
        ticket.submitted.iso(),
        span(now.since(ticket.submitted))
    )];
    let mut free = ticket.submitted;
    for account in &story.accounts {
        lines.push(waited(free, account.started));
        lines.extend(attempt(account));
        free = account.ended;
    }
    match ticket.state {
        State::Waiting { not_before } => lines.push(waiting(story, not_before, crew, now)),
        State::Leased(held) => {
            lines.push(waited(free, held.since));
            let took = span(now.since(held.since));
            lines.push(format!("now: attempt {} runs, for {took} already", held.attempt));
            if ticket.cancel_requested {
                lines.push(
                    "its caller wants it cancelled: its runner was told, and it is not tried again (queue-cancel)"
                        .to_owned(),
                );
            }
        }
        State::Done(ending) => {
            // The end came while it waited, and not with an attempt.
            let end = ticket.finished.filter(|end| *end > free);
            lines.extend(end.map(|end| waited(free, end)));
            lines.extend(ended(story, ending));
        }
    }
    lines.extend(story.webhook.iter().map(|webhook| told(webhook, now)));
    lines
}

fn waited(from: Moment, to: Moment) -> String {
    format!("it waited for {}", span(to.since(from)))
}

/// What an attempt came to: how it ended, what that meant for the request, and what for the runner.
fn attempt(account: &Account) -> Vec<String> {
    let told = &account.told;
    let number = account.attempt;
    let place = match told.runner {
        Some(runner) => format!("on runner {runner}"),
        None if told.outcome == "lost" => format!("on node {}", account.node),
        None => "on no runner".to_owned(),
    };
    let took = span(account.ended.since(account.started));
    let from = account.started.clock();
    let outcome = outcome(&told.outcome);
    let mut lines =
        vec![format!("attempt {number} began at {from} {place}: {outcome} after {took}")];
    let wait = account.next.filter(|next| *next > account.ended);
    let verdict = match wait {
        Some(next) => format!("{}, not before {}", verdict(&told.verdict), next.clock()),
        None => verdict(&told.verdict),
    };
    lines.push(cited(format!("  so the request {verdict}"), &told.clause));
    if let Some(fate) = fate(&told.fate) {
        lines.push(cited(format!("  and the runner {fate}"), &told.fate_clause));
    }
    lines
}

fn cited(line: String, clause: &str) -> String {
    if clause.is_empty() { line } else { format!("{line} ({clause})") }
}

fn outcome(word: &str) -> String {
    if let Some(("responded", status)) = word.split_once(' ') {
        return format!("it answered {status}");
    }
    match word {
        "truncated" => "its answer was cut short",
        "disconnected" => "its connection broke",
        "timed_out" => "request_timeout passed",
        "refused" => "its runner refused the connection",
        "connect_timed_out" => "its runner did not accept a connection in time",
        "connect_failed" => "its runner could not be connected to",
        "abandoned" => "it was given up",
        "cancelled" => "it was cancelled",
        "lost" => "its node died, or was silent for too long,",
        "unsent" => "it was given back",
        other => other,
    }
    .to_owned()
}

fn verdict(word: &str) -> String {
    match word {
        "again after_death" | "again backoff" => "goes again",
        "again uncharged" => "goes again, and is not charged for it",
        "again alone" => "goes again alone, because its runner died with it",
        "ends final" => "ends with that: nothing asks for a retry",
        "ends cancelled" => "ends: it was cancelled",
        "ends caller_forbids" => "ends: its caller forbids retries",
        "ends budget_spent" => "ends: it has had all its retries",
        "ends header_forbids" => "ends: the answer forbids a retry",
        "ends condition_skipped" => "ends: the app does not retry this condition",
        "ends condition_budget_spent" => "ends: it has had all its retries of this condition",
        "ends contained" => "ends: too many runners died with it",
        other => match other.strip_prefix("again after_") {
            Some(wait) => return format!("goes again after {wait}, as the answer asked"),
            None => other,
        },
    }
    .to_owned()
}

fn fate(word: &str) -> Option<String> {
    match word {
        "kept" => Some("stays".to_owned()),
        "checked" => Some("stays, if its port accepts a connection".to_owned()),
        "none" | "unknown" | "" => None,
        other => {
            let cause = other.strip_prefix("ended ").and_then(Cause::from_name);
            let reason = cause.map(Cause::reason);
            Some(format!("is ended and replaced: {}", reason.unwrap_or(other)))
        }
    }
}

/// What a request waits for.
//= docs/contract.md#explained
//# `/api/requests/{id}` MUST say of a request each wait, each attempt, what was decided and by which clause, and what
//# it waits for now.
fn waiting(story: &Story, not_before: Moment, crew: Crew<'_>, now: Moment) -> String {
    let mut parts = Vec::new();
    if let Some(ahead) = story.ahead {
        parts.push(format!("{ahead} ahead"));
    }
    match crew.runners {
        None => parts.push("this node does not serve the app".to_owned()),
        Some([]) => parts.push("no runner".to_owned()),
        Some(runners) => parts.extend(states(runners, now)),
    }
    if crew.is_shared && crew.runners.is_some() {
        parts.push("on this node".to_owned());
    }
    if not_before > now {
        parts.push(format!("next attempt not before {}", not_before.clock()));
    }
    if let Some(deadline) = story.ticket.start_deadline {
        parts.push(format!("it ends with 504 if it has not started by {}", deadline.clock()));
    }
    format!("now: it waits, {}", parts.join(", "))
}

/// How many runners there are in each state, and for how long the oldest of them is in it.
fn states(runners: &[RunnerView], now: Moment) -> Vec<String> {
    let mut states: BTreeMap<&str, (u32, Moment)> = BTreeMap::new();
    for runner in runners {
        let (count, since) = states.entry(runner.state).or_insert((0, runner.since));
        *count += 1;
        *since = (*since).min(runner.since);
    }
    let line = |(state, (count, since)): (&str, (u32, Moment))| {
        let noun = if count == 1 { "runner" } else { "runners" };
        format!("{count} {noun} in {state} for {}", span(now.since(since)))
    };
    states.into_iter().map(line).collect()
}

fn ended(story: &Story, ending: Ending) -> Vec<String> {
    let ticket = &story.ticket;
    let at = ticket.finished.map(Moment::iso).unwrap_or_default();
    let mut lines = vec![match (ending, ending.problem()) {
        (Ending::Cancelled, _) => format!("it was cancelled at {at} (queue-cancel)"),
        (_, Some(problem)) => {
            let (status, kind) = (ending.status(), problem.error_type());
            format!(
                "it ended at {at} with {status} {kind}, the platform's own error (platform-errors)"
            )
        }
        (_, None) => format!("it ended at {at} with {}, the runner's answer", ending.status()),
    }];
    match (ticket.is_dead, ticket.heir) {
        (true, Some(heir)) => {
            lines.push(format!("it is a dead letter, and was submitted again as {heir}"))
        }
        (true, None) => lines.push(
            "it is a dead letter: its input is kept, and it can be submitted again (dead-letters)"
                .to_owned(),
        ),
        (false, _) => {}
    }
    lines.extend(ticket.expires.map(|expires| format!("it is kept until {}", expires.iso())));
    lines
}

fn told(webhook: &Webhook, now: Moment) -> String {
    let count = match webhook.sent.len() {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    let last = webhook.sent.last().map(|sent| format!(", the last one: {}", sent.answer));
    let was = format!("its webhook was sent {count}{}", last.unwrap_or_default());
    match webhook.next {
        Some(next) if webhook.is_under_way(now) => {
            let way =
                if webhook.sent.is_empty() { "its webhook is" } else { &*format!("{was}; it is") };
            let next = next.clock();
            format!("{way} on its way; where nothing is heard of that, it is sent again at {next}")
        }
        Some(next) if next > now => format!("{was}; it is sent again at {}", next.clock()),
        Some(_) => format!("{was}; it is due now"),
        None => format!("{was}; it is not sent any more"),
    }
}

/// What a runner is, and why.
pub(crate) fn runner(app: &str, runner: &RunnerView, now: Moment) -> Vec<String> {
    let RunnerView { id, state, cause, since, in_flight, .. } = runner;
    let mut lines = vec![
        format!("{id} is a runner of {app}, of its revision {}", runner.revision),
        format!(
            "it is {state} since {}, for {}: {} ({})",
            since.iso(),
            span(now.since(*since)),
            cause.reason(),
            cause.name()
        ),
    ];
    if *in_flight > 0 {
        lines.push(format!("it works on {in_flight} requests"));
    }
    if let Some(left) = runner.expires_in {
        lines.push(format!("it is stopped in {} if nothing comes", span(left)));
    }
    if !runner.gpus.is_empty() {
        lines.push(format!("it has GPU {}", runner.gpus.join(", ")));
    }
    lines
}

/// A span of time as people say it.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..10 => format!("{:.1} s", span.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
