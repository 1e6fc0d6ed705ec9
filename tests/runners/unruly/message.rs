//! Reading requests, and writing answers without a thought for their truth.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read},
    net::TcpStream,
};

/// A request, its header names in lower case.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The next request of a connection; none at its end.
    pub(crate) fn read(input: &mut BufReader<&TcpStream>) -> Option<Self> {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let body = body(&headers, input).ok()?;
        Some(Self { method, path, headers, body })
    }

    pub(crate) fn id(&self) -> &str {
        self.headers.get("x-fal-request-id").map_or("", String::as_str)
    }
}

fn body(
    headers: &BTreeMap<String, String>,
    input: &mut BufReader<&TcpStream>,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if let Some(length) = headers.get("content-length").and_then(|length| length.parse().ok()) {
        body.resize(length, 0);
        input.read_exact(&mut body)?;
    } else if headers.contains_key("transfer-encoding") {
        while let Some(chunk) = chunk(input)? {
            body.extend_from_slice(&chunk);
        }
    }
    Ok(body)
}

fn chunk(input: &mut BufReader<&TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
    let mut data = vec![0; size + 2];
    input.read_exact(&mut data)?;
    data.truncate(size);
    Ok((size > 0).then_some(data))
}
