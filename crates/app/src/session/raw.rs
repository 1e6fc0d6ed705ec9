//! Raw sessions: the endpoint has the WebSocket to itself.

use tokio::select;

use super::{End, Talk, Talked, caught, failed, line::Farewell};
use crate::{
    endpoint::{
        error::EndpointError,
        web_socket::{Returned, WebSocket},
    },
    request::Request,
};

/// Runs a session of an endpoint: until it has returned, and nobody holds its socket any more.
pub(crate) async fn talk<E, F, R>(talk: Talk, handler: F) -> Talked
where
    E: EndpointError,
    F: FnOnce(WebSocket, Request) -> R + Send,
    R: Future<Output = Result<(), E>> + Send,
{
    let Talk { line, request, stops } = talk;
    let (socket, returned) = WebSocket::new(line, request.clone());
    let working = Box::pin(caught(&request, async {
        match handler(socket, request.clone()).await {
            Ok(()) => End::Done,
            Err(error) => failed(&error, &request, &stops),
        }
    }));
    let mut end = select! {
        biased;
        end = working => end,
        () = stops.over() => End::GoingAway,
    };
    // What it has begun went with its future, and what it gave away comes back now or never.
    let returned = select! {
        biased;
        returned = returned => returned.ok(),
        () = stops.over() => None,
    };
    let Some(Returned { line, farewell }) = returned else {
        return Talked { line: None, end, farewell: Farewell::Left };
    };
    if matches!((&end, &farewell), (End::Done | End::Failed(_), Some(Farewell::Left))) {
        end = End::Left;
    }
    let farewell = farewell.unwrap_or_else(|| self::farewell(&end));
    Talked { line: Some(line), end, farewell }
}

//= docs/contract.md#app-raw-session
//# It MUST end with close 1000 when its endpoint has returned `Ok`, and with 1011 after an `Err` or a
//# panic, unless the endpoint has closed it itself.
/// The last words of a session whose endpoint has said none.
fn farewell(end: &End) -> Farewell {
    match end {
        End::Left | End::Violated(_) | End::TooLong => Farewell::Left,
        End::Done | End::Cancelled => Farewell::close(1000, ""),
        End::GoingAway => Farewell::close(1001, "going away"),
        End::Failed(reason) | End::Broken(reason) => Farewell::close(1011, reason),
    }
}
