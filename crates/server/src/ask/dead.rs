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
            say(body["why"].as_array().into_iter().flatten().filter_map(Value::as_str))?;
            let (status, input) = platform.get(&format!("/api/requests/{id}/input"))?;
            if status != OK {
                return Ok(());
            }
            say([format!("its input, {} bytes:", input["length"]), text(&input, "body")])
        }
        Some(Letter::Resubmit { id }) => {
            let (status, body) = platform.put(&format!("/api/dead/{}/resubmit", plain(id)))?;
            if status != OK {
                return Err(refusal(&body));
            }
            let (heir, ahead) = (text(&body, "request_id"), &body["queue_position"]);
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
    let (status, body) = platform.get("/api/dead")?;
    if status != OK {
        return Err(refusal(&body));
    }
    let dead = body["dead"].as_array().map(Vec::as_slice).unwrap_or_default();
    if dead.is_empty() {
        return say(["there are no dead letters"]);
    }
    say(dead.iter().map(|letter| {
        let of = |key| text(letter, key);
        let attempts = &letter["attempts"];
        let again = match letter["resubmitted_as"].as_str() {
            Some(heir) => format!(", submitted again as {heir}"),
            None => String::new(),
        };
        let (id, app, at, status) =
            (of("request_id"), of("app"), of("finished"), &letter["result_status"]);
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
    let next = match webhook["next"].as_str() {
        Some(next) => format!("it is sent again at {next}"),
        None => "it is not sent any more; --again sends it".to_owned(),
    };
    let deliveries = webhook["deliveries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = deliveries.iter().map(|sent| {
        let (at, answer) = (text(sent, "at"), text(sent, "answer"));
        let seconds = sent["took"].as_f64().unwrap_or_default();
        format!("{} at {at}, {seconds:.3} s: {answer}", sent["number"])
    });
    say([text(webhook, "url")].into_iter().chain(lines).chain([next]))
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
