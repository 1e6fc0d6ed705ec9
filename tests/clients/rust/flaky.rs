//! A line that loses the answer of its first request.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, copy, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Stands before a platform. Of the first connection the answer is lost; all others are as they should be.
pub(super) struct Flaky {
    addr: SocketAddr,
    _task: JoinSet<io::Result<()>>,
}

impl Flaky {
    pub(super) async fn start(platform: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (first, _) = listener.accept().await?;
            lose(first, TcpStream::connect(platform).await?).await?;
            let mut connections = JoinSet::new();
            loop {
                let (mut ours, _) = listener.accept().await?;
                let mut theirs = TcpStream::connect(platform).await?;
                connections.spawn(async move { copy_bidirectional(&mut ours, &mut theirs).await });
            }
        });
        Ok(Self { addr, _task: task })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

/// Carries the request, waits for the answer, and hangs up.
async fn lose(ours: TcpStream, theirs: TcpStream) -> io::Result<()> {
    let (mut from_client, _to_client) = ours.into_split();
    let (mut from_platform, mut to_platform) = theirs.into_split();
    let mut begin = [0; 16];
    tokio::select! {
        carried = copy(&mut from_client, &mut to_platform) => carried.map(|_| ()),
        answered = from_platform.read_exact(&mut begin) => answered.map(|_| ()),
    }
}
