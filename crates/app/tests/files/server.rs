//! A server that answers its requests with bytes, one after another, and remembers them.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A request as it came, with its body.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) url: String,
    answers: Answers,
    seen: All,
    _tasks: JoinSet<()>,
}

impl Server {
    /// One that answers with these, each on a connection that it closes then.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let seen = Arc::default();
        let mut tasks = JoinSet::new();
        let shared = (Arc::clone(&answers), Arc::clone(&seen));
        tasks.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, &shared).await;
            }
        });
        Self { url, answers, seen, _tasks: tasks }
    }

    pub(crate) fn say(&self, answer: Vec<u8>) {
        self.answers.lock().push_back(answer);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

type Answers = Arc<Mutex<VecDeque<Vec<u8>>>>;
type All = Arc<Mutex<Vec<Seen>>>;

async fn serve(stream: TcpStream, (answers, all): &(Answers, All)) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap() == 0 {
            return;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    all.lock().push(Seen { head, body });
    let answer = answers.lock().pop_front().unwrap_or_else(|| answer(418, &[], ""));
    // Whoever asked may have had enough of it.
    let _gone = stream.get_mut().write_all(&answer).await;
}

/// A whole answer.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text =
        format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// One whose length is told chunk by chunk, and whose end is missing.
pub(crate) fn endless(body: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{body}\r\n", body.len()).into_bytes()
}
