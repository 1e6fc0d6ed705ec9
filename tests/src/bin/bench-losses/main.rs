//! An auditor for `cargo xtask bench losses`: kills platforms under load again and again, and compares what their
//! callers were told with what the queue has in the end. One line of JSON.
//!
//! ```text
//! --server FILE --runner FILE --home DIR --rounds N --nodes N [--image FILE]
//! ```
//!
//! In each round callers submit and ask for results, until a platform is killed (kill -9) at a moment that nobody has
//! chosen; it is started again, and the next round begins. With `--image`, a file that can be mounted as a file
//! system, the data directory lies on it, and the file system is cut off instead, so that everything unflushed is lost
//! as with the power; only what was acknowledged before the cut counts. That wants root and python3.
//!
//! `FAL_SERVER_QUEUE` in the environment names a database that all nodes share.
//!
//! Counted: requests that were acknowledged and are unknown in the end (`lost`), that have no good result (`failed`),
//! and that showed two different results (`changed`): each execution's answer says when it was written.

mod audit;
mod client;
mod disk;
mod nodes;

use std::{
    collections::BTreeMap,
    io::Write,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::json;

use crate::{audit::Book, disk::Disk, nodes::Node};

/// Whatever went wrong, in words: a person reads it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Callers that submit at once.
const CALLERS: usize = 8;

/// The longest that a round leaves the platform alone, in milliseconds.
const LONGEST: u64 = 400;

/// What was asked for.
struct Wanted {
    server: PathBuf,
    runner: PathBuf,
    home: PathBuf,
    rounds: u32,
    nodes: usize,
    image: Option<PathBuf>,
}

fn main() -> Result<(), Failure> {
    let wanted = read()?;
    let disk = wanted.image.as_deref().map(|image| Disk::mount(image, &wanted.home)).transpose()?;
    let data = |number: usize| match &disk {
        Some(disk) => disk.root().join(format!("data{number}")),
        None => wanted.home.join(format!("data{number}")),
    };
    let mut nodes = Vec::new();
    for number in 0..wanted.nodes {
        nodes.push(Node::start(&wanted, number, &data(number))?);
    }
    let book = Arc::new(Mutex::new(Book::default()));
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..wanted.rounds {
        let victim = dice.below(nodes.len());
        round(&mut nodes, victim, (&book, disk.as_ref()), dice.span())?;
    }
    let addresses: Vec<_> = nodes.iter().map(|node| node.address.clone()).collect();
    let book = book.lock();
    let said = book.close(&addresses)?;
    let rounds = wanted.rounds;
    writeln!(std::io::stdout(), "{}", json!({ "rounds": rounds, "found": said }))?;
    Ok(())
}

/// Load, a death, and another start.
fn round(
    nodes: &mut [Node],
    victim: usize,
    (book, disk): (&Arc<Mutex<Book>>, Option<&Disk>),
    after: Duration,
) -> Result<(), Failure> {
    let addresses: Vec<_> = nodes.iter().map(|node| node.address.clone()).collect();
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .filter_map(|number| {
            let address = addresses.get(number % addresses.len())?.clone();
            let (book, over) = (Arc::clone(book), Arc::clone(&over));
            Some(thread::spawn(move || client::call(&address, &book, &over)))
        })
        .collect();
    pause(after);
    let node = nodes.get_mut(victim).ok_or("a victim")?;
    let cut = match disk {
        Some(disk) => Some(disk.cut()?),
        None => None,
    };
    node.kill()?;
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().map_err(|_| "a caller has failed")?;
    }
    let mut book = book.lock();
    book.keep_until(cut);
    drop(book);
    if let Some(disk) = disk {
        disk.again()?;
    }
    node.again()
}

fn read() -> Result<Wanted, Failure> {
    let mut pairs = BTreeMap::new();
    let mut words = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        pairs.insert(name.trim_start_matches("--").to_owned(), value);
    }
    let text = |name: &str| pairs.get(name).cloned().ok_or(format!("--{name} is missing"));
    Ok(Wanted {
        server: text("server")?.into(),
        runner: text("runner")?.into(),
        home: text("home")?.into(),
        rounds: text("rounds")?.parse()?,
        nodes: text("nodes")?.parse::<usize>()?.max(1),
        image: pairs.get("image").map(PathBuf::from),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "what was acknowledged before a cut is known by the time"
)]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a death at a moment that nobody has chosen")]
fn pause(time: Duration) {
    thread::sleep(time);
}

/// A small generator (xorshift64), so that moments of death differ.
struct Dice(u64);

impl Dice {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0).checked_rem(end).unwrap_or(0)
    }

    fn span(&mut self) -> Duration {
        Duration::from_millis(20 + self.next() % LONGEST)
    }
}
