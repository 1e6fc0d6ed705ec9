//! What a realtime endpoint takes and returns: a map in msgpack for each message.

use std::{fmt, pin::Pin};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    describe::openapi::Schemas,
    endpoint::{event_stream::EventStream, inputs::Inputs},
    session::waiting::Taking,
    validation::Invalid,
};

mod msgpack;

pub(crate) use self::msgpack::write;

/// A type that a realtime endpoint can take as its input: every type with `Deserialize` and
/// `JsonSchema`, and [`Inputs`] of one.
#[diagnostic::on_unimplemented(
    message = "a realtime endpoint cannot take `{Self}`: its input must be plain data",
    label = "not the input of a realtime endpoint",
    note = "put `#[derive(Deserialize, JsonSchema)]` on it: the one reads a message's msgpack, the \
            other describes it in /openapi.json",
    note = "for all inputs of a session take `Inputs<Input>`, for its headers take `request: &Request`"
)]
pub trait RealtimeInput: Sized + Send + 'static {
    /// What one message holds.
    type Item: DeserializeOwned + JsonSchema + Send + 'static;

    /// Whether it holds all messages of a session.
    const IS_STREAM: bool;

    /// The next argument of the endpoint; `None` when the session has no more.
    fn next(inputs: &mut Option<Taking<Self::Item>>) -> impl Future<Output = Option<Self>> + Send;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> RealtimeInput for T {
    type Item = T;

    const IS_STREAM: bool = false;

    async fn next(inputs: &mut Option<Taking<T>>) -> Option<Self> {
        inputs.as_mut()?.next().await
    }
}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> RealtimeInput for Inputs<T> {
    type Item = T;

    const IS_STREAM: bool = true;

    async fn next(inputs: &mut Option<Taking<T>>) -> Option<Self> {
        inputs.take().map(Self::new)
    }
}

/// Inputs that are answered together: what waits, up to `max_batch_size`.
#[derive(Debug)]
pub struct Batch<T>(pub(crate) Vec<T>);

impl<T: DeserializeOwned + JsonSchema + Send + 'static> RealtimeInput for Batch<T> {
    type Item = T;

    const IS_STREAM: bool = false;

    async fn next(inputs: &mut Option<Taking<T>>) -> Option<Self> {
        let inputs = inputs.as_mut()?;
        let first = inputs.next().await?;
        Some(Self(inputs.with_others(first)))
    }
}

/// A type that a realtime endpoint can return: every type with `Serialize` and `JsonSchema`, and
/// [`EventStream`] of one.
#[diagnostic::on_unimplemented(
    message = "a realtime endpoint cannot return `{Self}`: it must be plain data",
    label = "not the output of a realtime endpoint",
    note = "put `#[derive(Serialize, JsonSchema)]` on it: the one writes a message's msgpack, the \
            other describes it in /openapi.json",
    note = "to answer with many messages return an `EventStream<Output>`"
)]
pub trait RealtimeOutput: Send + 'static {
    /// Whether it is many messages.
    const IS_STREAM: bool;

    /// It as messages.
    fn messages(self) -> Messages;

    /// What one message holds.
    fn schema(schemas: &mut Schemas) -> Value;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema + Send + 'static> RealtimeOutput for T {
    const IS_STREAM: bool = false;

    fn messages(self) -> Messages {
        Messages(Kind::One(Some(write(&self))))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.of::<T>()
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> RealtimeOutput for EventStream<T> {
    const IS_STREAM: bool = true;

    fn messages(self) -> Messages {
        Messages(Kind::Many(Box::pin(self.values.map(|value| write(&value)))))
    }

    fn schema(schemas: &mut Schemas) -> Value {
        schemas.of::<T>()
    }
}

/// The messages that answer an input, each as it goes over the wire.
pub struct Messages(Kind);

type Written = Result<Bytes, Unwritten>;

enum Kind {
    One(Option<Written>),
    Many(Pin<Box<dyn Stream<Item = Written> + Send>>),
}

impl Messages {
    pub(crate) async fn next(&mut self) -> Option<Written> {
        match &mut self.0 {
            Kind::One(message) => message.take(),
            Kind::Many(messages) => messages.next().await,
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

/// Why an output is no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    #[error("the output could not be serialised")]
    Msgpack(#[from] rmp_serde::encode::Error),
    #[error("an output is a map, as of a struct, and this one is none")]
    NoMap,
}

/// Why a message is no input.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("a message is a map in msgpack, and this one is none")]
    NoMap,
    #[error("the message is no msgpack: {0}")]
    NoMsgpack(String),
    #[error("the message goes on after its map")]
    Longer,
    #[error("{0}")]
    Unfit(Invalid),
}

/// Reads a message.
pub(crate) fn read<T: DeserializeOwned>(message: &[u8]) -> Result<T, Unread> {
    msgpack::read(message)
}
