//! Files that are fetched.

use std::{error::Error, time::Duration};

use fal_app::{
    files::{Download, DownloadError, Files, Limit, Options, Platform, Private},
    prelude::*,
    testing::TestApp,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::server::{Server, answer, endless};

#[derive(Debug, thiserror::Error, AppError)]
#[error(transparent)]
#[status(transparent)]
struct Failed(#[from] DownloadError);

/// An app that says what is in a file of at most four bytes.
#[fal_app]
struct Reader;

#[fal_app]
impl Reader {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn read(&self, file: File) -> Result<String, Failed> {
        let bytes = file.download(Limit::bytes(4)).await?.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn anywhere() -> Files {
    Files::new(Options::default().private(Private::Allowed)).unwrap()
}

async fn begin(files: &Files, url: &str) -> Result<Download, DownloadError> {
    files.download(&File::at(url), Limit::bytes(4)).await
}

async fn whole(files: &Files, url: &str) -> Result<String, DownloadError> {
    let bytes = begin(files, url).await?.bytes().await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_file_is_had_in_memory_bit_by_bit_and_on_disk() {
    let kind = ("content-type", "image/png");
    let server = Server::start((0..4).map(|_| answer(200, &[kind], "meow"))).await;
    let (files, dir) = (anywhere(), tempfile::tempdir().unwrap());
    let download = begin(&files, &server.url).await.unwrap();
    assert_eq!((download.content_type(), download.left()), (Some("image/png"), Some(4)));
    assert_eq!(download.bytes().await.unwrap(), "meow");
    let mut download = begin(&files, &server.url).await.unwrap();
    assert_eq!(download.chunk().await.unwrap().unwrap(), "meow");
    assert!(download.chunk().await.unwrap().is_none());
    let path = dir.path().join("cat.png");
    let download = begin(&files, &server.url).await.unwrap();
    assert_eq!(download.save(&path).await.unwrap(), 4);
    assert_eq!(std::fs::read(&path).unwrap(), b"meow");
    let temporary = begin(&files, &server.url).await.unwrap().temporary().await.unwrap();
    assert_eq!(std::fs::read(&temporary).unwrap(), b"meow");
    let was = temporary.path().to_owned();
    drop(temporary);
    assert!(!was.exists(), "it is gone with its value");
}

#[tokio::test]
async fn what_is_cut_or_too_long_leaves_nothing_behind() {
    let (files, dir) = (anywhere(), tempfile::tempdir().unwrap());
    let path = dir.path().join("cat.png");
    std::fs::write(&path, "old").unwrap();
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nme".to_vec();
    let server = Server::start([endless("me"), cut, endless("meow!")]).await;
    for _ in 0..2 {
        let error = begin(&files, &server.url).await.unwrap().save(&path).await.unwrap_err();
        assert!(matches!(error, DownloadError::Broken(_)), "{error:?}");
    }
    let error = begin(&files, &server.url).await.unwrap().save(&path).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge { limit: 4 }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    server.say(answer(200, &[], "meow!"));
    let error = begin(&files, &server.url).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge { limit: 4 }), "its head says so: {error:?}");
    server.say(answer(200, &[], "meow"));
    let download = begin(&files, &server.url).await.unwrap();
    let error = download.save(dir.path().join("none/cat.png")).await.unwrap_err();
    assert!(matches!(error, DownloadError::Disk(_)), "{error:?}");
}

#[tokio::test]
async fn what_is_not_to_be_had_says_why() {
    let files = anywhere();
    let server =
        Server::start([answer(404, &[], "no"), answer(302, &[("location", "ftp://a.test")], "")])
            .await;
    let error = whole(&files, &server.url).await.unwrap_err();
    assert!(matches!(error, DownloadError::Status(404)), "{error:?}");
    let error = whole(&files, &server.url).await.unwrap_err();
    assert!(matches!(error, DownloadError::Redirected), "{error:?}");
    for url in ["x", "ftp://a.test/x", "file:///etc/passwd", "http://", "http://u:p@127.0.0.1/"] {
        let error = whole(&files, url).await.unwrap_err();
        assert!(matches!(error, DownloadError::Url), "{url}: {error:?}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = whole(&files, &format!("http://{nobody}/")).await.unwrap_err();
    assert!(matches!(error, DownloadError::Broken(_)) && error.source().is_some(), "{error:?}");
    // Accepts connections, and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let impatient =
        Options::default().private(Private::Allowed).patience(Duration::from_millis(20));
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let error = whole(&Files::new(impatient).unwrap(), &url).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooSlow), "{error:?}");
}

//= docs/contract.md#file-input
//= type=test
//# What lies in the platform's own store MUST be fetched whatever its address.
#[tokio::test]
async fn of_this_machine_only_the_platforms_store_is_in_reach() {
    let (server, other) = (Server::start([]).await, Server::start([]).await);
    let files = |options: Options| Files::new(options.platform(Platform::at(&server.url))).unwrap();
    let careful = files(Options::default());
    let stored = format!("{}/cdn/files/7/cat..png", server.url);
    server.say(answer(200, &[], "meow"));
    assert_eq!(whole(&careful, &stored).await.unwrap(), "meow");
    let localhost = stored.replace("127.0.0.1", "localhost");
    server.say(answer(200, &[], "meow"));
    assert_eq!(whole(&careful, &localhost).await.unwrap(), "meow", "by any name of it");
    for url in [
        other.url.clone(),
        other.url.replace("127.0.0.1", "localhost"),
        format!("{}/api/runners", server.url),
        format!("{}/cdn/../api/runners", server.url),
        format!("{}/cdn/%2E%2e/api/runners", server.url),
    ] {
        let error = whole(&careful, &url).await.unwrap_err();
        assert!(matches!(error, DownloadError::Private { .. }), "{url}: {error:?}");
    }
    server.say(answer(302, &[("location", &other.url)], ""));
    let error = whole(&careful, &stored).await.unwrap_err();
    assert!(matches!(error, DownloadError::Private { .. }), "{error:?}");
    assert_eq!((server.seen().len(), other.seen().len()), (3, 0));
    let trusting = files(Options::default().private(Private::Allowed));
    server.say(answer(302, &[("location", &other.url)], ""));
    other.say(answer(200, &[], "meow"));
    assert_eq!(whole(&trusting, &stored).await.unwrap(), "meow");
}

//= docs/contract.md#file-input
//= type=test
//# A file beyond the limit MUST be answered with 422 and `file_too_large`, whose `ctx` has `max_size`, and one that is not to be had with 422 and `file_download_error`.
#[tokio::test]
async fn an_endpoint_answers_in_fals_words() {
    let server = Server::start([]).await;
    let app = TestApp::<Reader>::start().await;
    app.post("/", "data:,meow").await.expect(200).json(json!("meow"));
    app.post("/", json!({ "url": "data:;base64,bWVvdw==" })).await.expect(200).json(json!("meow"));
    app.post("/", "data:,meow!")
        .await
        .expect(422)
        .has_header("x-fal-error-type", "file_too_large")
        .has_header("x-fal-billable-units", "0")
        .json(json!({ "detail": [{
            "loc": ["body"], "msg": "the file is larger than 4 bytes", "type": "file_too_large",
            "url": "https://docs.fal.ai/errors#file_too_large", "ctx": { "max_size": 4 },
        }] }))
        .keeps_the_runner()
        .is_not_retried();
    app.post("/", server.url.as_str())
        .await
        .expect(422)
        .has_header("x-fal-error-type", "file_download_error")
        .json(json!({ "detail": [{
            "loc": ["body"],
            "msg": format!("the file is at {}, which has no public address", &server.url[7..]),
            "type": "file_download_error",
            "url": "https://docs.fal.ai/errors#file_download_error",
        }] }))
        .keeps_the_runner()
        .is_not_retried();
    app.post("/", "cat.png").await.expect(422).json(json!({ "detail": [{
        "loc": ["body"], "msg": "Value error, value must be a valid URL", "type": "value_error",
        "input": "cat.png", "ctx": { "error": "value must be a valid URL" },
    }] }));
    assert!(server.seen().is_empty());
}
