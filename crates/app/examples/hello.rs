//! The smallest app: greets, at once, word by word, or as often as one likes.
//!
//! ```sh
//! cargo run --example hello
//! curl localhost:8080/ -H 'content-type: application/json' -d '{"prompt": "you"}'
//! curl localhost:8080/stream -H 'content-type: application/json' -d '{"prompt": "all of you"}'
//! ```
//!
//! `/realtime` greets whoever opens a WebSocket, as often as they send `{"prompt": ..}` in msgpack.

use fal_app::prelude::*;

#[derive(Debug, Deserialize, JsonSchema)]
struct Input {
    prompt: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    text: String,
}

#[derive(Debug, thiserror::Error, AppError)]
enum HelloError {
    #[error("prompt is empty")]
    #[status(422)]
    EmptyPrompt,
}

#[fal_app(name = "hello", keep_alive = 60, max_multiplexing = 64)]
struct Hello {
    greeting: String,
}

#[fal_app]
impl Hello {
    #[setup]
    async fn setup(cx: &SetupContext) -> Result<Self, SetupError> {
        Ok(Self { greeting: cx.var("GREETING").unwrap_or("Hello").to_owned() })
    }

    #[endpoint("/")]
    async fn greet(&self, input: Input) -> Result<Output, HelloError> {
        if input.prompt.is_empty() {
            return Err(HelloError::EmptyPrompt);
        }
        Ok(Output { text: format!("{}, {}!", self.greeting, input.prompt) })
    }

    #[endpoint("/stream")]
    async fn stream(&self, input: Input) -> Result<EventStream<Output>, HelloError> {
        let greeting = self.greet(input).await?;
        let words: Vec<_> = greeting.text.split_inclusive(' ').map(str::to_owned).collect();
        Ok(EventStream::of(words.into_iter().map(|text| Output { text })))
    }

    #[realtime("/realtime")]
    async fn live(&self, input: Input) -> Result<Output, HelloError> {
        self.greet(input).await
    }
}

fal_app::main!(Hello);
