//! Puts a request into an app's queue, tells of its way, and prints its output.
//!
//! ```sh
//! cargo run -p fal-client --example ask http://127.0.0.1:8080 demo/hello '{"prompt": "you"}'
//! ```
//!
//! `FAL_KEY` is the key, where the platform wants one.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to look at")]

use std::process::ExitCode;

use fal_client::{Client, Error, Follow, SetupError, State, Status};
use serde_json::Value;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [base, app, input] = words.as_slice() else {
        eprintln!("BASE APP INPUT: where, which, and its input as JSON");
        return ExitCode::from(2);
    };
    let client = match client(base) {
        Ok(client) => client,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    match ask(&client, app, input).await {
        Ok(output) => {
            println!("{output:#}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error} (request {})", error.request_id().unwrap_or("unknown"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a program may be told its key so")]
fn client(base: &str) -> Result<Client, SetupError> {
    let builder = Client::builder().base(base);
    match std::env::var("FAL_KEY") {
        Ok(key) => builder.key(key).build(),
        Err(_unset) => builder.build(),
    }
}

async fn ask(client: &Client, app: &str, input: &str) -> Result<Value, Error> {
    // What is no JSON is a text.
    let input = serde_json::from_str(input).unwrap_or_else(|_| Value::String(input.to_owned()));
    let call = client.queued(app).follow(Follow::streaming().with_logs());
    call.subscribe(&input, tell).await
}

fn tell(status: &Status) {
    match &status.state {
        State::InQueue { position } => println!("waits, {} ahead", position.unwrap_or_default()),
        State::InProgress => println!("runs"),
        State::Completed(ended) => println!("is over, after {:?}", ended.inference_time),
        State::Other(word) => println!("{word}"),
    }
    for line in &status.logs {
        println!("| {}", line.message);
    }
}
