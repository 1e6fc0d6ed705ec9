//! What the page on this client begins with. The tests run it, and hold the page to it.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for people")]

use fal_client::{Client, Error, Upload};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Input {
    prompt: String,
}

#[derive(Deserialize)]
struct Output {
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::var("FAL_SERVER_URL").unwrap_or("http://127.0.0.1:8080".to_owned());
    let client = Client::builder().base(&base).build()?;
    let input = |prompt: &str| Input { prompt: prompt.to_owned() };

    let output: Output = client.run("demo/hello", &input("you")).await?;
    println!("{}", output.text);

    // Queued: submit, follow, result.
    let output: Output = client.subscribe("demo/hello", &input("queue")).await?;
    println!("{}", output.text);

    let mut stream = client.stream::<_, Output>("demo/hello", &input("stream")).await?;
    while let Some(event) = stream.next().await {
        println!("{}", event?.text);
    }

    let note = Upload::bytes("some bytes", "text/plain").name("note.txt");
    let url = client.upload(note).await?;
    println!("{}", String::from_utf8_lossy(&client.download(&url, 1024).await?));

    // What went wrong is an error with what the app said.
    match client.run::<_, Output>("demo/hello", &input("")).await {
        Err(Error::App(refusal)) => println!("{} {}", refusal.reply.status(), refusal.detail),
        other => println!("{:?}", other.map(|output| output.text)),
    }
    Ok(())
}
