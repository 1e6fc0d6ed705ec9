//! Errors that carry errors, to any depth, and generic ones.

use std::fmt::Debug;

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
enum Upstream {
    #[error("upstream is slow")]
    #[status(504)]
    Slow,
    #[error("upstream sent nonsense")]
    #[status(502, type = "downstream_service_error", stop_runner = false)]
    Nonsense,
}

#[derive(Debug, thiserror::Error, AppError)]
#[error(transparent)]
#[status(transparent)]
struct Wrapped(#[from] Upstream);

#[derive(Debug, thiserror::Error, AppError)]
enum PredictError<M: std::error::Error + Send + Debug + 'static> {
    #[error(transparent)]
    #[status(transparent)]
    Upstream(#[from] Wrapped),
    #[error("boxed")]
    #[status(transparent)]
    Boxed { source: Box<Upstream> },
    #[error("inference failed")]
    #[status(500)]
    Model(#[source] M),
    #[error("poisoned")]
    #[runner_broken]
    Poisoned(#[source] RunnerBroken),
}

#[derive(Debug, thiserror::Error, AppError)]
enum Generic<E: fal_app::EndpointError> {
    #[error(transparent)]
    #[status(transparent)]
    Inner(E),
}

#[derive(Debug, thiserror::Error, AppError)]
enum Limited<const N: usize> {
    #[error("more than {N}")]
    #[status(413)]
    TooLong,
    #[error(transparent)]
    #[status(transparent)]
    Upstream(Upstream),
    #[error(transparent)]
    #[status(transparent)]
    Smaller(Box<Smaller<N>>),
}

#[derive(Debug, thiserror::Error, AppError)]
#[error("more than {N}")]
#[status(413)]
struct Smaller<const N: usize>;

#[fal_app]
struct Hello {
    model: std::sync::Mutex<u32>,
}

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self { model: 0.into() })
    }

    #[endpoint("/")]
    async fn predict(&self, prompt: String) -> Result<u32, PredictError<std::fmt::Error>> {
        let poisoned = |error| PredictError::Poisoned(RunnerBroken::from(error));
        match prompt.as_str() {
            "slow" => Err(Wrapped(Upstream::Slow))?,
            "nonsense" => Err(PredictError::Boxed { source: Upstream::Nonsense.into() }),
            "model" => Err(PredictError::Model(std::fmt::Error)),
            _ => self.model.lock().map(|model| *model).map_err(poisoned),
        }
    }

    #[endpoint("/generic")]
    async fn generic(&self) -> Result<u32, Generic<Upstream>> {
        Err(Generic::Inner(Upstream::Slow))
    }

    #[endpoint("/sized")]
    async fn sized(&self, prompt: String) -> Result<u32, Limited<8>> {
        match prompt.len() {
            0 => Err(Limited::Upstream(Upstream::Slow)),
            8 => Err(Limited::Smaller(Box::new(Smaller))),
            9.. => Err(Limited::TooLong),
            _ => Ok(1),
        }
    }
}

fn main() {}
