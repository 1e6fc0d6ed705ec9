//! How the last reload went, in a file of the data directory, for whoever asked for it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use fal_types::AppId;

const FILE: &str = "reload";

/// Where a reload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has been asked for.
    UnderWay,
    /// Every runner in service is of the new configuration.
    Done,
    /// The new revisions of these apps do not start, so their old runners stay in service.
    HeldUp(String),
    /// The configuration is wrong, and nothing has changed.
    Refused(String),
}

impl Outcome {
    pub(super) fn over(held_up: &[AppId]) -> Self {
        let apps: Vec<_> = held_up.iter().map(ToString::to_string).collect();
        if apps.is_empty() { Self::Done } else { Self::HeldUp(apps.join(", ")) }
    }

    const fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::UnderWay => ("under way", ""),
            Self::Done => ("done", ""),
            Self::HeldUp(apps) => ("held up", apps.as_str()),
            Self::Refused(why) => ("refused", why.as_str()),
        }
    }

    fn read(word: &str, text: &str) -> Option<Self> {
        Some(match word {
            "under way" => Self::UnderWay,
            "done" => Self::Done,
            "held up" => Self::HeldUp(text.to_owned()),
            "refused" => Self::Refused(text.to_owned()),
            _ => return None,
        })
    }
}

/// The platform's side: the last reloads that it was asked for, by their numbers.
pub(super) struct Journal {
    path: PathBuf,
    reloads: RefCell<Reloads>,
}

/// Where reloads stand, by their numbers.
pub(super) type Reloads = BTreeMap<u64, Outcome>;

/// Whoever asks looks within seconds, so few are kept.
const KEPT: usize = 20;

impl Journal {
    pub(super) fn begin(data_dir: &Path) -> Self {
        // Goes on where the last platform has stopped: whoever asks early may have read that.
        let journal = Self { path: data_dir.join(FILE), reloads: RefCell::new(noted(data_dir)) };
        journal.change(|reloads| ended(reloads, &Outcome::Done));
        journal
    }

    /// One more was asked for. Answers its number.
    pub(super) fn asked(&self) -> u64 {
        let number = self.reloads.borrow().keys().next_back().map_or(1, |last| last + 1);
        self.change(|reloads| {
            reloads.insert(number, Outcome::UnderWay);
            while reloads.len() > KEPT {
                reloads.pop_first();
            }
        });
        number
    }

    /// This one was refused.
    pub(super) fn refused(&self, number: u64, why: String) {
        self.change(|reloads| {
            reloads.insert(number, Outcome::Refused(why));
        });
    }

    /// The last one that was accepted is over, and those before it with it.
    pub(super) fn over(&self, outcome: &Outcome) {
        self.change(|reloads| ended(reloads, outcome));
    }

    fn change(&self, change: impl FnOnce(&mut Reloads)) {
        change(&mut self.reloads.borrow_mut());
        if let Err(error) = self.write() {
            let path = self.path.display();
            tracing::warn!(%path, %error, "how the reload goes cannot be written down");
        }
    }

    /// Whoever reads the file finds it whole.
    fn write(&self) -> io::Result<()> {
        let line = |(number, outcome): (&u64, &Outcome)| {
            let (word, text) = outcome.parts();
            format!("{number}\t{word}\t{}\n", text.replace('\n', " "))
        };
        let text: String = self.reloads.borrow().iter().map(line).collect();
        let whole = self.path.with_extension("new");
        fs::write(&whole, text)?;
        fs::rename(whole, &self.path)
    }
}

fn ended(reloads: &mut Reloads, how: &Outcome) {
    let open = reloads.values_mut().filter(|outcome| **outcome == Outcome::UnderWay);
    open.for_each(|outcome| outcome.clone_from(how));
}

/// The asker's side: where the last reloads stand. What cannot be read is not known.
pub(super) fn noted(data_dir: &Path) -> Reloads {
    let text = fs::read_to_string(data_dir.join(FILE)).unwrap_or_default();
    let read = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (number, word, text) = (parts.next()?, parts.next()?, parts.next()?);
        Some((number.parse().ok()?, Outcome::read(word, text)?))
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reload_has_its_own_outcome_and_numbers_go_on() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "6\tnonsense\n7\tunder way\t\n").unwrap();
        let journal = Journal::begin(dir.path());
        assert_eq!(noted(dir.path()), Reloads::from([(7, Outcome::Done)]));
        let numbers = [journal.asked(), journal.asked(), journal.asked()];
        assert_eq!(numbers, [8, 9, 10]);
        journal.refused(9, "fal.toml:3: a:\nb".to_owned());
        let held_up = Outcome::over(&["a/b".parse().unwrap(), "c/d".parse().unwrap()]);
        assert_eq!(noted(dir.path())[&10], Outcome::UnderWay);
        journal.over(&held_up);
        let seen = noted(dir.path());
        assert_eq!(seen[&9], Outcome::Refused("fal.toml:3: a: b".to_owned()));
        assert_eq!((&seen[&8], &seen[&10]), (&held_up, &held_up));
        assert_eq!(held_up, Outcome::HeldUp("a/b, c/d".to_owned()));
        for _ in 0..30 {
            journal.asked();
        }
        assert_eq!((noted(dir.path()).len(), journal.asked()), (KEPT, 41));
    }
}
