//! Files that are stored.

use std::time::Duration;

use fal_app::{
    files::{Files, Options, Platform, PublishError},
    prelude::*,
    testing::TestApp,
};
use serde_json::{Value, json};

use crate::server::{Server, answer};

#[derive(Debug, thiserror::Error, AppError)]
#[error(transparent)]
#[status(transparent)]
struct Failed(#[from] PublishError);

/// An app that nobody has told of a platform.
#[fal_app]
struct Alone;

#[fal_app]
impl Alone {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn publish(&self) -> Result<File, Failed> {
        Ok(File::publish(&b"meow"[..], "image/png", "cat.png").await?)
    }
}

/// A platform that takes one file.
async fn platform() -> (Server, Files) {
    let server = Server::start([]).await;
    let spot =
        json!({ "upload_url": format!("{}/put", server.url), "file_url": "http://f.test/cat.png" });
    server.say(answer(200, &[("content-type", "application/json")], &spot.to_string()));
    server.say(answer(200, &[], ""));
    let platform = Platform::at(&server.url).key("id:secret");
    let files = Files::new(Options::default().platform(platform)).unwrap();
    (server, files)
}

//= docs/contract.md#file-output
//= type=test
//# A file that an app of `fal-app` publishes MUST be stored with the platform, with its content type and name, and given as an object with `url`, `content_type`, `file_name` and `file_size`.
#[tokio::test]
async fn a_file_is_stored_from_memory_and_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, "meow").unwrap();
    for is_on_disk in [false, true] {
        let (server, files) = platform().await;
        let file = if is_on_disk {
            files.publish(path.as_path(), "image/png", "cat.png").await
        } else {
            files.publish(b"meow".to_vec(), "image/png", "cat.png").await
        };
        assert_eq!(
            serde_json::to_value(file.unwrap()).unwrap(),
            json!({ "url": "http://f.test/cat.png", "content_type": "image/png", "file_name": "cat.png", "file_size": 4 })
        );
        let seen = server.seen();
        let asked: Value = serde_json::from_slice(&seen[0].body).unwrap();
        assert_eq!(asked, json!({ "content_type": "image/png", "file_name": "cat.png" }));
        assert!(seen[0].head.contains("authorization: Key id:secret"), "{}", seen[0].head);
        assert_eq!(seen[1].body, b"meow");
        assert!(!seen.iter().any(|seen| seen.head.contains("lifecycle")));
    }
}

#[tokio::test]
async fn it_is_kept_as_long_as_is_said() {
    let (server, files) = platform().await;
    let publish = files.publish(b"meow".to_vec(), "image/png", "cat.png");
    publish.kept_for(Duration::from_secs(60)).await.unwrap();
    let head = &server.seen()[0].head;
    assert!(
        head.contains(r#"x-fal-object-lifecycle: {"expiration_duration_seconds":60}"#),
        "{head}"
    );
}

#[tokio::test]
async fn what_cannot_be_stored_says_why() {
    let (_server, files) = platform().await;
    let missing = std::path::Path::new("/none/cat.png");
    let error = files.publish(missing, "image/png", "cat.png").await.unwrap_err();
    assert!(matches!(error, PublishError::Disk(_)), "{error:?}");
    let full = Server::start([answer(507, &[], r#"{"detail":"full"}"#)]).await;
    let files = Files::new(Options::default().platform(Platform::at(&full.url))).unwrap();
    let error = files.publish(vec![1], "image/png", "cat.png").await.unwrap_err();
    assert!(matches!(error, PublishError::Store(_)), "{error:?}");
}

//= docs/contract.md#file-output
//= type=test
//# Without a platform it MUST fail with an error that says so, and 500 where the endpoint returns it.
#[tokio::test]
async fn without_a_platform_there_is_nowhere_to_store() {
    let app = TestApp::<Alone>::start().await;
    let reply = app.post("/", json!({})).await.expect(500);
    reply
        .detail("there is no platform to store files with: serve the app with fal-server, or set FAL_SERVER_URL to the URL of one")
        .keeps_the_runner();
}
