//! Who may do what below `/cdn`: what a token says, and what a token is made to say.

use std::time::Duration;

use fal_access::Right;
use fal_objects::{About, Access, ObjectId};
use fal_types::Moment;
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::{Deserialize, Serialize};

use crate::{
    Options, params,
    problem::{Problem, Result},
    time,
};

/// How long a right to store objects lasts. One of fal's clients wants an hour more than it needs.
pub(crate) const STORE: Duration = Duration::from_secs(6 * 3600);

/// How long a URL may be used to upload one object.
pub(crate) const PUT: Duration = Duration::from_secs(3600);

/// The parameter of a URL that carries a right.
const TOKEN: &str = "token";

/// What a URL allows its holder to write.
#[derive(Debug)]
pub(crate) enum Put {
    /// This object, of which this was said.
    Object(ObjectId, About),
    /// Parts of this upload.
    Upload(ObjectId),
}

/// A token for this, until then.
pub(crate) fn mint(options: &Options, right: &Right, expires: Moment) -> String {
    options.tokens.mint(right, time::seconds(expires))
}

/// The query that allows this for as long.
pub(crate) fn query(options: &Options, put: &Put, lasts: Duration) -> String {
    // Strings and numbers always serialize.
    let text = serde_json::to_string(&Form::of(put)).unwrap_or_default();
    format!("{TOKEN}={}", mint(options, &Right::Put(text), options.now() + lasts))
}

//= docs/contract.md#upload-rights
//# Below `/cdn` an upload MUST need a token that allows to store objects, or a URL that was made for it and has not expired; without one it gets 401, with another one 403.
/// Fails unless the headers allow to store objects.
pub(crate) fn may_store(options: &Options, headers: &HeaderMap) -> Result<()> {
    let token = bearer(headers).ok_or_else(|| no_token("Storing files"))?;
    match read(options, token)? {
        Right::Store => Ok(()),
        Right::Apps(_) | Right::Put(_) => {
            Err(Problem::new(StatusCode::FORBIDDEN, "This token does not allow to store files"))
        }
    }
}

/// What may be written here, as the URL says.
pub(crate) fn put(options: &Options, head: &Parts) -> Result<Put> {
    let token = params::query(head, TOKEN).ok_or_else(|| no_token("This upload"))?;
    let other =
        || Problem::new(StatusCode::FORBIDDEN, "This token does not allow to upload to a URL");
    match read(options, token)? {
        Right::Put(text) => {
            serde_json::from_str::<Form>(&text).ok().and_then(Form::read).ok_or_else(other)
        }
        Right::Apps(_) | Right::Store => Err(other()),
    }
}

/// Fails unless the URL or the headers allow to write parts of this upload.
pub(crate) fn may_write(options: &Options, head: &Parts, id: ObjectId) -> Result<()> {
    if params::query(head, TOKEN).is_none() {
        return may_store(options, &head.headers);
    }
    match put(options, head)? {
        Put::Upload(allowed) if allowed == id => Ok(()),
        Put::Upload(_) | Put::Object(..) => Err(elsewhere()),
    }
}

//= docs/contract.md#upload-rights
//# An object whose `initial_acl.default` is `forbid` or `hide` MUST be read with such a token only; without one the first gets 403 and the second 404.
/// Fails where an object is not for everybody and the headers do not show more.
pub(crate) fn may_read(options: &Options, access: Access, headers: &HeaderMap) -> Result<()> {
    let has_right = || may_store(options, headers).is_ok();
    match access {
        Access::Allow => Ok(()),
        Access::Forbid if has_right() => Ok(()),
        Access::Hide if has_right() => Ok(()),
        Access::Forbid => {
            Err(Problem::new(StatusCode::FORBIDDEN, "This file is not for everybody"))
        }
        Access::Hide => Err(Problem::no_object()),
    }
}

/// The URL's right is for another object.
pub(crate) fn elsewhere() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "This token allows to upload to another URL")
}

fn read(options: &Options, token: &str) -> Result<Right> {
    let read = options.tokens.read(token, time::seconds(options.now()));
    read.map_err(|error| {
        Problem::new(StatusCode::UNAUTHORIZED, format!("This token allows nothing: {error}"))
    })
}

fn no_token(what: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, format!("{what} needs a token"))
}

/// The token of a header. An app has the one that its request came with in a header of its own.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    bearer.or_else(|| text("x-fal-cdn-token").map(str::trim))
}

/// What a URL's token says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Upload(String),
    Object(ObjectForm),
}

#[derive(Debug, Serialize, Deserialize)]
struct ObjectForm {
    id: String,
    name: String,
    content_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime_micros: Option<u64>,
    access: AccessForm,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AccessForm {
    Allow,
    Forbid,
    Hide,
}

impl Form {
    fn of(put: &Put) -> Self {
        match put {
            Put::Upload(id) => Self::Upload(id.to_string()),
            Put::Object(id, about) => Self::Object(ObjectForm {
                id: id.to_string(),
                name: about.name().to_owned(),
                content_type: about.content_type().to_owned(),
                lifetime_micros: about.lifetime.map(micros),
                access: match about.access {
                    Access::Allow => AccessForm::Allow,
                    Access::Forbid => AccessForm::Forbid,
                    Access::Hide => AccessForm::Hide,
                },
            }),
        }
    }

    fn read(self) -> Option<Put> {
        let form = match self {
            Self::Upload(id) => return Some(Put::Upload(id.parse().ok()?)),
            Self::Object(form) => form,
        };
        let mut about = About::new(&form.name, &form.content_type).ok()?;
        about.lifetime = form.lifetime_micros.map(Duration::from_micros);
        about.access = match form.access {
            AccessForm::Allow => Access::Allow,
            AccessForm::Forbid => Access::Forbid,
            AccessForm::Hide => Access::Hide,
        };
        Some(Put::Object(form.id.parse().ok()?, about))
    }
}

fn micros(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_micros()).unwrap_or(u64::MAX)
}
