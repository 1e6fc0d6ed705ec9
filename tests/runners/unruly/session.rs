//! One session: what its messages ask for is done to whoever asked.

use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    process,
};

use serde_json::{Value, json};
use tungstenite::{
    Message, WebSocket,
    handshake::derive_accept_key,
    protocol::{CloseFrame, Role},
};

use crate::{Lab, answer, message::Request};

/// A connection of which some may have been read already.
struct Wire<'a> {
    input: BufReader<&'a TcpStream>,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&mut &**self.input.get_ref()).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Answers a handshake, and then messages until the session ends.
pub(crate) fn serve(
    request: &Request,
    input: BufReader<&TcpStream>,
    lab: &Lab,
) -> tungstenite::Result<()> {
    lab.journal.call(&json!({
        "pid": process::id(), "request_id": request.id(), "method": request.method,
        "path": request.path, "tag": null, "headers": request.headers,
    }))?;
    let mut wire = Wire { input };
    if let Some((_, status)) = request.path.split_once("/refuse/") {
        write!(wire, "HTTP/1.1 {status} As Asked\r\ncontent-length: 0\r\n\r\n")?;
        return Ok(());
    }
    if let Some((_, name)) = request.path.split_once("/hold/") {
        lab.journal.hold(name);
    }
    if request.path.ends_with("/deaf") {
        lab.journal.hold("never");
    }
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    let accept = derive_accept_key(header("sec-websocket-key").as_bytes());
    write!(wire, "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n")?;
    if let Some(first) = header("sec-websocket-protocol").split(',').find(|part| !part.is_empty()) {
        write!(wire, "sec-websocket-protocol: {}\r\n", first.trim())?;
    }
    write!(wire, "sec-websocket-accept: {accept}\r\n\r\n")?;
    let mut socket = WebSocket::from_raw_socket(wire, Role::Server, None);
    let usual = json!({
        "pid": process::id(), "port": lab.port, "request_id": request.id(),
        "path": request.path, "headers": request.headers,
    });
    socket.send(usual.to_string().into())?;
    loop {
        match socket.read()? {
            Message::Text(text) => {
                let orders = serde_json::from_str(&text).unwrap_or_default();
                if !obey(&orders, &mut socket, lab)? {
                    return Ok(());
                }
            }
            Message::Binary(bytes) => socket.send(Message::Binary(bytes))?,
            // Pings are answered, and closes returned, by the socket itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }
}

/// Whether the session goes on.
fn obey(orders: &Value, socket: &mut WebSocket<Wire<'_>>, lab: &Lab) -> tungstenite::Result<bool> {
    if let Some(text) = orders["say"].as_str() {
        socket.send(text.into())?;
    }
    for _ in 0..orders["flood"].as_u64().unwrap_or_default() {
        socket.send(vec![7; 64 * 1024].into())?;
    }
    if let Some(name) = orders["silent"].as_str() {
        lab.journal.hold(name);
        return Ok(false);
    }
    if orders["part"] == true {
        socket.get_mut().write_all(&[0x82, 100, 1, 2, 3])?;
    }
    if let Some(how) = orders["crash"].as_str() {
        answer::end(how);
    }
    if orders["drop"] == true {
        drop(socket.get_mut().input.get_ref().shutdown(Shutdown::Both));
        return Ok(false);
    }
    if let Some(code) = orders["close"].as_u64() {
        let code = u16::try_from(code).unwrap_or(1000).into();
        socket.close(Some(CloseFrame { code, reason: "as asked".into() }))?;
    }
    Ok(true)
}
