//! Saying where a request is.

use fal_node::{App, Ending, Line, QueueError, State, Tracked};
use fal_types::{Problem, RequestId};
use http::{Response, StatusCode};

use crate::{
    body::Body,
    problem,
    queue::{self, Base, path::Logs},
    wire,
};

//= docs/contract.md#queue-status
//# The status of a request that is not completed MUST be answered with 202, and of a completed one with 200.
pub(crate) async fn status(app: &App, base: &Base, id: RequestId, logs: Logs) -> Response<Body> {
    match app.track(id).await {
        Ok(Some(tracked)) => {
            let lines = match lines(app, id, logs).await {
                Ok(lines) => lines,
                Err(error) => return queue::failed(&error, id),
            };
            let body = object(base, &tracked, lines);
            let done = matches!(tracked.ticket.state, State::Done(_));
            problem::json(if done { StatusCode::OK } else { StatusCode::ACCEPTED }, &body, id)
        }
        Ok(None) => queue::unknown(None, id),
        Err(error) => queue::failed(&error, id),
    }
}

/// What the runners printed, where it is wanted.
pub(crate) async fn lines(
    app: &App,
    id: RequestId,
    logs: Logs,
) -> Result<Option<Vec<wire::LogLine>>, QueueError> {
    match logs {
        Logs::Wanted => Ok(Some(app.lines(id).await?.into_iter().map(line).collect())),
        Logs::LeftOut => Ok(None),
    }
}

/// The status object.
pub(crate) fn object(
    base: &Base,
    tracked: &Tracked,
    logs: Option<Vec<wire::LogLine>>,
) -> wire::Status {
    let ticket = &tracked.ticket;
    let (error, error_type) = match ticket.state {
        State::Done(ending) => failure(ending),
        State::Waiting { .. } | State::Leased(_) => (None, None),
    };
    wire::Status {
        status: ticket.state.word(),
        request_id: ticket.id.to_string(),
        urls: base.urls(ticket.id),
        queue_position: tracked.ahead,
        logs,
        metrics: wire::Metrics { inference_time: inference_time(tracked) },
        error,
        error_type,
    }
}

fn failure(ending: Ending) -> (Option<String>, Option<&'static str>) {
    match ending.problem() {
        Some(problem) => (Some(problem.detail().to_owned()), Some(problem.error_type())),
        None if ending.status().code() >= 400 => {
            (Some(format!("Invalid status code: {}", ending.status())), None)
        }
        None => (None, None),
    }
}

/// Seconds that the last attempt took; none where the end came while it waited.
fn inference_time(tracked: &Tracked) -> Option<f64> {
    match tracked.ticket.state {
        State::Done(Ending::Cancelled | Ending::Failed(Problem::StartDeadline)) => return None,
        State::Done(Ending::Responded(_) | Ending::Failed(_))
        | State::Waiting { .. }
        | State::Leased(_) => {}
    }
    let (started, finished) = (tracked.ticket.started?, tracked.ticket.finished?);
    Some(finished.since(started).as_secs_f64())
}

fn line(line: Line) -> wire::LogLine {
    wire::LogLine {
        message: line.text,
        timestamp: line.at.iso(),
        level: if line.is_error { "STDERR" } else { "STDOUT" },
        source: "USER",
    }
}
