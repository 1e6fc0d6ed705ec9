//! A caller: one connection for each request, and what came back.

use bytes::Bytes;
use fal_access::Right;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::server::{BEGIN, Server};

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.status.as_u16() >= 400 && !self.body.is_empty() {
            assert!(self.json()["detail"].is_string(), "{}", self.json());
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A text of the JSON.
    #[track_caller]
    pub(crate) fn text(&self, key: &str) -> String {
        self.json()[key].as_str().unwrap_or_else(|| panic!("{key} of {}", self.json())).to_owned()
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A request to be.
pub(crate) struct Call<'a> {
    server: &'a Server,
    request: http::request::Builder,
    body: Bytes,
}

impl Server {
    /// `url` is absolute and of this server, or a path of it.
    pub(crate) fn call(&self, method: &str, url: &str) -> Call<'_> {
        let path = url.strip_prefix(&format!("http://{}", self.addr)).unwrap_or(url);
        let request = Request::builder().method(method).uri(path);
        Call { server: self, request, body: Bytes::new() }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.call("GET", url).send().await
    }

    /// A right to store objects, as a header has it.
    pub(crate) fn store_token(&self) -> String {
        format!("Bearer {}", self.tokens.mint(&Right::Store, BEGIN + 3600))
    }

    /// The URL of a new object.
    pub(crate) async fn stored(&self, name: &str, body: &[u8]) -> String {
        let call = self.call("POST", "/cdn/files/upload").with("x-fal-file-name", name);
        let call = call.with("authorization", &self.store_token());
        call.body(body).send().await.is(200).text("access_url")
    }
}

impl Call<'_> {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value.as_bytes());
        self
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = Bytes::copy_from_slice(body);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.with("content-type", "application/json").body(body.to_string().as_bytes())
    }

    pub(crate) async fn send(self) -> Answer {
        let mut request = self.request.body(Full::new(self.body)).unwrap();
        if !request.headers().contains_key("host") {
            let host = self.server.addr.to_string().parse().unwrap();
            request.headers_mut().insert("host", host);
        }
        let stream = TcpStream::connect(self.server.addr).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        Answer { status: head.status, headers: head.headers, body }
    }
}
