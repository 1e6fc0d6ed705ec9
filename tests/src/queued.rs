//! A request in the queue, as its caller follows it.

use serde_json::Value;

use crate::{Platform, Request, Response, eventually};

/// A request that was accepted.
#[derive(Debug, Clone)]
pub struct Queued<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) app: String,
    /// Its id.
    pub id: String,
    /// What the submit was answered.
    pub submitted: Value,
}

impl Queued<'_> {
    /// The URL below the app that this ends with, as a path.
    #[must_use]
    pub fn path(&self, tail: &str) -> String {
        format!("/queue/{}/requests/{}{tail}", self.app, self.id)
    }

    /// The answer to a status.
    #[must_use]
    #[track_caller]
    pub fn status(&self) -> Response {
        self.platform.get(&self.path("/status"))
    }

    /// The word of the status.
    #[must_use]
    #[track_caller]
    pub fn state(&self) -> String {
        let status = self.status().json();
        status.get("status").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The result as it is now.
    #[must_use]
    #[track_caller]
    pub fn result(&self) -> Response {
        self.platform.get(&self.path(""))
    }

    /// Asks for its cancellation.
    #[must_use]
    #[track_caller]
    pub fn cancel(&self) -> Response {
        self.platform.send(&Request::new("PUT", &self.path("/cancel")))
    }

    /// Waits for a state.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn reaches(&self, state: &str) {
        let id = &self.id;
        eventually(&format!("{id} is {state}"), || (self.state() == state).then_some(()));
    }

    /// Waits for its end and returns the result.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn wait(&self) -> Response {
        self.reaches("COMPLETED");
        self.result()
    }

    /// Waits for its end and asserts the status of the result.
    ///
    /// # Panics
    /// When it does not end, or otherwise.
    #[track_caller]
    pub fn ends(&self, status: u16) {
        drop(self.wait().is(status));
    }

    /// What the platform's tools say about it.
    #[must_use]
    #[track_caller]
    pub fn record(&self) -> Value {
        self.platform.get(&format!("/api/requests/{}", self.id)).is(200).json()
    }

    /// What the platform says of it in plain lines.
    #[must_use]
    #[track_caller]
    pub fn why(&self) -> Vec<String> {
        let record = self.record();
        let lines = record.get("why").and_then(Value::as_array).into_iter().flatten();
        lines.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What its runners printed for it.
    #[must_use]
    #[track_caller]
    pub fn lines(&self) -> Vec<String> {
        let status = self.platform.get(&self.path("/status?logs=1")).json();
        let lines = status.get("logs").and_then(Value::as_array).into_iter().flatten();
        let text = |line: &Value| line.get("message").and_then(Value::as_str).map(str::to_owned);
        lines.filter_map(text).collect()
    }

    /// The deliveries of its webhook that the platform has noted.
    #[must_use]
    #[track_caller]
    pub fn deliveries(&self) -> Vec<Value> {
        let webhook = self.record().get("webhook").cloned().unwrap_or_default();
        webhook.get("deliveries").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// The processes that got it, an attempt each.
    #[must_use]
    pub fn attempts(&self) -> Vec<u32> {
        self.platform.lab().attempts(&self.id)
    }

    /// Asserts how many attempts there were, in the runners' eyes and in the platform's.
    ///
    /// # Panics
    /// When there were more or fewer.
    #[track_caller]
    pub fn had_attempts(&self, attempts: usize) {
        assert_eq!(self.attempts().len(), attempts, "attempts that runners saw");
        let record = self.record();
        // One that found no slot after all was given back, and no runner had it.
        let had = |attempt: &&Value| attempt.get("runner_id").is_some_and(|id| !id.is_null());
        let known = record.get("history").and_then(Value::as_array);
        let known = known.map(|all| all.iter().filter(had).count());
        assert_eq!(known, Some(attempts), "attempts that the platform knows: {record}");
    }
}
