//! The app itself, which the tests of sessions ask too.

use std::{net::IpAddr, panic::resume_unwind};

use fal_app::{Left, Message, prelude::*};
use futures_util::stream;
use tokio::sync::Semaphore;

#[fal_app(name = "live-lab", max_multiplexing = 4, termination_grace_period_seconds = 4)]
#[derive(Debug)]
pub(crate) struct LiveLab {
    /// How many inputs have been begun and not counted.
    pub(crate) begun: Semaphore,
    /// How many inputs may go on.
    pub(crate) gate: Semaphore,
    /// How many sessions were dropped in the middle of an input.
    pub(crate) dropped: Semaphore,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Input {
    pub(crate) text: String,
    #[serde(default)]
    fail: Option<Fail>,
    /// Goes into the answer as it is.
    #[serde(default)]
    bytes: Vec<u8>,
    #[serde(default)]
    address: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Fail {
    Error,
    Panic,
    Broken,
    /// With an output that cannot be written.
    Infinite,
    /// With an output that is no map.
    List,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Output {
    Said { text: String, request: Option<String>, bytes: usize, address: Option<IpAddr> },
    Unwritable(Unwritable),
    List(Vec<u8>),
}

#[derive(Debug, JsonSchema)]
pub(crate) struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("as asked"))
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Number {
    pub(crate) number: u64,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Text {
    pub(crate) text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Texts {
    texts: Vec<String>,
}

#[derive(Debug, thiserror::Error, AppError)]
pub(crate) enum Fault {
    #[error("as asked")]
    #[status(422)]
    Asked,
    #[error(transparent)]
    #[status(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("the client has left")]
    #[status(499)]
    Left(#[from] Left),
    #[error("the device is gone")]
    #[runner_broken]
    Broken(#[from] RunnerBroken),
}

#[fal_app]
impl LiveLab {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        let none = || Semaphore::new(0);
        Ok(Self { begun: none(), gate: none(), dropped: none() })
    }

    #[endpoint("/open")]
    async fn open(&self, number: usize) -> Result<(), Fault> {
        self.gate.add_permits(number);
        Ok(())
    }

    /// Says what it hears.
    #[realtime("/realtime", session_timeout = 30)]
    async fn live(&self, input: Input, request: &Request) -> Result<Output, Fault> {
        match input.fail {
            None => {}
            Some(Fail::Error) => return Err(Fault::Asked),
            Some(Fail::Panic) => resume_unwind(Box::new("as asked")),
            Some(Fail::Broken) => return Err(RunnerBroken::declare("as asked").into()),
            Some(Fail::Infinite) => return Ok(Output::Unwritable(Unwritable)),
            Some(Fail::List) => return Ok(Output::List(vec![1])),
        }
        let (request, bytes) = (request.id().map(str::to_owned), input.bytes.len());
        Ok(Output::Said { text: input.text, request, bytes, address: input.address })
    }

    #[realtime("/count")]
    async fn count(&self, to: Number) -> Result<EventStream<Number>, Fault> {
        Ok(EventStream::of((0..to.number).map(|number| Number { number })))
    }

    #[realtime("/sum", session_timeout = 5)]
    async fn sum(&self, mut numbers: Inputs<Number>) -> Result<Number, Fault> {
        let mut sum = 0;
        while let Some(Number { number }) = numbers.next().await {
            sum += number;
        }
        Ok(Number { number: sum })
    }

    #[realtime("/chat")]
    async fn chat(&self, texts: Inputs<Text>) -> Result<EventStream<Text>, Fault> {
        Ok(EventStream::new(stream::unfold(texts, async |mut texts| {
            let Text { text } = texts.next().await.filter(|said| said.text != "bye")?;
            Some((Text { text: text.chars().rev().collect() }, texts))
        })))
    }

    #[realtime("/gated", session_timeout = 30)]
    async fn gated(&self, input: Input, request: &Request) -> Result<Text, Fault> {
        request.until_cancelled(self.pass()).await?;
        Ok(Text { text: input.text })
    }

    #[realtime("/latest", buffering = 2)]
    async fn latest(&self, input: Input) -> Result<Text, Fault> {
        self.pass().await;
        Ok(Text { text: input.text })
    }

    #[realtime("/together", max_batch_size = 4)]
    async fn together(&self, inputs: Vec<Input>) -> Result<Texts, Fault> {
        self.pass().await;
        Ok(Texts { texts: inputs.into_iter().map(|input| input.text).collect() })
    }

    #[websocket("/raw")]
    async fn raw(&self, mut socket: WebSocket, request: &Request) -> Result<(), Fault> {
        while let Some(message) = socket.recv().await {
            match message {
                Message::Text(text) if text == "bye" => {
                    socket.close(4000, "as asked").await;
                    break;
                }
                Message::Text(text) if text == "fail" => return Err(Fault::Asked),
                Message::Text(text) if text == "panic" => resume_unwind(Box::new("as asked")),
                Message::Text(text) if text == "broken" => {
                    return Err(RunnerBroken::declare("as asked").into());
                }
                Message::Text(text) if text == "id" => {
                    socket.send(request.id().unwrap_or_default()).await?;
                }
                Message::Text(text) if text == "done" => break,
                said @ (Message::Text(_) | Message::Binary(_)) => socket.send(said).await?,
            }
        }
        Ok(())
    }

    /// Waits for the gate, and notes whether it was dropped before.
    async fn pass(&self) {
        let noted = Noted { dropped: &self.dropped, is_done: false };
        self.begun.add_permits(1);
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
        noted.done();
    }
}

struct Noted<'s> {
    dropped: &'s Semaphore,
    is_done: bool,
}

impl Noted<'_> {
    fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.dropped.add_permits(1);
        }
    }
}
