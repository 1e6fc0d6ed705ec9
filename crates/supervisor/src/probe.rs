//! Asking a runner whether it is there, and whether it works.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::BodyExt;

use crate::{
    forward::{BodyError, ForwardError, RequestBody, dial},
    runner::{Life, Runner},
};

/// Tells a runner that the probe was asked for, and is not one of the regular ones.
const ON_DEMAND: &str = "x-fal-runner-health-check";

/// The first pause between two looks at a port that is not open yet.
const FIRST_PAUSE: Duration = Duration::from_micros(500);
/// What the pause grows to while the start is young.
const YOUNG_PAUSE: Duration = Duration::from_millis(5);
/// How long a start is young.
const YOUNG: Duration = Duration::from_secs(2);
/// The pause after that.
const LATE_PAUSE: Duration = Duration::from_millis(10);
/// The limit of one look.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// A request to the runner's own health endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthProbe {
    /// How to ask.
    pub method: Method,
    /// Where to ask: begins with a slash.
    pub path: String,
    /// The answer must be there to its end within this.
    pub timeout: Duration,
    /// The probe was asked for, which the runner is told in a header.
    pub on_demand: bool,
}

/// Why waiting for a runner's port ended without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The runner exited first.
    #[error("the runner exited before its port opened")]
    Exited,
    /// Its connections were cut first.
    #[error("the runner's connections were cut before its port opened")]
    Cut,
}

/// Why a probe failed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It took longer than allowed.
    #[error("the probe timed out")]
    TimedOut,
    /// The health endpoint answered with this status, 400 or more.
    #[error("the health endpoint answered {0}")]
    Status(u16),
    /// No connection was made, or no head of an answer came.
    #[error("the runner could not be asked")]
    Unanswered(#[source] ForwardError),
    /// The answer was cut short.
    #[error("the health endpoint's answer broke off")]
    Broken(#[source] BodyError),
    /// The probe's path is not one.
    #[error("not a path: {path}")]
    Path {
        /// As it was written.
        path: String,
    },
}

impl Runner {
    /// Waits until the runner's port accepts a connection, looking every half millisecond at first and
    /// every twenty later. There is no limit; drop the future to give up.
    ///
    /// # Errors
    ///
    /// When the runner exited or was cut first.
    //= docs/contract.md#startup-ready
    //# A runner is ready when its port accepts a connection.
    pub async fn port_open(&self) -> Result<(), PortError> {
        let mut life = self.watch();
        let gone = async move {
            match life.wait_for(|life| *life != Life::Running).await.as_deref() {
                Ok(Life::Cut | Life::Running) => PortError::Cut,
                Ok(Life::Exited) | Err(_) => PortError::Exited,
            }
        };
        tokio::select! {
            biased;
            error = gone => Err(error),
            () = self.knock() => Ok(()),
        }
    }

    async fn knock(&self) {
        let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
        while dial(self.addr(), LOOK_LIMIT).await.is_err() {
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = if waited < YOUNG { (pause * 5 / 4).min(YOUNG_PAUSE) } else { LATE_PAUSE };
        }
    }

    /// Makes one connection to the runner's port and closes it.
    ///
    /// It says that the process and its port exist. The kernel completes connections for a runner that
    /// hangs, so it does not say that the runner works.
    ///
    /// # Errors
    ///
    /// When no connection was made within the limit.
    //= docs/contract.md#tcp-check
    //# The check is one connect to the runner's port, which MUST succeed within `tcp_check_timeout`.
    pub async fn probe_tcp(&self, limit: Duration) -> Result<(), ProbeError> {
        match dial(self.addr(), limit).await {
            Ok(_stream) => Ok(()),
            Err(ForwardError::ConnectTimedOut) => Err(ProbeError::TimedOut),
            Err(error) => Err(ProbeError::Unanswered(error)),
        }
    }

    /// Sends one request to the runner's health endpoint and reads the answer.
    ///
    /// An idle connection is used where there is one: a runner that serves one connection at a time would
    /// not see a second.
    ///
    /// # Errors
    ///
    /// When there is no whole answer in time, or its status is 400 or more.
    //= docs/contract.md#health-endpoint
    //# A probe fails when it gets no answer within `timeout_seconds`, or a status of 400 or above.
    pub async fn probe_health(&self, probe: &HealthProbe) -> Result<(), ProbeError> {
        let request = self.health_request(probe)?;
        let asked = async {
            let response = self.forward(request).await.map_err(ProbeError::Unanswered)?;
            let status = response.status().as_u16();
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                frame.map_err(ProbeError::Broken)?;
            }
            if status >= 400 { Err(ProbeError::Status(status)) } else { Ok(()) }
        };
        tokio::time::timeout(probe.timeout, asked).await.unwrap_or(Err(ProbeError::TimedOut))
    }

    fn health_request(&self, probe: &HealthProbe) -> Result<Request<RequestBody>, ProbeError> {
        let uri: Uri =
            probe.path.parse().map_err(|_| ProbeError::Path { path: probe.path.clone() })?;
        let mut request = Request::new(RequestBody::Whole(Bytes::new()));
        request.method_mut().clone_from(&probe.method);
        *request.uri_mut() = uri;
        //= docs/contract.md#health-endpoint
        //# That probe carries the header `x-fal-runner-health-check`.
        if probe.on_demand {
            request.headers_mut().insert(ON_DEMAND, HeaderValue::from_static("true"));
        }
        Ok(request)
    }
}
