//! The harness that the suites share: real processes, loopback, port 0.
//!
//! A [`Platform`] is a `fal-server` of its own with a folder of its own, and its end takes everything with it. Its apps are
//! any programs; most tests use the runner `unruly`, which does what each call tells it to, and whose folder ([`Lab`])
//! shows which process got which request.
//!
//! Nothing here waits for a time: [`eventually`] waits for a fact, and gives up after half a minute.

mod app;
mod disk;
mod eventually;
mod http;
mod lab;
mod moment;
mod platform;
pub mod postgres;
mod processes;
mod program;
mod provision;
mod queued;
mod receiver;
mod secured;
mod session;
mod tool;

pub use rustix::process::Signal;
pub use serde_json::{Value, json};

pub use crate::{
    app::App,
    disk::SmallDisk,
    eventually::{LONG, Over, Timer, eventually, holds_for},
    http::{Connection, Request, Response},
    lab::{Call, Lab},
    moment::millis,
    platform::{Platform, Refused, Runner},
    processes::{environment_holds, group_of, is_alive, signal},
    program::{client_example, example, run_script, server, unruly},
    provision::{Node, node, python},
    queued::Queued,
    receiver::{Delivered, Receiver, Say},
    secured::{Fetched, fetch},
    session::{Ended, Session},
    tool::{Told, tool},
};
