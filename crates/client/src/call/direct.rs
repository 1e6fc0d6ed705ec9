//! Calls that wait for their app, and streams.

use http::{HeaderValue, Method, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    call::Call,
    content::Outgoing,
    error::{BadCall, Error},
    reply::{Answer, Reply},
    retries::Repeat,
    stream::EventStream,
    transport::within,
};

/// Said of a call that goes to a runner at once, and is answered by it.
#[derive(Debug, Clone)]
pub struct Direct {
    method: Method,
}

impl Default for Direct {
    fn default() -> Self {
        Self { method: Method::POST }
    }
}

impl Call<Direct> {
    /// Another method than POST. A GET or HEAD has no body: its input, an object of texts, numbers and truths, stands
    /// in the URL, and `&()` is nothing.
    pub fn method(mut self, method: Method) -> Self {
        self.kind.method = method;
        self
    }

    /// Makes the call and waits for its output.
    ///
    /// It is never repeated, except where there was no connection to send it on.
    ///
    /// # Errors
    /// Everything that [`Error`] lists.
    pub async fn run<I, O>(self, input: &I) -> Result<O, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        Ok(self.answer(input).await?.output)
    }

    /// The same, with the answer that the output stood in: its request id, its headers.
    ///
    /// # Errors
    /// Everything that [`Error`] lists.
    pub async fn answer<I, O>(self, input: &I) -> Result<Answer<O>, Error>
    where
        I: Serialize + ?Sized,
        O: DeserializeOwned,
    {
        self.reply(input).await?.into_answer()
    }

    /// The same, as it came, for an app that answers something else than JSON.
    ///
    /// # Errors
    /// Everything that [`Error`] lists but [`Error::Decode`].
    pub async fn reply<I: Serialize + ?Sized>(mut self, input: &I) -> Result<Reply, Error> {
        let outgoing = self.outgoing(input)?;
        let bounds = self.client.bounds(None);
        //= docs/contract.md#rust-client-retries
        //# A direct call MUST NOT be sent again unless nothing of it was sent.
        let answered = self.client.exchange(&outgoing, Repeat::Unsent, bounds);
        within(self.timeout, answered).await?
    }

    /// Makes the call and gives the events of its answer as they come. Where no [`path`](Self::path) was said, it is
    /// `/stream`.
    ///
    /// # Errors
    /// Everything that [`Error`] lists, and [`Error::NotAStream`] where the answer is none.
    pub async fn stream<I, E>(mut self, input: &I) -> Result<EventStream<E>, Error>
    where
        I: Serialize + ?Sized,
        E: DeserializeOwned,
    {
        self.path.get_or_insert_with(|| "/stream".to_owned());
        let mut outgoing = self.outgoing(input)?;
        outgoing.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        outgoing.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let answered = self.client.open(&outgoing, Repeat::Unsent, None);
        let answer = within(self.timeout, answered).await??;
        Ok(EventStream::new(answer, self.client.bounds(None).length))
    }

    fn outgoing<I: Serialize + ?Sized>(&mut self, input: &I) -> Result<Outgoing, Error> {
        let has_body = ![Method::GET, Method::HEAD].contains(&self.kind.method);
        let query = if has_body { Vec::new() } else { query(input)? };
        let query: Vec<_> =
            query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let place = self.client.inner.places.run.clone();
        let (_app, mut outgoing) = self.begin(&place, &query)?;
        outgoing.method = self.kind.method.clone();
        if has_body { outgoing.json(input) } else { Ok(outgoing) }
    }
}

fn query<I: Serialize + ?Sized>(input: &I) -> Result<Vec<(String, String)>, BadCall> {
    let object = match serde_json::to_value(input).map_err(BadCall::Input)? {
        Value::Null => return Ok(Vec::new()),
        Value::Object(object) => object,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(BadCall::Query);
        }
    };
    let parts = object.into_iter().filter(|(_, value)| !value.is_null());
    let text = |value| match value {
        Value::String(text) => Ok(text),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(BadCall::Query),
    };
    parts.map(|(name, value)| Ok((name, text(value)?))).collect()
}
