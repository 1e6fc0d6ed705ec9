//! Sessions in every shape.

use fal_app::{prelude::*, Message};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Word {
    word: String,
}

#[derive(Debug, thiserror::Error, AppError)]
enum WordError {
    #[error("the client has left")]
    #[status(499)]
    Left(#[from] fal_app::Left),
    #[error("the device is gone")]
    #[runner_broken]
    Broken(#[from] RunnerBroken),
}

type Said<T> = Result<T, WordError>;

#[fal_app]
#[derive(Debug)]
pub struct Words;

#[fal_app]
impl Words {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[realtime("/unary", buffering = 4, session_timeout = 60)]
    async fn unary(&self, word: Word, request: &Request) -> Result<Word, WordError> {
        drop(request.id());
        Ok(word)
    }

    #[realtime("/server")]
    async fn server(&self, word: Word) -> Said<EventStream<Word>> {
        Ok(EventStream::of([word]))
    }

    #[realtime("/client")]
    async fn client(&self, request: Request, mut words: Inputs<Word>) -> Result<Word, WordError> {
        drop(request);
        words.next().await.ok_or_else(|| RunnerBroken::declare("no word").into())
    }

    #[realtime("/bidi", buffering = 2)]
    async fn bidi(&self, words: fal_app::Inputs<Word>) -> Result<EventStream<Word>, WordError> {
        Ok(EventStream::new(words))
    }

    #[realtime("/together", max_batch_size = 4)]
    async fn together(&self, words: Vec<Word>) -> Result<Word, WordError> {
        words.into_iter().next().ok_or_else(|| RunnerBroken::declare("no word").into())
    }

    #[realtime("/together/many", buffering = 8, max_batch_size = 8)]
    async fn many(&self, words: std::vec::Vec<Word>) -> Said<EventStream<Word>> {
        Ok(EventStream::of(words))
    }

    #[cfg(any())]
    #[websocket("/debug")]
    async fn debug(&self, socket: WebSocket) -> ThereIsNoSuchType {
        drop(socket);
    }

    #[websocket("/raw")]
    async fn raw(&self, mut socket: WebSocket, request: &Request) -> Said<()> {
        socket.send(request.id().unwrap_or("nobody")).await?;
        while let Some(Message::Text(text)) = socket.recv().await {
            socket.send(text).await?;
        }
        socket.close(1000, "enough").await;
        Ok(())
    }
}

mod program {
    fal_app::main!(super::Words);
}

fn main() {}
