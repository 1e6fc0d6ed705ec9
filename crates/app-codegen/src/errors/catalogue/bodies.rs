//! Mistakes inside the functions of an app.

use super::Mistake;

impl Mistake {
    pub(crate) const UNEARNED_503: Self = Self::fixed(
        "a 503 ends this runner: its other requests are cut, and a new one takes minutes to load \
         the model again",
        "if only this request failed, return an error whose variant says `#[status(500)]`, or 504 if \
         something upstream was too slow, or 429 if the caller is too fast\n\
         help: if the runner itself is broken, return a `#[runner_broken]` variant",
    );
    pub(crate) const LITERAL_503: Self = Self::fixed(
        "a 503 ends this runner: its other requests are cut, and a new one takes minutes to load \
         the model again",
        "if only this request failed, return an error whose variant says `#[status(500)]`, or 504 if \
         something upstream was too slow, or 429 if the caller is too fast\n\
         help: if the runner itself is broken, return a `#[runner_broken]` variant\n\
         help: if this number is no status, say its type: `let width: u32 = 503`",
    );
    pub(crate) const RAW_RESPONSE: Self = Self::fixed(
        "an endpoint makes no response of its own: any status could hide in it, a 503 included",
        "return `Ok(data)`, or an error whose variant says `#[status(..)]`\n\
         help: if this makes something of your own, give it another name",
    );
}
