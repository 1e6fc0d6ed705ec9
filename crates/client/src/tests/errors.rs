//! Every row of the contract's tables of errors.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Error, ErrorType, Loc, ModelErrorKind,
    tests::{
        client,
        server::{self, Say, Server},
    },
};

async fn error_of(say: Say) -> Error {
    let server = Server::start([say]).await;
    let error = client(&server).run::<_, Value>("demo/lab", &json!({})).await.unwrap_err();
    assert_eq!(server.seen().len(), 1, "an answer to a call is final: {error:?}");
    error
}

/// Another try may go well.
const AGAIN: bool = true;
const NEVER: bool = false;

/// The table of 6.1, and what else the platform answers.
const PLATFORM: [(&str, u16, ErrorType, bool); 14] = [
    ("request_timeout", 504, ErrorType::RequestTimeout, AGAIN),
    ("startup_timeout", 504, ErrorType::StartupTimeout, AGAIN),
    ("runner_scheduling_failure", 503, ErrorType::RunnerSchedulingFailure, AGAIN),
    ("runner_connection_timeout", 503, ErrorType::RunnerConnectionTimeout, AGAIN),
    ("runner_disconnected", 503, ErrorType::RunnerDisconnected, AGAIN),
    ("runner_connection_refused", 503, ErrorType::RunnerConnectionRefused, AGAIN),
    ("runner_connection_error", 503, ErrorType::RunnerConnectionError, AGAIN),
    ("runner_incomplete_response", 502, ErrorType::RunnerIncompleteResponse, AGAIN),
    ("runner_server_error", 500, ErrorType::RunnerServerError, NEVER),
    ("client_disconnected", 499, ErrorType::ClientDisconnected, NEVER),
    ("client_cancelled", 499, ErrorType::ClientCancelled, NEVER),
    ("bad_request", 400, ErrorType::BadRequest, NEVER),
    ("internal_error", 500, ErrorType::InternalError, AGAIN),
    ("concurrent_requests_limit", 429, ErrorType::ConcurrentRequestsLimit, AGAIN),
];

//= docs/contract.md#rust-client-errors
//= type=test
//# Every `error_type` of the platform and every type of a model's error MUST be a variant of its own, and one that is not known MUST be kept by its name.
#[tokio::test]
async fn every_error_of_the_platform_is_a_variant() {
    for (name, status, kind, again) in PLATFORM {
        let body = json!({ "detail": "in words", "error_type": name }).to_string();
        for headers in [&[][..], &[("x-fal-error-type", name)]] {
            let error = error_of(server::with(status, headers, &body)).await;
            assert_eq!(error.error_type(), Some(&kind), "{name}");
            assert_eq!((error.status(), error.request_id()), (Some(status), Some("r-1")));
            assert_eq!((error.is_retryable(), error.is_user_timeout()), (again, false), "{name}");
            assert!(error.to_string().contains("in words"), "{error}");
            let is_one = match status {
                499 if kind == ErrorType::ClientCancelled => matches!(error, Error::Cancelled(_)),
                429 => matches!(error, Error::TooManyRequests(_)),
                _ => matches!(&error, Error::Platform(problem) if problem.kind == kind),
            };
            assert!(is_one, "{name}: {error:?}");
        }
    }
    assert_eq!(PLATFORM.map(|(_, _, kind, _)| kind), ErrorType::ALL);
    // By the header alone, and one that is new.
    let error =
        error_of(server::with(503, &[("x-fal-error-type", "solar_flare")], "no JSON")).await;
    assert!(error.is_retryable());
    let Error::Platform(problem) = error else { panic!("{error:?}") };
    assert_eq!((problem.kind.name(), problem.detail.as_str()), ("solar_flare", "no JSON"));
    assert_eq!(problem.kind, ErrorType::Unknown("solar_flare".to_owned()));
}

#[tokio::test]
async fn a_deadline_of_the_callers_own_is_told_apart() {
    let body = r#"{"detail":"late","error_type":"startup_timeout"}"#;
    let user = [("x-fal-request-timeout-type", "user"), ("x-fal-needs-retry", "1")];
    let error = error_of(server::with(504, &user, body)).await;
    assert!(error.is_user_timeout() && !error.is_retryable(), "{error:?}");
    let error = error_of(server::with(503, &user, body)).await;
    assert!(!error.is_user_timeout() && error.is_retryable(), "only a 504 is one: {error:?}");
}

#[tokio::test]
async fn statuses_that_mean_the_same_whoever_answers_are_variants() {
    let detail = |text: &str| json!({ "detail": text }).to_string();
    let error = error_of(server::json(401, &detail("no"))).await;
    assert!(matches!(&error, Error::Unauthorized(refusal) if refusal.detail == "no"), "{error:?}");
    let error = error_of(server::json(403, &detail("no"))).await;
    assert!(matches!(&error, Error::Forbidden(_)), "{error:?}");
    let error = error_of(server::json(404, r#"{"status":"NOT_FOUND"}"#)).await;
    assert!(matches!(&error, Error::NotFound(_)) && !error.is_retryable(), "{error:?}");
    let error = error_of(server::json(499, r#"{"detail":""}"#)).await;
    assert!(matches!(&error, Error::Cancelled(refusal) if refusal.detail.is_empty()), "{error:?}");
    let busy = [("x-fal-needs-retry", "1"), ("retry-after", "7")];
    let error = error_of(server::with(429, &busy, &detail("busy"))).await;
    assert!(error.is_retryable(), "{error:?}");
    let Error::TooManyRequests(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal.reply.needs_retry(), Some(true));
    assert_eq!(refusal.reply.retry_after(), Some(Duration::from_secs(7)));
    let error = error_of(server::with(429, &[("x-fal-needs-retry", "0")], &detail("busy"))).await;
    assert!(!error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_wait_may_be_a_date() {
    let date = "Tue, 01 Dec 2026 14:00:00 GMT";
    let later = "Tue, 01 Dec 2026 14:00:30 GMT";
    for (after, date, wanted) in
        [(later, date, Some(30)), (date, later, Some(0)), (later, "", None), ("soon", date, None)]
    {
        let say = server::with(429, &[("retry-after", after), ("date", date)], "{}");
        let error = error_of(say).await;
        let found = error.reply().unwrap().retry_after();
        assert_eq!(found, wanted.map(Duration::from_secs), "{after} {date}");
    }
}

#[tokio::test]
async fn an_apps_own_error_keeps_its_words() {
    for (status, again) in [
        (400, NEVER),
        (418, NEVER),
        (500, NEVER),
        (502, NEVER),
        (503, AGAIN),
        (504, AGAIN),
        (507, NEVER),
    ] {
        let error = error_of(server::json(status, r#"{"detail":"mine","more":1}"#)).await;
        assert_eq!(error.is_retryable(), again, "{status}");
        let Error::App(refusal) = error else { panic!("{error:?}") };
        assert_eq!((refusal.detail.as_str(), refusal.reply.status()), ("mine", status));
        assert_eq!(refusal.reply.json::<Value>().unwrap()["more"], 1);
    }
    let told = [("x-fal-needs-retry", "true")];
    assert!(error_of(server::with(500, &told, "{}")).await.is_retryable());
    let told = [("x-fal-retryable", "false")];
    assert!(!error_of(server::with(503, &told, "{}")).await.is_retryable());
    let error = error_of(server::json(422, r#"{"detail":{"code":7}}"#)).await;
    assert!(
        matches!(&error, Error::App(refusal) if refusal.detail == r#"{"code":7}"#),
        "{error:?}"
    );
    // What is no JSON, and what something in front of the platform says.
    let nginx = [("content-type", "text/html"), ("x-fal-request-id", "")];
    let error = error_of(server::with(502, &nginx, "<h1>nginx</h1>")).await;
    assert!(
        matches!(&error, Error::App(refusal) if refusal.detail == "<h1>nginx</h1>"),
        "{error:?}"
    );
    assert!(error.is_retryable() && error.request_id().is_none());
}

/// The table of 6.2: name, status, what belongs to it, what it comes to, and whether another try may go well.
#[expect(clippy::too_many_lines, reason = "it is a table, row by row")]
fn models() -> Vec<(&'static str, u16, Value, ModelErrorKind, bool)> {
    use ModelErrorKind as Kind;
    let some = Some;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let none = json!({});
    let audio = json!({ "max_duration": 10.5, "min_duration": 1, "provided_duration": 12 });
    let archive = json!({ "min_count": 2, "max_count": 9, "provided_count": 1, "supported_extensions": [".zip"] });
    let formats = json!({ "supported_formats": ["a", "b"] });
    let zip = || texts(&[".zip"]);
    let both = || texts(&["a", "b"]);
    vec![
        ("internal_server_error", 500, none.clone(), Kind::InternalServerError {}, AGAIN),
        ("generation_timeout", 504, none.clone(), Kind::GenerationTimeout {}, AGAIN),
        ("downstream_service_error", 400, none.clone(), Kind::DownstreamServiceError {}, AGAIN),
        (
            "downstream_service_unavailable",
            500,
            none.clone(),
            Kind::DownstreamServiceUnavailable {},
            AGAIN,
        ),
        ("content_policy_violation", 422, none.clone(), Kind::ContentPolicyViolation {}, NEVER),
        ("no_media_generated", 422, none.clone(), Kind::NoMediaGenerated {}, NEVER),
        ("image_load_error", 422, none.clone(), Kind::ImageLoadError {}, NEVER),
        ("file_download_error", 422, none.clone(), Kind::FileDownloadError {}, NEVER),
        ("face_detection_error", 422, none.clone(), Kind::FaceDetectionError {}, NEVER),
        ("feature_not_supported", 422, none, Kind::FeatureNotSupported {}, NEVER),
        (
            "image_too_small",
            422,
            json!({ "min_height": 64, "min_width": 32 }),
            Kind::ImageTooSmall { min_height: some(64.0), min_width: some(32.0) },
            NEVER,
        ),
        (
            "image_too_large",
            422,
            json!({ "max_height": 64 }),
            Kind::ImageTooLarge { max_height: some(64.0), max_width: None },
            NEVER,
        ),
        (
            "file_too_large",
            422,
            json!({ "max_size": 1024 }),
            Kind::FileTooLarge { max_size: some(1024.0) },
            NEVER,
        ),
        ("greater_than", 422, json!({ "gt": 0.5 }), Kind::GreaterThan { gt: some(0.5) }, NEVER),
        (
            "greater_than_equal",
            422,
            json!({ "ge": 1 }),
            Kind::GreaterThanEqual { ge: some(1.0) },
            NEVER,
        ),
        ("less_than", 422, json!({ "lt": 1 }), Kind::LessThan { lt: some(1.0) }, NEVER),
        ("less_than_equal", 422, json!({ "le": 1 }), Kind::LessThanEqual { le: some(1.0) }, NEVER),
        (
            "multiple_of",
            422,
            json!({ "multiple_of": 8 }),
            Kind::MultipleOf { multiple_of: some(8.0) },
            NEVER,
        ),
        (
            "sequence_too_short",
            422,
            json!({ "min_length": 1 }),
            Kind::SequenceTooShort { min_length: some(1.0) },
            NEVER,
        ),
        (
            "sequence_too_long",
            422,
            json!({ "max_length": 1 }),
            Kind::SequenceTooLong { max_length: some(1.0) },
            NEVER,
        ),
        (
            "one_of",
            422,
            json!({ "expected": ["a", 1] }),
            Kind::OneOf { expected: vec![json!("a"), json!(1)] },
            NEVER,
        ),
        (
            "invalid_archive",
            422,
            archive.clone(),
            Kind::InvalidArchive { supported_extensions: zip() },
            NEVER,
        ),
        (
            "archive_file_count_below_minimum",
            422,
            archive.clone(),
            Kind::ArchiveFileCountBelowMinimum {
                min_count: some(2.0),
                provided_count: some(1.0),
                supported_extensions: zip(),
            },
            NEVER,
        ),
        (
            "archive_file_count_exceeds_maximum",
            422,
            archive,
            Kind::ArchiveFileCountExceedsMaximum {
                max_count: some(9.0),
                provided_count: some(1.0),
                supported_extensions: zip(),
            },
            NEVER,
        ),
        (
            "audio_duration_too_long",
            422,
            audio.clone(),
            Kind::AudioDurationTooLong { max_duration: some(10.5), provided_duration: some(12.0) },
            NEVER,
        ),
        (
            "audio_duration_too_short",
            422,
            audio.clone(),
            Kind::AudioDurationTooShort { min_duration: some(1.0), provided_duration: some(12.0) },
            NEVER,
        ),
        (
            "video_duration_too_long",
            422,
            audio.clone(),
            Kind::VideoDurationTooLong { max_duration: some(10.5), provided_duration: some(12.0) },
            NEVER,
        ),
        (
            "video_duration_too_short",
            422,
            audio,
            Kind::VideoDurationTooShort { min_duration: some(1.0), provided_duration: some(12.0) },
            NEVER,
        ),
        (
            "unsupported_audio_format",
            422,
            formats.clone(),
            Kind::UnsupportedAudioFormat { supported_formats: both() },
            NEVER,
        ),
        (
            "unsupported_image_format",
            422,
            formats.clone(),
            Kind::UnsupportedImageFormat { supported_formats: both() },
            NEVER,
        ),
        (
            "unsupported_video_format",
            422,
            formats,
            Kind::UnsupportedVideoFormat { supported_formats: both() },
            NEVER,
        ),
    ]
}

//= docs/contract.md#rust-client-errors
//= type=test
//# Every `error_type` of the platform and every type of a model's error MUST be a variant of its own, and one that is not known MUST be kept by its name.
#[tokio::test]
async fn every_error_of_a_model_is_a_variant() {
    let rows = models();
    let names: Vec<_> = rows.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, ModelErrorKind::NAMES);
    for (name, status, ctx, kind, again) in rows {
        let url = format!("https://docs.fal.ai/errors#{name}");
        let item = json!({
            "loc": ["body", "images", 2, "url"], "msg": "in words", "type": name, "url": url,
            "ctx": ctx, "input": { "prompt": "x" },
        });
        let body = json!({ "detail": [item] }).to_string();
        let error = error_of(server::with(status, &[("x-fal-billable-units", "0")], &body)).await;
        assert_eq!((error.status(), error.is_retryable()), (Some(status), again), "{name}");
        assert!(error.to_string().contains("body.images[2].url: in words"), "{error}");
        let Error::Validation(refused) = error else { panic!("{error:?}") };
        let [item] = refused.errors.as_slice() else { panic!("{refused:?}") };
        assert_eq!((&item.kind, item.kind.name()), (&kind, name));
        assert_eq!((item.msg.as_str(), item.field()), ("in words", Some("url")));
        assert_eq!((item.url.as_deref(), item.ctx.as_ref()), (Some(url.as_str()), Some(&ctx)));
        assert_eq!(item.input, Some(json!({ "prompt": "x" })));
        assert_eq!(item.loc[2], Loc::Index(2));
    }
}

#[tokio::test]
async fn a_list_is_read_whatever_stands_in_it() {
    let body = json!({ "detail": [
        { "type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": null },
        { "type": "one_of", "loc": "odd", "msg": 7, "ctx": { "expected": "'a' or 'b'" } },
        "no object",
    ]});
    let told = [("x-fal-needs-retry", "true")];
    let error = error_of(server::with(422, &told, &body.to_string())).await;
    assert!(error.is_retryable(), "the answer says so itself");
    assert!(error.to_string().contains("body.prompt: Field required, and 2 more"), "{error}");
    let Error::Validation(refused) = error else { panic!("{error:?}") };
    let kinds: Vec<_> = refused.errors.iter().map(|item| item.kind.name()).collect();
    assert_eq!(kinds, ["missing", "one_of", ""]);
    let [missing, one_of, odd] = refused.errors.try_into().unwrap();
    assert_eq!(missing.input, Some(Value::Null));
    assert_eq!(one_of.kind, ModelErrorKind::OneOf { expected: vec![json!("'a' or 'b'")] });
    assert_eq!((one_of.loc.len(), odd.msg.as_str()), (0, "\"no object\""));
    let error = error_of(server::json(422, r#"{"detail":[]}"#)).await;
    assert!(matches!(&error, Error::Validation(refused) if refused.errors.is_empty()), "{error:?}");
    assert!(!error.is_retryable());
}
