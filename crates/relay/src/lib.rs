//! Passing WebSocket frames on until a session ends, and saying why it does.
//!
//! A [`Flow`] passes one direction on, byte by byte as they come, and follows the frames in them only so far as to know
//! where one ends: there a close may be put in, so that a side whose peer broke learns why. [`Early`] holds what a caller
//! sends before there is a runner, and has its pings answered.
//!
//! Invariant: what is passed on is what was sent, and nothing is put inside a frame.
//!
//! ```
//! use fal_relay::{End, Flow, Towards};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let (sent, mut taken) = (&[0x82, 1, 7][..], Vec::new());
//! let mut flow = Flow::new(Vec::new());
//! assert_eq!(flow.run(&mut &*sent, &mut taken).await, End::SenderGone);
//! flow.close(&mut taken, (1011, "it broke"), Towards::Caller).await;
//! assert_eq!(taken[..5], [0x82, 1, 7, 0x88, 10]);
//! # }
//! ```

#![forbid(unsafe_code)]

mod frames;
mod pump;

pub use crate::{
    frames::{Due, Early, Towards},
    pump::{End, Flow, linger},
};
