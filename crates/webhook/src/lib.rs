//! One delivery of one webhook: what is signed, where it may go, what came back, when it is tried again.
//!
//! A [`Payload`] is the body that tells of an ended request. [`Message`] signs it with the platform's [`Key`],
//! anew for each delivery, because receivers refuse old timestamps. [`Sender`] posts it to a [`Target`] once, and
//! its [`Answer`] says whether the webhook has arrived, never will, or is to be sent again, for which [`schedule`]
//! has the moment. Nothing here keeps anything: which webhooks wait is the queue's affair.
//!
//! Invariant: where private targets are refused, no byte goes to a private address. An address is checked after
//! its name was resolved, and the connection is made to that very address.
//!
//! ```no_run
//! use bytes::Bytes;
//! use fal_types::{RequestId, Status};
//! use fal_webhook::{Answer, Key, Message, Outcome, Payload, Private, Roots, Sender, Signed, Target, schedule};
//!
//! # async fn deliver() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::load_or_create("webhook.key".as_ref())?;
//! let sender = Sender::new(Private::Refused, Roots::native());
//! let target = Target::parse("https://example.com/hook", Private::Refused)?;
//!
//! let request_id: RequestId = "0190d1a2-0000-7000-8000-0000000000ff".parse()?;
//! let outcome = Outcome::Answered { status: Status::new(200), body: b"{}" };
//! let payload = Payload { request_id, gateway_request_id: "0190d1a2", outcome };
//! let body = Bytes::from(payload.to_json());
//! let signed = Signed { request_id, user_id: "acme", timestamp_secs: 1_790_000_000, body: &body };
//! match sender.send(&target, &Message::new(&key, signed)?, schedule::limit(1)).await {
//!     Answer::Delivered(reply) => println!("arrived: {}", reply.status),
//!     Answer::Refused(refusal) => println!("given up: {refusal}"),
//!     Answer::Failed(failure) => println!("to be sent again: {failure}"),
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod encode;
mod key;
mod message;
mod payload;

mod private;
mod target;

mod answer;
mod roots;
mod sender;

pub mod schedule;

pub use crate::{
    answer::{Answer, Failure, Refusal, Reply},
    key::{Key, KeyError, Signed},
    message::{Message, MessageError},
    payload::{Outcome, Payload},
    private::Private,
    roots::Roots,
    sender::Sender,
    target::{Target, TargetError},
};
