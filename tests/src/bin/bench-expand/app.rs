//! The source of an app as large as apps get.

use std::fmt::Write;

/// How many endpoints it has.
pub(crate) const ENDPOINTS: usize = 50;

/// What stands in the attribute on the struct.
pub(crate) const ARGUMENTS: &str = r#"
    name = "tasks", keep_alive = 300, min_concurrency = 1, max_concurrency = 4, max_multiplexing = 8,
    request_timeout = 60, startup_timeout = 600, machine_type = "GPU-A100", num_gpus = 1,
    skip_retry_conditions = ["timeout"]
"#;

pub(crate) const STRUCT: &str = "
/// An app of many tasks.
struct Tasks {
    /// How many words a prompt may have, where the request does not say it.
    limit: usize,
    greeting: String,
}
";

pub(crate) const ERROR: &str = r#"
/// Why a task did not get done.
#[derive(Debug, thiserror::Error, AppError)]
enum TaskError {
    /// Nothing to do.
    #[error("prompt is empty")]
    #[status(422)]
    EmptyPrompt,
    /// More than the request's limit, or the app's.
    #[error("prompt has more than {limit} words")]
    #[status(413, type = "too_long")]
    TooLong { limit: usize },
    /// A seed is part of a cycle that has ended.
    #[error("seed {0} is used up")]
    #[status(409)]
    SeedUsed(u64),
    #[error("no such style: {0}")]
    #[status(404, type = "no_style")]
    NoStyle(String),
    #[error("this style is not for everyone")]
    #[status(403)]
    Forbidden,
    #[error("the budget of this caller is spent")]
    #[status(402, type = "quota_exceeded")]
    Spent,
    #[error("too many at once")]
    #[status(429)]
    Busy,
    #[error("what this needs did not answer")]
    #[status(500, needs_retry = true)]
    Upstream(#[source] std::io::Error),
    #[error("the result is no number")]
    #[status(500, needs_retry = false)]
    NotANumber,
    /// The device is gone, and this process cannot get it back.
    #[error("the device is gone")]
    #[runner_broken]
    Device(RunnerBroken),
}
"#;

const SETUP: &str = r#"
    /// Reads what the app was started with.
    #[setup]
    async fn setup(cx: &SetupContext) -> Result<Self, SetupError> {
        let limit = cx.var("LIMIT").map_or(Ok(100), str::parse)?;
        Ok(Self { limit, greeting: cx.var("GREETING").unwrap_or("Hello").to_owned() })
    }
"#;

const REST: &str = r#"
    /// What several tasks do first.
    fn words<'p>(&self, prompt: &'p str, limit: Option<usize>) -> Result<Vec<&'p str>, TaskError> {
        let words: Vec<_> = prompt.split_whitespace().collect();
        let limit = limit.unwrap_or(self.limit);
        if words.is_empty() {
            return Err(TaskError::EmptyPrompt);
        }
        if words.len() > limit { Err(TaskError::TooLong { limit }) } else { Ok(words) }
    }

    #[health_check]
    async fn healthy(&self) -> Result<(), Unhealthy> {
        if self.limit > 0 { Ok(()) } else { Err(Unhealthy::new("nothing is allowed")) }
    }

    #[teardown]
    async fn close(self) {
        drop(self.greeting);
    }
"#;

const TYPES: &str = "
/// What task NUMBER is to do.
#[derive(Debug, Deserialize, JsonSchema)]
struct InputNUMBER {
    /// What it is about.
    prompt: String,
    /// How many words are too many.
    limit: Option<usize>,
    #[serde(default)]
    seed: u64,
}

/// What came of task NUMBER.
#[derive(Debug, Serialize, JsonSchema)]
struct OutputNUMBER {
    text: String,
    /// Seed of the next one.
    seed: u64,
}
";

/// Endpoints take turns between these.
const BODIES: [&str; 3] = [
    r#"
    /// Says every word of the prompt louder.
    ///
    /// What is too long is refused as a whole: half a prompt has another meaning.
    #[endpoint("/task/NUMBER")]
    async fn task_NUMBER(&self, input: InputNUMBER) -> Result<OutputNUMBER, TaskError> {
        let words = self.words(&input.prompt, input.limit)?;
        let mut text = String::with_capacity(input.prompt.len());
        for (place, word) in words.iter().enumerate() {
            if place > 0 {
                text.push(' ');
            }
            text.push_str(&word.to_uppercase());
        }
        let seed = input.seed.checked_add(1).ok_or(TaskError::SeedUsed(input.seed))?;
        Ok(OutputNUMBER { text, seed })
    }
"#,
    r#"
    /// Answers word by word.
    #[endpoint("/task/NUMBER")]
    async fn task_NUMBER(&self, input: InputNUMBER) -> Result<EventStream<OutputNUMBER>, TaskError> {
        let words = self.words(&input.prompt, input.limit)?;
        let mut outputs = Vec::new();
        for (word, seed) in words.into_iter().zip(input.seed..) {
            let text = match word.len() {
                0..3 => word.to_owned(),
                3..9 => format!("{word}, {}!", self.greeting),
                _ => return Err(TaskError::NoStyle(word.to_owned())),
            };
            outputs.push(OutputNUMBER { text, seed });
        }
        Ok(EventStream::of(outputs))
    }
"#,
    r#"
    /// Adds up the numbers of a prompt, away from the other requests.
    #[endpoint("/task/NUMBER")]
    async fn task_NUMBER(&self, input: InputNUMBER) -> Result<OutputNUMBER, TaskError> {
        let limit = input.limit.unwrap_or(self.limit);
        let sum = move |prompt: &str| {
            let numbers = prompt.split(',').take(limit).map(|word| word.trim().parse::<f64>());
            numbers.sum::<Result<f64, _>>().map_err(|_| TaskError::NotANumber)
        };
        let prompt = input.prompt.clone();
        let counted = std::thread::spawn(move || sum(&prompt)).join();
        let total = match counted {
            Ok(total) => total?,
            Err(_panicked) => return Err(TaskError::Busy),
        };
        Ok(OutputNUMBER { text: format!("{}, {total:.2}!", self.greeting), seed: input.seed })
    }
"#,
];

/// The block that wires the app.
pub(crate) fn wiring() -> String {
    let mut text = format!("impl Tasks {{{SETUP}");
    for (number, body) in (0..ENDPOINTS).zip(BODIES.iter().cycle()) {
        text.push_str(&body.replace("NUMBER", &number.to_string()));
    }
    text.push_str(REST);
    text.push_str("}\n");
    text
}

/// All of it, as its author would write it.
pub(crate) fn file() -> Result<String, std::fmt::Error> {
    let mut text = String::from("//! An app of many tasks.\n\nuse fal_app::prelude::*;\n");
    for number in 0..ENDPOINTS {
        text.push_str(&TYPES.replace("NUMBER", &number.to_string()));
    }
    write!(text, "{ERROR}\n#[fal_app({ARGUMENTS})]{STRUCT}\n#[fal_app]\n{}", wiring())?;
    text.push_str("\nfal_app::main!(Tasks);\n");
    Ok(text)
}
