//! Every attribute at once.

use fal_app::prelude::*;

#[derive(Debug, Deserialize, JsonSchema)]
struct Input {
    prompt: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    text: String,
}

mod codes {
    pub const TEAPOT: u16 = 418;
}

#[derive(Debug, thiserror::Error)]
#[error("the model is gone")]
struct ModelError;

#[derive(Debug, thiserror::Error, AppError)]
enum PredictError {
    #[error("prompt is empty")]
    #[status(422)]
    EmptyPrompt,
    #[error("inference failed")]
    #[status(500)]
    Inference(#[source] ModelError),
    #[error("upstream timed out after {seconds} s")]
    #[status(504)]
    Upstream { seconds: u64 },
    #[error("busy")]
    #[status(429, needs_retry = true, type = "quota_exceeded")]
    Busy,
    #[error("a teapot")]
    #[status(codes::TEAPOT)]
    Teapot,
    #[error("the device is gone")]
    #[runner_broken]
    Gpu(#[from] RunnerBroken),
    #[error("the disk is gone")]
    #[runner_broken]
    Disk { proof: Box<RunnerBroken> },
}

#[fal_app(
    name = "hello",
    keep_alive = 60,
    min_concurrency = 0,
    max_concurrency = 4,
    concurrency_buffer = 1,
    scaling_delay = 2,
    max_multiplexing = 4,
    request_timeout = 30,
    startup_timeout = 600,
    termination_grace_period_seconds = 5,
    machine_type = "S",
    num_gpus = 0,
    skip_retry_conditions = ["timeout", "server_error", "connection_error"]
)]
#[derive(Debug)]
pub struct Hello {
    greeting: String,
}

#[fal_app]
impl Hello {
    const LONGEST: usize = 100;

    #[setup]
    async fn load(cx: &SetupContext) -> Result<Self, SetupError> {
        Ok(Self { greeting: cx.var("GREETING").unwrap_or("Hello").to_owned() })
    }

    #[endpoint("/")]
    pub async fn predict(&self, input: Input) -> Result<Output, PredictError> {
        match input.prompt.as_str() {
            "" => Err(PredictError::EmptyPrompt),
            "model" => Err(PredictError::Inference(ModelError)),
            "upstream" => Err(PredictError::Upstream { seconds: 5 }),
            "busy" => Err(PredictError::Busy),
            "teapot" => Err(PredictError::Teapot),
            "gpu" => Err(RunnerBroken::declare("asked for"))?,
            "disk" => Err(PredictError::Disk { proof: RunnerBroken::declare("asked for").into() }),
            prompt => Ok(Output { text: self.text(prompt) }),
        }
    }

    #[endpoint("/stream")]
    async fn stream(&self, input: Input) -> Result<EventStream<String>, PredictError> {
        Ok(EventStream::of(vec![self.text(&input.prompt)]))
    }

    #[cfg(any())]
    #[endpoint("/debug")]
    async fn debug(&self) -> Result<ThereIsNoSuchType, PredictError> {
        Ok(ThereIsNoSuchType)
    }

    fn text(&self, prompt: &str) -> String {
        format!("{}, {prompt:.*}!", self.greeting, Self::LONGEST)
    }

    #[health_check("/alive")]
    async fn healthy(&self) -> Result<(), Unhealthy> {
        Ok(())
    }

    #[teardown]
    async fn close(self) {
        drop(self.greeting);
    }
}

mod program {
    fal_app::main!(super::Hello);
}

fn main() {}
