//! What arrives is what was signed.

use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use super::*;

#[tokio::test]
async fn the_request_arrives_as_documented() {
    let key = Key::generate().unwrap();
    let (port, server) = serve(OK).await;
    let answer = sender(Private::Allowed).send(&local(port), &message(&key), LIMIT).await;
    assert!(matches!(answer, Answer::Delivered(_)), "{answer}");

    let heard = server.await.unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, BODY);
    let mut lines: Vec<_> = head.lines().collect();
    let signature = lines.iter().position(|line| line.starts_with("X-Fal-Webhook-Signature: "));
    let signature = lines.remove(signature.unwrap());
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        [
            "POST /hook?id=7 HTTP/1.1",
            "Content-Length: 37",
            "Content-Type: application/json",
            &format!("Host: 127.0.0.1:{port}"),
            "User-Agent: fal-rs-webhook",
            "X-Fal-Webhook-Request-Id: 00000000-0000-0000-0000-0000000000ff",
            "X-Fal-Webhook-Timestamp: 1790000000",
            "X-Fal-Webhook-User-Id: acme",
        ]
    );
    let signature = signature.strip_prefix("X-Fal-Webhook-Signature: ").unwrap();
    assert!(verifies(&key.jwks(), signature, body));
    assert!(!verifies(&key.jwks(), signature, &body.replace('7', "8")));
    assert!(!verifies(&Key::generate().unwrap().jwks(), signature, body));
}

/// As a receiver does it, from the published key and what arrived.
fn verifies(jwks: &str, signature: &str, body: &str) -> bool {
    let set: Value = serde_json::from_str(jwks).unwrap();
    let public = from_base64url(set["keys"][0]["x"].as_str().unwrap());
    let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let message = format!("00000000-0000-0000-0000-0000000000ff\nacme\n1790000000\n{digest}");
    assert_eq!(signature, signature.to_lowercase());
    let signature: Vec<_> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
        .collect();
    UnparsedPublicKey::new(&ED25519, public).verify(message.as_bytes(), &signature).is_ok()
}

fn from_base64url(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.chars() {
        bits = bits << 6 | u32::try_from(DIGITS.find(digit).unwrap()).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}
