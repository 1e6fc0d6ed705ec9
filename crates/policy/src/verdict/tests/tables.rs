//! The tables that are printed: everything that goes in, and what comes out.

use std::collections::BTreeMap;

use super::{
    grid::{Column, ranges, render},
    *,
};

const RESULTS: [&str; 2] = ["runner", "request"];
const JUDGED: [&str; 4] = ["runner", "request", "runner's clause", "request's clause"];

fn runner(impact: Impact) -> String {
    match impact {
        Impact::Keep => "keep".to_owned(),
        Impact::Probe => "check".to_owned(),
        Impact::Terminate(cause) => format!("end {cause:?}"),
    }
}

fn request(retry: Retry) -> String {
    match retry {
        Retry::Never(why) => format!("never {why:?}"),
        Retry::Again { condition, delay } => {
            let charged = condition.map_or("total", Condition::name);
            format!("again {delay:?} ({charged})")
        }
    }
}

fn brief(verdict: Verdict) -> Vec<String> {
    vec![runner(verdict.impact), request(verdict.retry)]
}

fn full(verdict: Verdict) -> Vec<String> {
    let clauses = [verdict.runner_clause(), verdict.request_clause()];
    brief(verdict).into_iter().chain(clauses.map(str::to_owned)).collect()
}

/// All that can be said about one status, as a table.
fn of_status(code: u16) -> String {
    let columns = [
        Column::new("call", &CALLS),
        Column::new("stop-runner", &FLAGS),
        Column::new("no-retry", &NO_RETRY),
        Column::new("retries", &SPENT),
        Column::new("needs-retry", &FLAGS),
    ];
    render(&columns, &JUDGED, |at| {
        let headed =
            Answer { stop_runner: FLAGS[at[1]].1, needs_retry: FLAGS[at[4]].1, ..answer(code) };
        let caller = Caller { no_retry: NO_RETRY[at[2]].1, budgets: None };
        let (call, spent) = (CALLS[at[0]].1, spent(SPENT[at[3]].1));
        full(judged(call, &Outcome::Responded(headed), spent, &caller))
    })
}

#[test]
fn every_status_means_what_the_table_says() {
    let mut groups: Vec<(String, Vec<u16>)> = Vec::new();
    let mut places = BTreeMap::new();
    for code in statuses() {
        let table = of_status(code);
        let place = *places.entry(table.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, codes)) => codes.push(code),
            None => groups.push((table, vec![code])),
        }
    }
    groups.sort_by_key(|(_, codes)| codes.iter().copied().find(|code| *code >= 200));
    let text: Vec<_> = groups
        .iter()
        .map(|(table, codes)| format!("status {}\n\n{table}", ranges(codes)))
        .collect();
    insta::assert_snapshot!("statuses", text.join("\n"));
}

#[test]
fn every_silence_means_what_the_table_says() {
    let columns = [
        Column::new("outcome", &SILENT),
        Column::new("call", &CALLS),
        Column::new("no-retry", &NO_RETRY),
        Column::new("retries", &SPENT),
    ];
    let table = render(&columns, &JUDGED, |at| {
        let caller = Caller { no_retry: NO_RETRY[at[2]].1, budgets: None };
        full(judged(CALLS[at[1]].1, &SILENT[at[0]].1, spent(SPENT[at[3]].1), &caller))
    });
    insta::assert_snapshot!("silences", table);
}

#[test]
fn every_mix_of_skips_and_budgets_means_what_the_table_says() {
    let outcomes = [
        ("503", Outcome::Responded(answer(503))),
        ("timed out", Outcome::TimedOut),
        ("refused", Outcome::Refused),
    ];
    let skips = [("-", false), ("yes", true)];
    let limits = [("-", None), ("0", Some(0)), ("2", Some(2))];
    let callers = [("-", None), ("others", Some(None)), ("0", Some(Some(0))), ("3", Some(Some(3)))];
    let charged = [("0", 0), ("1", 1), ("2", 2), ("3", 3)];
    let columns = [
        Column::new("outcome", &outcomes),
        Column::new("skipped", &skips),
        Column::new("caller's budget", &callers),
        Column::new("app's budget", &limits),
        Column::new("retries of it", &charged),
    ];
    let table = render(&columns, &RESULTS, |at| {
        let outcome = &outcomes[at[0]].1;
        let condition = Row::of(outcome).condition().expect("all three are retried");
        let mut rules = Rules::default();
        *rules.skip.get_mut(condition) = skips[at[1]].1;
        *rules.budgets.get_mut(condition) = limits[at[3]].1;
        let budgets = callers[at[2]].1.map(|own| only(condition, own, Some(0)));
        let caller = Caller { no_retry: false, budgets };
        let count = charged[at[4]].1;
        let spent = Spent { total: count, by_condition: only(condition, count, 0) };
        brief(decide(&Attempted {
            call: Call::Queued,
            outcome,
            spent,
            caller: &caller,
            rules: &rules,
        }))
    });
    insta::assert_snapshot!("budgets", table);
}

/// One value for the condition, and another for the two others, which must not matter.
fn only<T: Copy>(condition: Condition, value: T, others: T) -> PerCondition<T> {
    let mut all = PerCondition { server_error: others, timeout: others, connection_error: others };
    *all.get_mut(condition) = value;
    all
}

#[test]
fn every_wait_after_a_429_is_what_the_table_says() {
    let rules = [("true", true), ("false", false)];
    let waits = [("-", None), ("0", Some(0)), ("5", Some(5)), ("301", Some(301))];
    let columns = [
        Column::new("retry_429", &rules),
        Column::new("needs-retry", &FLAGS),
        Column::new("retry-after", &waits),
        Column::new("stop-runner", &FLAGS),
    ];
    let table = render(&columns, &RESULTS, |at| {
        let outcome = Outcome::Responded(Answer {
            needs_retry: FLAGS[at[1]].1,
            retry_after: waits[at[2]].1.map(Duration::from_secs),
            stop_runner: FLAGS[at[3]].1,
            ..answer(429)
        });
        brief(decide(&Attempted {
            call: Call::Queued,
            outcome: &outcome,
            spent: Spent::default(),
            caller: &Caller::default(),
            rules: &Rules { retry_429: rules[at[0]].1, ..Rules::default() },
        }))
    });
    insta::assert_snapshot!("waits", table);
}
