//! How many requests a second a database takes from their submission to their result.
//!
//! `cycles URL [SECONDS [STORES [LANES [BATCH]]]]`: each store has so many threads for submits, for claims and for
//! settlements, each of which commits batches of up to so many operations with bodies of 1 KiB. Requests that are
//! submitted and not yet settled are bounded, as callers who wait would bound them.

#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use fal_queue::{
    Ending, NodeId, Priority, Ruling, State, Ticket, Told,
    store::{Content, Done, Op, Reply, Store},
};
use fal_store_postgres::Options;
use fal_types::{AppId, LeaseId, Moment, RequestId, Status};

/// Requests that may be under way at once in each store.
const UNDER_WAY: u64 = 2_048;

/// What the threads share.
struct Run {
    app: AppId,
    batch: usize,
    over: AtomicBool,
    began: Instant,
    start: Moment,
}

/// What the threads of one store share.
#[derive(Default)]
struct Tally {
    submitted: AtomicU64,
    settled: AtomicU64,
    leases: AtomicU64,
    /// How long the commits of each kind took in all, in microseconds, and how many there were.
    kinds: [(AtomicU64, AtomicU64); 3],
}

type Failed = Box<dyn Error + Send + Sync>;

/// What one thread does.
type Work = Box<dyn FnOnce(Box<dyn Store>) -> Result<(), Failed> + Send>;

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}

impl Run {
    fn now(&self) -> Moment {
        self.start + self.began.elapsed()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Commits and measures.
    fn commit(
        &self,
        store: &mut dyn Store,
        kind: &(AtomicU64, AtomicU64),
        ops: Vec<Op>,
    ) -> Result<Vec<Done>, Failed> {
        let began = now();
        let done = store.commit(self.now(), ops)?;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        kind.0.fetch_add(micros, Ordering::Relaxed);
        kind.1.fetch_add(1, Ordering::Relaxed);
        Ok(done)
    }
}

fn submit(run: &Run, tally: &Tally, mut store: Box<dyn Store>, node: u64) -> Result<(), Failed> {
    let body = vec![b'x'; 1024];
    while !run.is_over() {
        let under_way = tally.submitted.load(Ordering::Relaxed)
            - tally.settled.load(Ordering::Relaxed).min(tally.submitted.load(Ordering::Relaxed));
        let room = usize::try_from(UNDER_WAY.saturating_sub(under_way)).unwrap_or(0);
        let count = room.min(run.batch);
        if count < run.batch / 4 {
            thread::yield_now();
            thread::park_timeout(Duration::from_micros(200));
            continue;
        }
        let first = tally.submitted.fetch_add(u64::try_from(count)?, Ordering::Relaxed);
        let ops = (0..count).map(|number| {
            let number = u128::from(first) + u128::try_from(number).unwrap_or(0);
            let micros = u128::from(run.start.micros());
            let id = RequestId::from_bits((micros << 80) | (u128::from(node) << 64) | number);
            let ticket = Ticket::new(id, run.app.clone(), "/run", Priority::Normal, run.now());
            let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
            let content = Content { headers, body: body.clone() };
            Op::Submit { ticket, content, max_ahead: None }
        });
        let [kind, ..] = &tally.kinds;
        run.commit(&mut *store, kind, ops.collect())?;
    }
    Ok(())
}

fn claim(
    run: &Run,
    tally: &Tally,
    mut store: Box<dyn Store>,
    node: NodeId,
    claimed: &Sender<Ticket>,
) -> Result<(), Failed> {
    let max = u32::try_from(run.batch)?;
    while !run.is_over() {
        let leases_from = LeaseId::new(tally.leases.fetch_add(u64::from(max), Ordering::Relaxed));
        let op = Op::Claim { app: run.app.clone(), max, node, leases_from };
        let [_, kind, _] = &tally.kinds;
        let done = run.commit(&mut *store, kind, vec![op])?;
        let mut count = 0;
        for done in done {
            let Done::Claimed { batch, .. } = done else { continue };
            count = batch.len();
            for (ticket, _) in batch {
                claimed.send(ticket)?;
            }
        }
        if count < run.batch / 4 {
            thread::park_timeout(Duration::from_micros(500));
        }
    }
    Ok(())
}

fn settle(
    run: &Run,
    tally: &Tally,
    mut store: Box<dyn Store>,
    claimed: &Receiver<Ticket>,
) -> Result<(), Failed> {
    let status = Status::new(200);
    let ruling = Ruling::Finish(Ending::Responded(status));
    while let Ok(first) = claimed.recv() {
        let tickets: Vec<_> =
            [first].into_iter().chain(claimed.try_iter().take(run.batch - 1)).collect();
        let count = u64::try_from(tickets.len())?;
        let ops = tickets.iter().filter_map(|ticket| {
            let State::Leased(lease) = ticket.state else { return None };
            let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
            Some(Op::Settle {
                request: ticket.id,
                lease: lease.id,
                attempt: lease.attempt,
                ruling,
                told: Told { outcome: "responded 200".into(), ..Told::default() },
                lines: Vec::new(),
                reply: Some(Reply { status, headers, body: vec![b'y'; 1024] }),
            })
        });
        let [_, _, kind] = &tally.kinds;
        run.commit(&mut *store, kind, ops.collect())?;
        tally.settled.fetch_add(count, Ordering::Relaxed);
    }
    Ok(())
}

/// Starts the threads of one store.
fn start(
    url: &str,
    lanes: usize,
    number: u64,
    run: &Arc<Run>,
    tally: &Arc<Tally>,
) -> Result<Vec<thread::JoinHandle<Result<(), Failed>>>, Failed> {
    let store = fal_store_postgres::Store::open(&Options::new(url))?;
    let mut threads = Vec::new();
    for lane in 0..lanes {
        let (sender, receiver) = channel();
        let node = number * 100 + u64::try_from(lane)?;
        let mut add = |work: Work| {
            let store = store.lane()?.ok_or("it has no lanes")?;
            threads.push(thread::spawn(move || work(store)));
            Ok::<(), Failed>(())
        };
        let share = || (Arc::clone(run), Arc::clone(tally));
        let (own, counts) = share();
        add(Box::new(move |store| submit(&own, &counts, store, node)))?;
        let (own, counts) = share();
        add(Box::new(move |store| claim(&own, &counts, store, NodeId(node), &sender)))?;
        let (own, counts) = share();
        add(Box::new(move |store| settle(&own, &counts, store, &receiver)))?;
    }
    Ok(threads)
}

fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("cycles URL [SECONDS [STORES [LANES [BATCH]]]]")?;
    let mut number = |default| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let (seconds, stores, lanes, batch) = (number(5)?, number(1)?, number(1)?, number(128)?);
    let run = Arc::new(Run {
        app: "acme/sketch".parse()?,
        batch: usize::try_from(batch)?,
        over: AtomicBool::new(false),
        began: now(),
        start: fal_store_postgres::Store::open(&Options::new(&url))?.clock()?.unwrap_or_default(),
    });
    let tallies: Vec<_> = (0..stores).map(|_| Arc::new(Tally::default())).collect();
    let mut threads = Vec::new();
    for (number, tally) in (1..).zip(&tallies) {
        threads.extend(start(&url, usize::try_from(lanes)?, number, &run, tally)?);
    }
    let settled = || tallies.iter().map(|tally| tally.settled.load(Ordering::Relaxed)).sum::<u64>();
    let mut before = settled();
    for second in 1..=seconds {
        thread::park_timeout(Duration::from_secs(second).saturating_sub(run.began.elapsed()));
        let after = settled();
        println!("second {second}: {} cycles", after - before);
        before = after;
    }
    run.over.store(true, Ordering::Relaxed);
    let took = run.began.elapsed();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    println!("{:.0} cycles/s", before as f64 / took.as_secs_f64());
    for (at, name) in ["submit", "claim", "settle"].iter().enumerate() {
        let sum = |part: fn(&(AtomicU64, AtomicU64)) -> &AtomicU64| -> u64 {
            let of = |tally: &Arc<Tally>| {
                tally.kinds.get(at).map_or(0, |kind| part(kind).load(Ordering::Relaxed))
            };
            tallies.iter().map(of).sum()
        };
        let (micros, commits) = (sum(|kind| &kind.0), sum(|kind| &kind.1).max(1));
        println!("{name}: {commits} commits, {:.2} ms each", micros as f64 / 1e3 / commits as f64);
    }
    Ok(())
}
