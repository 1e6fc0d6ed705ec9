//! What each answer means for the webhook.

use super::*;

fn bare(status: u16) -> String {
    format!("HTTP/1.1 {status} So\r\ncontent-length: 4\r\n\r\nwell")
}

#[tokio::test]
async fn every_2xx_is_a_delivery() {
    for status in [200, 202, 299] {
        let answer = answer_to(bare(status)).await;
        let Answer::Delivered(reply) = answer else { panic!("{answer}") };
        assert_eq!(reply, Reply { status: Status::new(status), excerpt: "well".to_owned() });
    }
    let answer = answer_to("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer}");
}

#[tokio::test]
async fn a_redirect_is_final_and_not_followed() {
    for status in [301, 302, 303, 304, 307, 308] {
        let (elsewhere, port) = listen().await;
        let location = format!("location: http://127.0.0.1:{port}/\r\ncontent-length: 0");
        let answer = answer_to(format!("HTTP/1.1 {status} Moved\r\n{location}\r\n\r\n")).await;
        assert!(matches!(answer, Answer::Refused(Refusal::Redirect(_))), "{answer}");
        assert_eq!(answer.reply().unwrap().status, Status::new(status));
        assert!(answer.to_string().starts_with(&format!("the target answered {status}, and")));
        assert_untouched(&elsewhere).await;
    }
}

#[tokio::test]
async fn every_other_status_is_tried_again() {
    for status in [400, 404, 410, 429, 500, 503, 600] {
        let answer = answer_to(bare(status)).await;
        let Answer::Failed(Failure::Status(reply)) = &answer else { panic!("{answer}") };
        assert_eq!((reply.status, reply.excerpt.as_str()), (Status::new(status), "well"));
        assert_eq!(answer.to_string(), format!("the target answered {status}"));
    }
}

#[tokio::test]
async fn an_informational_answer_is_waited_out() {
    let answer = answer_to(format!("HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n{OK}")).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer}");
}

#[tokio::test]
async fn a_long_body_is_read_for_its_beginning_only() {
    let body = "\u{fffd}".repeat(3000);
    let answer = answer_to(format!("HTTP/1.1 500 No\r\n\r\n{body}")).await;
    let excerpt = &answer.reply().unwrap().excerpt;
    assert!(
        excerpt.starts_with("\u{fffd}") && excerpt.chars().count() <= 1366,
        "{}",
        excerpt.len()
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let answer = answer_to("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nab").await;
    let Answer::Delivered(reply) = answer else { panic!("{answer}") };
    assert_eq!(reply.excerpt, "ab");
}

#[tokio::test]
async fn a_body_that_never_ends_changes_nothing() {
    let (listener, port) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        exchange_once(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab").await;
        // Until the sender hangs up.
        stream.read_to_end(&mut Vec::new()).await
    });
    let limit = Duration::from_secs(1);
    let answer = sender(Private::Allowed).send(&local(port), &any(), limit).await;
    let Answer::Delivered(reply) = answer else { panic!("{answer}") };
    assert_eq!(reply.excerpt, "ab");
    assert!(server.await.unwrap().is_ok());
}

/// The clock stands still but for jumps to the next deadline.
#[tokio::test(start_paused = true)]
async fn silence_is_tried_again() {
    let (listener, port) = listen().await;
    let started = Instant::now();
    let answer = sender(Private::Allowed).send(&local(port), &any(), schedule::limit(1)).await;
    assert!(matches!(answer, Answer::Failed(Failure::TimedOut(_))), "{answer}");
    assert_eq!(answer.to_string(), "the target did not answer within 15 s");
    assert_eq!(started.elapsed().as_secs(), 15);
    drop(listener);
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    for words in ["", "HTTP/1.1 20", "SSH-2.0-OpenSSH_9.9\r\n"] {
        let answer = answer_to(words).await;
        assert!(matches!(answer, Answer::Failed(Failure::Broken(_))), "{answer}");
        assert!(answer.to_string().starts_with("the exchange broke off: "), "{answer}");
        assert!(answer.reply().is_none());
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_tried_again() {
    let (listener, port) = listen().await;
    drop(listener);
    let answer = sender(Private::Allowed).send(&local(port), &any(), LIMIT).await;
    let wanted = format!("connecting to 127.0.0.1:{port} failed: nothing listens there");
    assert_eq!(answer.to_string(), wanted);
    assert!(matches!(answer, Answer::Failed(Failure::Unconnected { .. })));
}
