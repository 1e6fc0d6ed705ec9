//! How many requests the embedded store takes, and how many it carries through, in a second.
//!
//! `cargo run --release -p fal-store-sqlite --example throughput [WAITING]`
//!
//! One thread, one store, bodies and results of 1 KiB. A cycle is a submit, a claim and a
//! settlement, each in a commit of its own; a batch of 256 carries 256 of each. Every figure is to
//! be held against the rate of flushes of the same run, which heads the table. With `WAITING`, so
//! many requests wait behind those that are measured. The files lie where `TMPDIR` says.

use std::{
    error::Error,
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use fal_queue::{
    Ending, NodeId, Priority, Ruling, State, Ticket, Told,
    store::{Content, Done, Op, Reply, Store as _},
};
use fal_store_sqlite::{Options, Store};
use fal_types::{AppId, LeaseId, Moment, RequestId, Status};

const CELL: Duration = Duration::from_secs(3);
const BODY: usize = 1024;
const BATCHES: [u32; 3] = [1, 16, 256];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let waiting = std::env::args().nth(1).map_or(Ok(0), |text| text.parse::<u64>())?;
    let folder = tempfile::tempdir()?;
    say(&format!("{:>18} {:>9} {:>11} {:>11}", "", "per s", "p50 ms", "p99 ms"));
    report("flushes of 4 KiB", 1, flushes(folder.path())?);
    for batch in BATCHES {
        let mut bench = Bench::new(folder.path(), &format!("submits-{batch}"))?;
        bench.fill(waiting)?;
        let commits = timed(|| bench.submit(batch, Priority::Normal))?;
        report(&format!("submits, by {batch}"), batch, commits);
    }
    for batch in BATCHES {
        let mut bench = Bench::new(folder.path(), &format!("cycles-{batch}"))?;
        bench.fill(waiting)?;
        report(&format!("cycles, by {batch}"), batch, timed(|| bench.cycle(batch))?);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

/// One line of the table: `took` has a time for every step of `batch` requests.
fn report(name: &str, batch: u32, mut took: Vec<Duration>) {
    took.sort_unstable();
    let sum: Duration = took.iter().sum();
    let steps = u32::try_from(took.len()).unwrap_or(u32::MAX);
    let rate = f64::from(steps) * f64::from(batch) / sum.as_secs_f64();
    let share = |percent: usize| {
        let at = took.get(took.len().saturating_sub(1) * percent / 100);
        at.copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    say(&format!("{name:>18} {rate:>9.0} {:>11.2} {:>11.2}", share(50), share(99)));
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn timed(mut step: impl FnMut() -> Outcome<()>) -> Outcome<Vec<Duration>> {
    let (begin, mut took) = (Instant::now(), Vec::new());
    while begin.elapsed() < CELL {
        let started = Instant::now();
        step()?;
        took.push(started.elapsed());
    }
    Ok(took)
}

/// What the disk does by itself: appending 4 KiB and flushing.
fn flushes(folder: &Path) -> Outcome<Vec<Duration>> {
    let mut file = File::create(folder.join("flushes"))?;
    timed(|| {
        file.write_all(&[1; 4096])?;
        Ok(file.sync_data()?)
    })
}

struct Bench {
    store: Store,
    app: AppId,
    now: Moment,
    /// The last request, and the last lease.
    last: u64,
}

impl Bench {
    fn new(folder: &Path, name: &str) -> Outcome<Self> {
        let store = Store::open(&Options::new(folder.join(name)))?;
        let now = Moment::from_micros(1_790_000_000_000_000);
        Ok(Self { store, app: "acme/sketch".parse()?, now, last: 0 })
    }

    /// Requests of the lower priority, so that they stand behind all others.
    fn fill(&mut self, waiting: u64) -> Outcome<()> {
        for _ in 0..waiting.div_ceil(1_000) {
            self.submit(1_000, Priority::Low)?;
        }
        Ok(())
    }

    fn commit(&mut self, ops: Vec<Op>) -> Outcome<Vec<Done>> {
        self.now = self.now + Duration::from_millis(1);
        Ok(self.store.commit(self.now, ops)?)
    }

    fn submit(&mut self, batch: u32, priority: Priority) -> Outcome<()> {
        let ops = (0..batch).map(|_| self.submission(priority)).collect();
        self.commit(ops)?;
        Ok(())
    }

    fn submission(&mut self, priority: Priority) -> Op {
        self.last += 1;
        // As the platform makes them: the time in front, and then what is not in order.
        let scattered = u128::from(self.last.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let id = RequestId::from_bits((u128::from(self.now.micros() / 1_000) << 80) | scattered);
        let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
        Op::Submit {
            ticket: Ticket::new(id, self.app.clone(), "/run", priority, self.now),
            content: Content { headers, body: vec![b'x'; BODY] },
            max_ahead: None,
        }
    }

    fn cycle(&mut self, batch: u32) -> Outcome<()> {
        self.submit(batch, Priority::Normal)?;
        let leases_from = LeaseId::new(self.last);
        let (app, node) = (self.app.clone(), NodeId(1));
        let done = self.commit(vec![Op::Claim { app, max: batch, node, leases_from }])?;
        let mut settlements = Vec::new();
        for answer in done {
            if let Done::Claimed { batch, .. } = answer {
                settlements.extend(batch.iter().filter_map(|(ticket, _)| settlement(ticket)));
            }
        }
        self.commit(settlements)?;
        Ok(())
    }
}

fn settlement(ticket: &Ticket) -> Option<Op> {
    let State::Leased(lease) = ticket.state else { return None };
    let status = Status::new(200);
    Some(Op::Settle {
        request: ticket.id,
        lease: lease.id,
        attempt: lease.attempt,
        ruling: Ruling::Finish(Ending::Responded(status)),
        told: Told::default(),
        lines: Vec::new(),
        reply: Some(Reply { status, headers: Vec::new(), body: vec![b'y'; BODY] }),
    })
}
