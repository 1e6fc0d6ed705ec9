//! The forms that fal's clients send and read.

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub(crate) struct Detail<'a> {
    pub(crate) detail: &'a str,
}

/// A right to store objects.
#[derive(Debug, Serialize)]
pub(crate) struct StoreToken {
    pub(crate) token: String,
    pub(crate) token_type: &'static str,
    pub(crate) base_url: String,
    pub(crate) expires_at: String,
}

/// What is to be uploaded.
#[derive(Debug, Deserialize)]
pub(crate) struct Initiate {
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
}

/// Where to upload, and where it will be.
#[derive(Debug, Serialize)]
pub(crate) struct Initiated {
    pub(crate) upload_url: String,
    pub(crate) file_url: String,
}

/// Where a part goes.
#[derive(Debug, Serialize)]
pub(crate) struct PartTarget {
    pub(crate) upload_url: String,
}

/// An object is there.
#[derive(Debug, Serialize)]
pub(crate) struct Stored {
    pub(crate) access_url: String,
}

/// An upload in parts has begun.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Begun {
    #[serde(rename = "access_url")]
    pub(crate) access_url: String,
    pub(crate) upload_id: String,
}

/// A part is there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartStored {
    pub(crate) part_number: u16,
    pub(crate) etag: String,
}

/// The parts of an object.
#[derive(Debug, Deserialize)]
pub(crate) struct Complete {
    pub(crate) parts: Vec<ListedPart>,
}

/// A part as clients list it; one of them spells the number in another way.
#[derive(Debug, Deserialize)]
pub(crate) struct ListedPart {
    #[serde(rename = "partNumber", alias = "part_number")]
    pub(crate) number: u64,
    pub(crate) etag: String,
}

/// A token for an app is asked for; its time has two names.
#[derive(Debug, Deserialize)]
pub(crate) struct AppsToken {
    pub(crate) allowed_apps: Vec<String>,
    #[serde(alias = "duration")]
    pub(crate) token_expiration: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Token {
    pub(crate) token: String,
}
