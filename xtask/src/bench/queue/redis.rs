//! A Redis that writes and flushes each change before it answers.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use anyhow::{Result, bail};

use super::started;
use crate::cmd::{self, Running};

/// A server with nothing in it.
pub(super) struct Redis {
    _running: Running,
    pub(super) port: u16,
}

impl Redis {
    pub(super) fn start(home: &Path) -> Result<Self> {
        if !cmd::exists("redis-server") {
            bail!("redis-server is not here (to get it: apt-get install redis-server)");
        }
        let (port, dir) = (started::free_port()?, started::emptied(home.join("redis"))?);
        let log = dir.join("log");
        let server = started::held("redis-server", "TERM").args(["--bind", "127.0.0.1", "--port"]);
        let server = server.arg(port.to_string()).arg("--dir").arg(&dir);
        let server = server.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        let server = server.args(["--maxmemory-policy", "noeviction", "--logfile"]).arg(&log);
        let mut running = server.start()?;
        started::wait(&mut running, || answers(port).is_ok_and(|answers| answers), &log)?;
        Ok(Self { _running: running, port })
    }
}

fn answers(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG")
}
