//! How what a store keeps is written as bytes and text, the same in every store.
//!
//! A form that was ever written stays readable: what lies in somebody's database changes only when
//! this crate does. What cannot be read is [`Error::Corrupt`], and says what it was.
//!
//! ```
//! use fal_record::{headers, moment};
//! use fal_types::Moment;
//!
//! let written = [("x-a".to_owned(), b"1".to_vec())];
//! assert_eq!(headers::read(&headers::write(&written))?, written);
//! assert_eq!(moment::read(moment::write(Moment::from_micros(7)))?, Moment::from_micros(7));
//! # Ok::<(), fal_queue::store::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod headers;
pub mod journal;
pub mod moment;
pub mod names;
pub mod states;

use fal_queue::store::Error;

fn corrupt(what: impl Into<String>) -> Error {
    Error::Corrupt(what.into())
}
