//! What a call asks for, and how it fails.

use std::{io, time::Duration};

use fal_app::{
    __private::{Answered, EndpointError, Failures, Sealed},
    AppStatus, RunnerBroken, request,
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::end::{Crash, end};

/// What `POST /` takes; see the program's text.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Input {
    #[schemars(with = "u16")]
    status: Status,
    detail: String,
    needs_retry: Option<bool>,
    stop_runner: Option<bool>,
    retry_after: Option<u64>,
    health_check: bool,
    pub(crate) healthy: Option<bool>,
    pub(crate) sleep_ms: u64,
    panic: Option<String>,
    crash: Option<Crash>,
    pub(crate) body_bytes: usize,
    pub(crate) first_n: Option<usize>,
}

/// A status that an app can answer with.
#[derive(Debug, Default)]
enum Status {
    #[default]
    Ok,
    Failed(AppStatus),
    Broken,
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            200 => Ok(Self::Ok),
            503 => Ok(Self::Broken),
            code => AppStatus::try_from(code)
                .map(Self::Failed)
                .map_err(|_| D::Error::custom("an app answers 200, or 400 to 599")),
        }
    }
}

impl Input {
    /// Does what the call asks for, apart from waiting.
    pub(crate) fn act(self) -> Result<(), Fault> {
        if let Some(crash) = self.crash {
            end(crash);
        }
        if let Some(text) = self.panic {
            #[expect(clippy::panic, reason = "a panic is what the call asks for")]
            {
                panic!("{text}");
            }
        }
        match self.stop_runner {
            Some(true) => request::stop_runner(),
            Some(false) => request::keep_runner(),
            None => {}
        }
        if let Some(seconds) = self.retry_after {
            request::retry_after(Duration::from_secs(seconds));
        }
        if self.health_check {
            request::ask_health_check();
        }
        let Self { detail, needs_retry, .. } = self;
        let kind = match self.status {
            Status::Ok => return Ok(()),
            Status::Failed(status) => Kind::Failed(status),
            Status::Broken => Kind::Broken(RunnerBroken::declare("the call asked for it")),
        };
        Err(Fault { kind, detail, needs_retry })
    }
}

/// A failure that the caller chose.
///
/// An app derives `AppError`, and so has each status in its source. This one takes it from the
/// caller, and therefore writes by hand what the derive would write.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Fault {
    kind: Kind,
    detail: String,
    needs_retry: Option<bool>,
}

#[derive(Debug)]
enum Kind {
    Failed(AppStatus),
    Broken(RunnerBroken),
}

impl Fault {
    /// The journal could not be written.
    pub(crate) fn journal(error: &io::Error) -> Self {
        let kind = Kind::Failed(const { AppStatus::checked(500) });
        Self { kind, detail: format!("the journal failed: {error}"), needs_retry: None }
    }
}

impl EndpointError for Fault {
    fn answer(&self, _: Sealed) -> Answered<'_> {
        let answered = match &self.kind {
            Kind::Failed(status) => Answered::failed(*status),
            Kind::Broken(evidence) => Answered::broken(evidence),
        };
        match self.needs_retry {
            Some(needs_retry) => answered.needs_retry(needs_retry),
            None => answered,
        }
    }

    fn failures(failures: &mut Failures) {
        failures.broken("Broken", "the call asked for it");
        failures.any();
    }
}
