//! How long a store with many waiting requests takes to open, and what memory that takes.
//!
//! `cargo run --release -p fal-store-sqlite --example reopen FILE [REQUESTS]`
//!
//! With `REQUESTS`, fills the file with so many of 1 KiB and dies without closing it. Without,
//! opens it, claims one request, closes it, and says how long each took and the most memory that
//! this process had. So the first opening after filling is that of a store whose process has died.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use fal_queue::{
    NodeId, Priority, Ticket,
    store::{Content, Op, Store as _},
};
use fal_store_sqlite::{Options, Store};
use fal_types::{AppId, LeaseId, Moment, RequestId};

const NOW: Moment = Moment::from_micros(1_790_000_000_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let options = Options::new(words.next().ok_or("which file?")?);
    let app: AppId = "acme/sketch".parse()?;
    if let Some(requests) = words.next() {
        let mut store = Store::open(&options)?;
        let requests = requests.parse()?;
        for first in (0..requests).step_by(1_000) {
            let ops = (first..requests.min(first + 1_000)).map(|number| submission(&app, number));
            store.commit(NOW, ops.collect())?;
        }
        std::process::abort();
    }
    let (mut store, opening) = timed(|| Store::open(&options))?;
    let claim = Op::Claim { app, max: 1, node: NodeId(1), leases_from: LeaseId::new(1) };
    let (_, claiming) = timed(|| store.commit(NOW, vec![claim]))?;
    let (_, closing) = timed(|| {
        drop(store);
        Ok::<_, Box<dyn Error>>(())
    })?;
    say(&format!("open {opening:?}, first claim {claiming:?}, close {closing:?}"));
    let status = std::fs::read_to_string("/proc/self/status")?;
    say(status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("no VmHWM"));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn timed<T, E>(step: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let begin = Instant::now();
    let value = step()?;
    Ok((value, begin.elapsed()))
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

fn submission(app: &AppId, number: u64) -> Op {
    let scattered = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let id = RequestId::from_bits((u128::from(number / 10) << 80) | scattered);
    Op::Submit {
        ticket: Ticket::new(id, app.clone(), "/run", Priority::Normal, NOW),
        content: Content { headers: Vec::new(), body: vec![b'x'; 1024] },
        max_ahead: None,
    }
}
