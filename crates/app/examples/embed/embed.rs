//! Sentence embeddings on the CPU: a real model, loaded and warmed up before the port opens.
//!
//! `POST / {"texts": ["a", "b"]}` answers `{"embeddings": [[..384 numbers]], "model": ".."}`; the
//! embeddings have length 1, so their dot product is the cosine of their angle.
//!
//! The weights of all-MiniLM-L6-v2 are not part of the program. `FAL_MODEL_DIR` names the folder
//! with `config.json`, `tokenizer.json` and `model.safetensors`; `cargo xtask weights minilm`
//! fetches it.

use std::sync::Arc;

use fal_app::prelude::*;
use tokio::task;

use crate::model::{LoadError, Model};

mod model;

/// What the model is called in answers.
const MODEL: &str = "all-MiniLM-L6-v2";

/// How many texts one call may bring: one batch that keeps a small machine busy for a second.
const MAX_TEXTS: usize = 128;

#[derive(Debug, Deserialize, JsonSchema)]
struct Input {
    texts: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    embeddings: Vec<Vec<f32>>,
    model: &'static str,
}

#[derive(Debug, thiserror::Error, AppError)]
enum EmbedError {
    #[error("texts is empty")]
    #[status(422)]
    NoTexts,
    #[error("at most {MAX_TEXTS} texts at once")]
    #[status(422)]
    TooManyTexts,
    #[error("the model failed")]
    #[status(500)]
    Model(#[from] model::Error),
    #[error("the model panicked")]
    #[status(500)]
    Panicked(#[from] task::JoinError),
}

#[fal_app(name = "embed", keep_alive = 300, startup_timeout = 120, request_timeout = 60)]
struct Embed {
    model: Arc<Model>,
}

#[fal_app]
impl Embed {
    #[setup]
    async fn setup(cx: &SetupContext) -> Result<Self, LoadError> {
        let model = Model::load(cx.var("FAL_MODEL_DIR"))?;
        // The first call pays for memory that later ones reuse: better now than with a caller.
        model.embed(&["warm up".to_owned()]).map_err(LoadError::WarmUp)?;
        Ok(Self { model: Arc::new(model) })
    }

    #[endpoint("/")]
    async fn embed(&self, input: Input) -> Result<Output, EmbedError> {
        match input.texts.len() {
            0 => return Err(EmbedError::NoTexts),
            1..=MAX_TEXTS => {}
            _ => return Err(EmbedError::TooManyTexts),
        }
        let model = Arc::clone(&self.model);
        // Arithmetic on a thread of its own leaves the runtime free to answer health checks.
        let embedded = task::spawn_blocking(move || model.embed(&input.texts)).await?;
        Ok(Output { embeddings: embedded?, model: MODEL })
    }
}

fal_app::main!(Embed);
