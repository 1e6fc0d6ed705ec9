//! Fetching what strangers name.

use std::time::Duration;

use crate::{
    BadCall, Client, Error, Reach, TransportError,
    tests::{
        AT_ONCE, client,
        server::{self, Say, Server},
    },
};

/// Where a redirect leads.
fn moved(to: &str) -> Say {
    server::with(302, &[("location", to)], "")
}

fn chunked(chunks: &[&str], end: &str) -> Say {
    let mut text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    for chunk in chunks {
        text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    text.push_str(end);
    Say::Last(text.into_bytes())
}

/// Everything that ends a fetch, in one result.
async fn whole(fetch: crate::Fetch) -> Result<String, Error> {
    let bytes = fetch.send().await?.bytes().await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[track_caller]
fn is_out_of_reach(result: &Result<String, Error>) {
    assert!(
        matches!(result, Err(Error::Transport(TransportError::OutOfReach { .. }))),
        "{result:?}"
    );
}

#[tokio::test]
async fn it_comes_bit_by_bit_and_without_the_key() {
    let kind = ("content-type", "image/png");
    let server =
        Server::start([server::with(200, &[kind], "meow"), chunked(&["me", "ow"], "0\r\n\r\n")])
            .await;
    let url = format!("{}/cat.png?x=1", server.url());
    let mut fetched = client(&server).fetch(&url).limit(4).send().await.unwrap();
    assert_eq!((fetched.content_type(), fetched.left()), (Some("image/png"), Some(4)));
    assert_eq!(fetched.chunk().await.unwrap().unwrap(), "meow");
    assert!(fetched.chunk().await.unwrap().is_none());
    let fetched = client(&server).fetch(&url).limit(4).send().await.unwrap();
    assert_eq!((fetched.content_type(), fetched.left()), (None, None));
    assert_eq!(fetched.bytes().await.unwrap(), "meow");
    let seen = server.seen();
    assert_eq!(seen[0].target, "/cat.png?x=1");
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn what_is_longer_than_the_limit_is_not_taken() {
    let server = Server::start([
        server::with(200, &[], "meow!"),
        chunked(&["me", "ow!"], "0\r\n\r\n"),
        chunked(&["me", "ow!"], ""),
    ])
    .await;
    for _ in 0..3 {
        let result = whole(client(&server).fetch(&server.url()).limit(4)).await;
        assert!(matches!(result, Err(Error::TooLarge { limit: 4 })), "{result:?}");
    }
}

#[tokio::test]
async fn a_missing_end_is_an_error() {
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nmeow";
    let server = Server::start([Say::Last(short.into()), chunked(&["meow"], "")]).await;
    for _ in 0..2 {
        let result = whole(client(&server).fetch(&server.url())).await;
        assert!(matches!(&result, Err(Error::Cut(cut)) if cut.received == 4), "{result:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = Server::start([Say::Nothing]).await;
    let client = Client::builder().read_timeout(Duration::from_millis(20));
    let client = client.retries(crate::Retries { most: 0, ..AT_ONCE }).build().unwrap();
    let result = whole(client.fetch(&server.url())).await;
    assert!(matches!(result, Err(Error::Timeout(_))), "{result:?}");
}

#[tokio::test]
async fn this_machine_is_out_of_reach_by_every_name() {
    let server = Server::start([]).await;
    let (client, port) = (client(&server), server.port());
    let public = |url: String| client.fetch(&url).reach(Reach::Public);
    for host in
        ["127.0.0.1", "localhost", "LOCALHOST", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]"]
    {
        is_out_of_reach(&whole(public(format!("http://{host}:{port}/"))).await);
        is_out_of_reach(&whole(public(format!("https://{host}:{port}/"))).await);
    }
    // The system's resolver takes these for addresses.
    for host in ["127.1", "0x7f000001", "2130706433"] {
        is_out_of_reach(&whole(public(format!("http://{host}:{port}/"))).await);
    }
    assert!(server.asked().is_empty(), "nobody has connected");
}

//= docs/contract.md#file-input
//= type=test
//# At most five redirects MUST be followed, each checked as the first URL.
#[tokio::test]
async fn redirects_are_followed_as_far_as_they_may_lead() {
    let server = Server::start([]).await;
    let (url, known) = (format!("{}/cdn/0", server.url()), format!("{}/cdn/", server.url()));
    server.say((1..=5).map(|number| moved(&format!("{number}"))));
    server.say([server::with(200, &[], "meow")]);
    let fetch = || client(&server).fetch(&url).reach(Reach::Public).known(&known);
    assert_eq!(whole(fetch()).await.unwrap(), "meow");
    assert_eq!(server.asked()[5], "GET /cdn/5");
    server.say((1..=6).map(|number| moved(&format!("{number}"))));
    let result = whole(fetch()).await;
    assert!(matches!(result, Err(Error::Redirect(_))), "{result:?}");
    assert_eq!(server.asked().len(), 12);
}

#[tokio::test]
async fn a_redirect_leads_no_further_than_a_url() {
    let (server, other) = (Server::start([]).await, Server::start([]).await);
    let (url, known) = (format!("{}/cdn/cat", server.url()), format!("{}/cdn/", server.url()));
    let port = other.port();
    for to in [
        format!("http://127.0.0.1:{port}/"),
        format!("//localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("https://localhost:{port}/"),
        // The same host, and not what is known of it.
        "/api/runners".to_owned(),
        "../api/runners".to_owned(),
        "/cdn/%2e%2e/api".to_owned(),
    ] {
        server.say([moved(&to)]);
        is_out_of_reach(
            &whole(client(&server).fetch(&url).reach(Reach::Public).known(&known)).await,
        );
    }
    assert_eq!(server.asked(), ["GET /cdn/cat"; 7]);
    assert!(other.asked().is_empty());
    server.say([moved(&format!("http://localhost:{port}/cat"))]);
    other.say([server::with(200, &[], "meow")]);
    assert_eq!(whole(client(&server).fetch(&url)).await.unwrap(), "meow", "anywhere is anywhere");
}

#[tokio::test]
async fn only_the_web_is_asked() {
    let server = Server::start([moved("ftp://127.0.0.1/"), server::json(404, "{}")]).await;
    for url in ["ftp://example.com/x", "file:///etc/passwd", "x", "", "http://u:p@example.com/"] {
        let result = whole(client(&server).fetch(url)).await;
        assert!(matches!(result, Err(Error::BadCall(BadCall::Url(_)))), "{url}: {result:?}");
    }
    let result = whole(client(&server).fetch(&server.url())).await;
    assert!(matches!(result, Err(Error::Redirect(_))), "{result:?}");
    let result = whole(client(&server).fetch(&server.url())).await;
    assert!(matches!(result, Err(Error::NotFound(_))), "{result:?}");
}
