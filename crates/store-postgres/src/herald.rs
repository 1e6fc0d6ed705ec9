//! Hints to those who share the store: what was committed here, and what others say of theirs.
//!
//! A notification takes a lock that every commit of the server with one waits for, so none is sent with a commit. A thread
//! of its own says after the fact what has happened, all of it at once, and then pauses.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use fal_queue::store::{Error, Wake, Wakes};

use crate::link::{Link, Target, apart};

/// The pause between two notifications.
const PAUSE: Duration = Duration::from_millis(20);

/// What the server takes in one notification, in bytes, a little less.
const LONGEST: usize = 7_900;

/// More than so many at once are not worth saying: everybody looks at everything then.
const MOST: usize = 6;

/// Tells all who listen on the channel, which has the schema's name. One lock for all of them.
const TELL: &str =
    "SELECT pg_notify(current_setting('search_path'), told) FROM unnest($1::text[]) AS told";

/// The way to the thread that tells others. It ends with the last one of it.
#[derive(Debug)]
pub(crate) struct Herald {
    tell: Sender<Vec<Wake>>,
    /// The connection that it uses, so that nobody listens to himself.
    own: Arc<AtomicI32>,
}

impl Herald {
    pub(crate) fn start(target: Target) -> Result<Self, Error> {
        let (tell, told) = channel();
        let own = Arc::new(AtomicI32::new(0));
        let link = Link::new(target)?;
        let mark = Arc::clone(&own);
        let started = thread::Builder::new()
            .name("fal-store-herald".to_owned())
            .spawn(move || herald(link, &told, &mark));
        started.map_err(|error| Error::Io(format!("no thread: {error}")))?;
        Ok(Self { tell, own })
    }

    /// Has it said, at some time soon.
    pub(crate) fn tell(&self, wakes: Vec<Wake>) {
        if !wakes.is_empty() {
            let _ended = self.tell.send(wakes);
        }
    }
}

fn herald(mut link: Link, told: &Receiver<Vec<Wake>>, own: &AtomicI32) {
    let mut missed = false;
    while let Ok(first) = told.recv() {
        let mut wakes: BTreeSet<String> = first.iter().map(write).collect();
        wakes.extend(told.try_iter().flatten().map(|wake| write(&wake)));
        if missed {
            wakes.insert(write(&Wake::Missed));
        }
        let payloads = payloads(&wakes);
        let said = link.once(async |session| {
            own.store(session.backend.pid, Ordering::Relaxed);
            session.look(TELL, &[&payloads]).await
        });
        // They are hints: whoever missed some looks at everything.
        missed = said.is_err();
        link.pause(PAUSE);
    }
}

/// Joins words to as few texts as the server takes.
fn payloads(words: &BTreeSet<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for word in words {
        match all.last_mut().filter(|last| last.len() + word.len() < LONGEST) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => all.push(word.clone()),
        }
    }
    if all.len() > MOST { vec![write(&Wake::Missed)] } else { all }
}

fn write(wake: &Wake) -> String {
    match wake {
        Wake::Waiting(app) => format!("w{app}"),
        Wake::Changed(request) => format!("c{:032x}", request.bits()),
        Wake::Missed => "*".to_owned(),
    }
}

/// What cannot be read was written by a later version, and may be anything.
fn read(word: &str) -> Wake {
    let parsed = match word.split_at_checked(1) {
        Some(("w", app)) => app.parse().ok().map(Wake::Waiting),
        Some(("c", request)) => request.parse().ok().map(Wake::Changed),
        Some(_) | None => None,
    };
    parsed.unwrap_or(Wake::Missed)
}

/// What others say.
#[derive(Debug)]
pub(crate) struct Listener {
    link: Link,
    own: Arc<AtomicI32>,
    /// Whether it has listened without a gap.
    is_steady: bool,
}

impl Listener {
    pub(crate) fn new(link: Link, herald: &Herald) -> Self {
        Self { link, own: Arc::clone(&herald.own), is_steady: false }
    }
}

impl Wakes for Listener {
    fn next(&mut self, limit: Duration) -> Result<Vec<Wake>, Error> {
        apart(|| {
            if !self.is_steady {
                // Whatever was said before is lost.
                self.link.once(async |_| Ok(())).map_err(Error::from)?;
                self.is_steady = true;
                return Ok(vec![Wake::Missed]);
            }
            let heard = self.link.wait(self.own.load(Ordering::Relaxed), limit);
            self.is_steady = heard.is_ok();
            let heard = heard?;
            let words: BTreeSet<&str> = heard.iter().flat_map(|text| text.split(' ')).collect();
            Ok(words.into_iter().map(read).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use fal_types::RequestId;

    use super::*;

    #[test]
    fn hints_read_what_they_write() {
        let app = "acme/sketch".parse().unwrap();
        let request = RequestId::from_bits(0x0190_d1a2);
        for wake in [Wake::Waiting(app), Wake::Changed(request), Wake::Missed] {
            assert_eq!(read(&write(&wake)), wake);
        }
        for odd in ["", "x", "w", "cxyz", "größe"] {
            assert_eq!(read(odd), Wake::Missed, "{odd}");
        }
    }

    #[test]
    fn what_is_too_much_to_say_is_not_said() {
        let words = |count: u128| -> BTreeSet<String> {
            (0..count).map(|bits| write(&Wake::Changed(RequestId::from_bits(bits)))).collect()
        };
        assert_eq!(payloads(&words(3)).len(), 1);
        let several = payloads(&words(1_000));
        assert!(several.len() > 1 && several.iter().all(|text| text.len() <= LONGEST));
        let back: usize = several.iter().map(|text| text.split(' ').count()).sum();
        assert_eq!(back, 1_000);
        assert_eq!(payloads(&words(10_000)), ["*"]);
    }
}
