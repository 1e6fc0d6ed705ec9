//! How much waits, and what happens to the rest.

use futures_util::FutureExt as _;

use super::{BYTES, Taking, Waiting, Why, queue};
use crate::app::RealtimeOptions;

fn taken(taking: &mut Taking<u8>) -> Vec<u8> {
    std::iter::from_fn(|| taking.next().now_or_never().flatten()).collect()
}

fn has_room(waiting: &Waiting<u8>) -> bool {
    waiting.room().now_or_never().is_some()
}

#[test]
fn with_buffering_the_oldest_make_room_for_a_newer_one_by_number_and_by_bytes() {
    let options = RealtimeOptions { buffering: Some(3), ..RealtimeOptions::NONE };
    let (waiting, mut taking) = queue(options);
    (0..5).for_each(|input| waiting.push(input, 1));
    assert!(has_room(&waiting), "it reads on");
    assert_eq!(taken(&mut taking), [2, 3, 4]);
    (0..2).for_each(|input| waiting.push(input, BYTES / 2));
    waiting.push(2, BYTES / 2);
    assert_eq!(taken(&mut taking), [1, 2]);
    waiting.push(3, 1);
    waiting.push(4, BYTES);
    assert_eq!(taken(&mut taking), [4]);
}

#[test]
fn without_buffering_nothing_is_dropped_and_no_more_is_read_than_there_is_room_for() {
    let (waiting, mut taking) = queue(RealtimeOptions::NONE);
    waiting.push(0, BYTES);
    assert!(!has_room(&waiting));
    assert_eq!(taken(&mut taking), [0]);
    assert!(has_room(&waiting));
    (0..64).for_each(|input| waiting.push(input, 1));
    assert!(!has_room(&waiting));
    assert_eq!(taken(&mut taking), Vec::from_iter(0..64));
}

#[test]
fn what_waits_is_taken_after_the_end_and_what_comes_later_is_not() {
    let (waiting, mut taking) = queue(RealtimeOptions::NONE);
    waiting.push(0, BYTES);
    waiting.end(Why::Cancelled);
    waiting.end(Why::GoingAway);
    waiting.push(1, 1);
    assert!(has_room(&waiting), "what comes is read and thrown away");
    assert_eq!(taking.next().now_or_never(), Some(Some(0)));
    assert_eq!(taking.next().now_or_never(), Some(None));
    assert_eq!(waiting.ended(), Some(Why::Cancelled), "the first reason counts");
}

#[test]
fn a_taker_that_has_enough_lets_the_reader_read_on() {
    let (waiting, taking) = queue(RealtimeOptions::NONE);
    waiting.push(0, BYTES);
    drop(taking);
    assert!(has_room(&waiting));
    assert_eq!(waiting.ended(), Some(Why::Unwanted));
}

#[test]
fn a_batch_is_what_waits_up_to_its_size() {
    let options = RealtimeOptions { max_batch_size: Some(3), ..RealtimeOptions::NONE };
    let (waiting, mut taking) = queue(options);
    (0..5).for_each(|input| waiting.push(input, 1));
    let first = taking.next().now_or_never().flatten().unwrap();
    assert_eq!(taking.with_others(first), [0, 1, 2]);
    let first = taking.next().now_or_never().flatten().unwrap();
    assert_eq!(taking.with_others(first), [3, 4]);
}
