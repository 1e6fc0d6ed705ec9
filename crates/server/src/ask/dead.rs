//! `fal-server dead` and `fal-server webhook`: what has failed for good, and how to go on with it.

use serde_json::Value;

use super::{Platform, refusal, say, why::plain};
use crate::{
    Failure,
    cli::{Dead, Letter, Webhook},
};

const OK: u16 = 200;
const ACCEPTED: u16 = 202;

/// Lists dead letters, or goes on with one.
pub(crate) fn dead(arguments: &Dead) -> Result<(), Failure> {
    let platform = Platform::find(&arguments.found)?;
    match &arguments.letter {
        None | Some(Letter::List) => list(&platform),
        Some(Letter::Show { id }) => {
            let id = plain(id);
            let (status, body) = platform.get(&format!("/api/dead/{id}"))?;
            if status != OK {
                return Err(refusal(&body));
            }
            say(entries(&body, "why").iter().filter_map(Value::as_str))?;
            let (status, input) = platform.get(&format!("/api/requests/{id}/input"))?;
            if status != OK {
                return Ok(());
            }
            let length = number(&input, "length");
            say([format!("its input, {length} bytes:"), text(&input, "body")])
        }
        Some(Letter::Resubmit { id }) => {
            let (status, body) = platform.put(&format!("/api/dead/{}/resubmit", plain(id)))?;
            if status != OK {
                return Err(refusal(&body));
            }
            let (heir, ahead) = (text(&body, "request_id"), number(&body, "queue_position"));
            say([format!("submitted again as {heir}, {ahead} ahead")])
        }
        Some(Letter::Drop { id }) => {
            let (status, body) = platform.delete(&format!("/api/dead/{}", plain(id)))?;
            if status != OK {
                return Err(refusal(&body));
            }
            say([format!("{id} is dropped")])
        }
    }
}

fn list(platform: &Platform) -> Result<(), Failure> {
    let (status, body) = platform.get("/api/dead?limit=1000")?;
    if status != OK {
        return Err(refusal(&body));
    }
    let dead = entries(&body, "dead");
    if dead.is_empty() {
        return say(["there are no dead letters"]);
    }
    say(dead.iter().map(|letter| {
        let of = |key| text(letter, key);
        let (attempts, status) = (number(letter, "attempts"), number(letter, "result_status"));
        let again = match of("resubmitted_as") {
            heir if heir.is_empty() => heir,
            heir => format!(", submitted again as {heir}"),
        };
        let (id, app, at) = (of("request_id"), of("app"), of("finished"));
        format!("{id}  {app}  {status} at {at} after {attempts} attempts{again}")
    }))
}

/// Shows how a webhook went, or sends it once more.
pub(crate) fn webhook(arguments: &Webhook) -> Result<(), Failure> {
    let platform = Platform::find(&arguments.found)?;
    let id = plain(&arguments.id);
    if arguments.again {
        let (status, body) = platform.put(&format!("/api/requests/{id}/webhook"))?;
        if status != ACCEPTED {
            return Err(refusal(&body));
        }
        return say(["it is due now; look again to see how it went"]);
    }
    let (status, body) = platform.get(&format!("/api/requests/{id}"))?;
    if status != OK {
        return Err(refusal(&body));
    }
    let Some(webhook) = body.get("webhook") else {
        return say(["there is no webhook, or the request has not ended"]);
    };
    let next = match text(webhook, "next") {
        none if none.is_empty() => "it is not sent any more; --again sends it".to_owned(),
        next if webhook.get("under_way").and_then(Value::as_bool) == Some(true) => {
            format!("it is on its way; where nothing is heard of that, it is sent again at {next}")
        }
        next => format!("it is sent again at {next}"),
    };
    let lines = entries(webhook, "deliveries").iter().map(|sent| {
        let (at, answer, number) = (text(sent, "at"), text(sent, "answer"), number(sent, "number"));
        let seconds = sent.get("took").and_then(Value::as_f64).unwrap_or_default();
        format!("{number} at {at}, {seconds:.3} s: {answer}")
    });
    say([text(webhook, "url")].into_iter().chain(lines).chain([next]))
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn entries<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
