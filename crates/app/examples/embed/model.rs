//! MiniLM: a small BERT whose mean token vector is the meaning of a sentence.

use std::{fs, io, path::Path};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

/// How many tokens of a text count; the model was trained on no more.
const MAX_TOKENS: usize = 256;

/// A loaded model.
pub(crate) struct Model {
    bert: BertModel,
    tokenizer: Tokenizer,
}

/// Why the model is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("no weights: run `cargo xtask weights minilm`, or set FAL_MODEL_DIR to their folder")]
    NoWeights,
    #[error(
        "cannot read {file} ({error}): run `cargo xtask weights minilm`, or correct FAL_MODEL_DIR"
    )]
    Read { file: String, error: io::Error },
    #[error("config.json is not a BERT's: {0}")]
    Config(serde_json::Error),
    #[error("tokenizer.json is unusable: {0}")]
    Tokenizer(tokenizers::Error),
    #[error("model.safetensors is unusable: {0}")]
    Weights(candle_core::Error),
    #[error("the model does not run: {0}")]
    WarmUp(Error),
}

/// Why a text has no embedding.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("a text could not be split into tokens: {0}")]
    Tokens(tokenizers::Error),
    #[error("the arithmetic failed: {0}")]
    Arithmetic(#[from] candle_core::Error),
}

impl Model {
    /// Loads the model from a folder.
    pub(crate) fn load(folder: Option<&str>) -> Result<Self, LoadError> {
        let folder = Path::new(folder.ok_or(LoadError::NoWeights)?);
        let config: Config =
            serde_json::from_slice(&read(folder, "config.json")?).map_err(LoadError::Config)?;
        let mut tokenizer =
            Tokenizer::from_bytes(read(folder, "tokenizer.json")?).map_err(LoadError::Tokenizer)?;
        let truncation = TruncationParams { max_length: MAX_TOKENS, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(LoadError::Tokenizer)?;
        tokenizer.with_padding(Some(PaddingParams::default()));
        let weights = read(folder, "model.safetensors")?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)
            .map_err(LoadError::Weights)?;
        let bert = BertModel::load(weights, &config).map_err(LoadError::Weights)?;
        Ok(Self { bert, tokenizer })
    }

    /// One vector of length 1 per text.
    pub(crate) fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Error> {
        let encoded = self.tokenizer.encode_batch(texts.to_vec(), true).map_err(Error::Tokens)?;
        let tensor = |rows: Vec<&[u32]>| {
            let rows: Result<Vec<_>, _> =
                rows.into_iter().map(|row| Tensor::new(row, &Device::Cpu)).collect();
            Tensor::stack(&rows?, 0)
        };
        let tokens = tensor(encoded.iter().map(|text| text.get_ids()).collect())?;
        let mask = tensor(encoded.iter().map(|text| text.get_attention_mask()).collect())?;
        let hidden = self.bert.forward(&tokens, &tokens.zeros_like()?, Some(&mask))?;
        Ok(normalised(&mean(&hidden, &mask)?)?.to_vec2()?)
    }
}

/// The mean of each text's token vectors, without those that only fill the batch up.
fn mean(hidden: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
    let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
    let sum = hidden.broadcast_mul(&mask)?.sum(1)?;
    sum.broadcast_div(&mask.sum(1)?)
}

fn normalised(vectors: &Tensor) -> candle_core::Result<Tensor> {
    vectors.broadcast_div(&vectors.sqr()?.sum_keepdim(1)?.sqrt()?)
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, LoadError> {
    let file = folder.join(name);
    fs::read(&file).map_err(|error| LoadError::Read { file: file.display().to_string(), error })
}
