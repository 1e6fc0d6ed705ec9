//! What the embedded store takes from callers who each wait for their answer.
//!
//! `cargo run --release -p fal-store-sqlite --example rates [SECONDS [WAITING [CELL...]]]`
//!
//! One thread commits what has come in since the last commit, up to the store's batch, and never
//! waits for more; another one plays the callers, each of whom asks again as soon as it is
//! answered. A cycle is a submit, a claim of one request and a settlement, each durable before it
//! is answered. Bodies and results have 1 KiB. The flushes of the same run head the table: with one
//! caller they are the limit. With `WAITING`, so many requests of the lower priority wait behind
//! those that are measured. With cells, such as `cycles-256`, only those are run. The files lie
//! where `TMPDIR` says.

use std::{
    error::Error,
    fs::File,
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

use fal_queue::{
    Ending, NodeId, Priority, Ruling, State, Ticket, Told,
    store::{Content, Done, Op, Reply, Store as _},
};
use fal_store_sqlite::{Options, Store};
use fal_types::{AppId, LeaseId, Moment, RequestId, Status};

const BODY: usize = 1024;
const CALLERS: [usize; 3] = [1, 16, 256];

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let mut words = std::env::args().skip(1);
    let seconds = words.next().map_or(Ok(4), |text| text.parse())?;
    let waiting = words.next().map_or(Ok(0), |text| text.parse::<u64>())?;
    let wanted: Vec<_> = words.collect();
    let cell = Duration::from_secs(seconds);
    let folder = tempfile::tempdir()?;
    say(&format!("{:>28} {:>9} {:>9} {:>9} {:>9}", "", "per s", "p50 ms", "p99 ms", "worst"));
    report("flushes, appending 4 KiB", appends(folder.path(), cell)?);
    report("flushes, overwriting 4 KiB", overwrites(folder.path(), cell)?);
    for (name, work) in [("submits", Work::Submits), ("cycles", Work::Cycles)] {
        for callers in CALLERS {
            let short = format!("{name}-{callers}");
            if !wanted.is_empty() && !wanted.contains(&short) {
                continue;
            }
            let path = folder.path().join(short);
            let store = filled(&path, waiting)?;
            let name = format!("{name}, {callers} callers");
            report(&name, played(store, callers, work, cell)?);
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

/// How long each step took, of how many there were in all, and for how long it went.
struct Measured {
    steps: Vec<Duration>,
    units: usize,
    elapsed: Duration,
}

fn report(name: &str, mut measured: Measured) {
    measured.steps.sort_unstable();
    let steps = &measured.steps;
    let units = u32::try_from(measured.units).unwrap_or(u32::MAX);
    let rate = f64::from(units) / measured.elapsed.as_secs_f64();
    let share = |percent: usize| {
        let at = steps.get(steps.len().saturating_sub(1) * percent / 100);
        at.copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    let (half, most, worst) = (share(50), share(99), share(100));
    say(&format!("{name:>28} {rate:>9.0} {half:>9.2} {most:>9.2} {worst:>9.2}"));
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn clock() -> Instant {
    Instant::now()
}

fn timed(cell: Duration, mut step: impl FnMut() -> Outcome<()>) -> Outcome<Measured> {
    let (begin, mut steps) = (clock(), Vec::new());
    while begin.elapsed() < cell {
        let started = clock();
        step()?;
        steps.push(started.elapsed());
    }
    Ok(Measured { units: steps.len(), steps, elapsed: begin.elapsed() })
}

fn appends(folder: &Path, cell: Duration) -> Outcome<Measured> {
    let mut file = File::create(folder.join("appends"))?;
    timed(cell, || {
        file.write_all(&[1; 4096])?;
        Ok(file.sync_data()?)
    })
}

fn overwrites(folder: &Path, cell: Duration) -> Outcome<Measured> {
    let file = File::create(folder.join("overwrites"))?;
    file.write_all_at(&vec![0; 4096 * 1024], 0)?;
    file.sync_all()?;
    let mut at = 0;
    timed(cell, || {
        file.write_all_at(&[1; 4096], at * 4096)?;
        at = (at + 1) % 1024;
        Ok(file.sync_data()?)
    })
}

fn filled(path: &Path, waiting: u64) -> Outcome<Store> {
    let mut store = Store::open(&Options::new(path))?;
    let mut caller = Caller::new(u64::MAX)?;
    for _ in 0..waiting.div_ceil(1_000) {
        let ops = (0..1_000).map(|_| caller.submit(Priority::Low)).collect();
        store.commit(NOW, ops)?;
    }
    Ok(store)
}

const NOW: Moment = Moment::from_micros(1_790_000_000_000_000);

#[derive(Clone, Copy)]
enum Work {
    Submits,
    Cycles,
}

/// An operation with the number of the caller who waits for its answer.
type Asked = (usize, Op);
type Answered = (usize, Done);

fn played(store: Store, callers: usize, work: Work, cell: Duration) -> Outcome<Measured> {
    let ((ask, asked), (answer, answers)) = (channel(), channel());
    let committing = std::thread::spawn(move || commit(store, &asked, &answer));
    let measured = play(&ask, &answers, callers, work, cell);
    drop(ask);
    committing.join().map_err(|_| "the committing thread panicked")??;
    measured
}

/// Commits what waits until nobody asks any more.
fn commit(mut store: Store, asked: &Receiver<Asked>, answer: &Sender<Answered>) -> Outcome<()> {
    let most = store.caps().max_batch;
    let mut now = NOW;
    while let Ok(first) = asked.recv() {
        let batch = std::iter::once(first).chain(asked.try_iter().take(most - 1));
        let (callers, ops): (Vec<_>, Vec<_>) = batch.unzip();
        now = now + Duration::from_millis(1);
        for answered in callers.into_iter().zip(store.commit(now, ops)?) {
            answer.send(answered)?;
        }
    }
    Ok(())
}

fn play(
    ask: &Sender<Asked>,
    answers: &Receiver<Answered>,
    callers: usize,
    work: Work,
    cell: Duration,
) -> Outcome<Measured> {
    let begin = clock();
    let mut states = Vec::new();
    for number in 0..callers {
        let mut caller = Caller::new(u64::try_from(number)?)?;
        ask.send((number, caller.submit(Priority::Normal)))?;
        states.push((clock(), caller));
    }
    let (mut steps, mut units, mut open) = (Vec::new(), 0, callers);
    while open > 0 {
        let (number, done) = answers.recv()?;
        let (since, caller) = states.get_mut(number).ok_or("an unknown caller")?;
        steps.push(since.elapsed());
        let next = caller.next(&done, work)?;
        units += usize::from(matches!(next, Op::Submit { .. }));
        if begin.elapsed() > cell {
            open -= 1;
            continue;
        }
        *since = clock();
        ask.send((number, next))?;
    }
    Ok(Measured { steps, units, elapsed: begin.elapsed() })
}

struct Caller {
    app: AppId,
    /// Tells its requests and leases from those of others.
    number: u64,
    /// How many of them there were.
    last: u64,
}

impl Caller {
    fn new(number: u64) -> Outcome<Self> {
        Ok(Self { app: "acme/sketch".parse()?, number, last: 0 })
    }

    /// What it asks for when it has been answered with `done`.
    fn next(&mut self, done: &Done, work: Work) -> Outcome<Op> {
        Ok(match (done, work) {
            (Done::Submitted { .. }, Work::Cycles) => self.claim(),
            (Done::Claimed { batch, .. }, _) => {
                batch.first().map_or_else(|| Ok(self.claim()), |(ticket, _)| settlement(ticket))?
            }
            _ => self.submit(Priority::Normal),
        })
    }

    fn submit(&mut self, priority: Priority) -> Op {
        self.last += 1;
        // As the platform makes them: the time in front, and then what is not in order.
        let scattered =
            (self.number ^ self.last.rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let id = RequestId::from_bits((u128::from(self.last) << 80) | u128::from(scattered));
        let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
        Op::Submit {
            ticket: Ticket::new(id, self.app.clone(), "/run", priority, NOW),
            content: Content { headers, body: vec![b'x'; BODY] },
            max_ahead: None,
        }
    }

    fn claim(&mut self) -> Op {
        self.last += 1;
        let leases_from = LeaseId::new((self.number << 32) | self.last);
        Op::Claim { app: self.app.clone(), max: 1, node: NodeId(1), leases_from }
    }
}

fn settlement(ticket: &Ticket) -> Outcome<Op> {
    let State::Leased(lease) = ticket.state else { return Err("it is not leased".into()) };
    let status = Status::new(200);
    Ok(Op::Settle {
        request: ticket.id,
        lease: lease.id,
        attempt: lease.attempt,
        ruling: Ruling::Finish(Ending::Responded(status)),
        told: Told {
            outcome: "responded 200".into(),
            verdict: "finish responded".into(),
            clause: "retry-table".into(),
            fate: "kept".into(),
            fate_clause: "status-200".into(),
            ..Told::default()
        },
        lines: Vec::new(),
        reply: Some(Reply { status, headers: Vec::new(), body: vec![b'y'; BODY] }),
    })
}
