//! Handing out a result.

use bytes::Bytes;
use fal_node::{Answer, App, Reply};
use fal_types::RequestId;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::{body::Body, headers, problem, queue};

//= docs/contract.md#queue-result
//# The result MUST be the app's own status, headers and body, with `x-fal-request-id` added.
pub(crate) async fn result(app: &App, id: RequestId) -> Response<Body> {
    match app.answer(id).await {
        Ok(Some(Answer::Reply(reply))) => stored(reply, id),
        Ok(Some(Answer::Problem(problem, None))) => problem::platform(problem, id),
        Ok(Some(Answer::Problem(problem, Some(detail)))) => {
            problem::platform_with(problem, &detail, id)
        }
        Ok(Some(Answer::Pending)) => {
            problem::plain(StatusCode::BAD_REQUEST, "Request is still in progress", id)
        }
        Ok(None) => queue::unknown(None, id),
        Err(error) => queue::failed(&error, id),
    }
}

fn stored(reply: Reply, id: RequestId) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from(reply.body)));
    *response.status_mut() = problem::status(reply.status.code());
    for (name, value) in reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    headers::for_result(response.headers_mut(), headers::id(id));
    response
}
