//! How the last reload went, in a file of the data directory, for whoever asked for it.

use std::{
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

/// The platform's side: it counts the reloads that it was asked for.
pub(super) struct Journal {
    path: PathBuf,
    asked: u64,
}

impl Journal {
    pub(super) fn begin(data_dir: &Path) -> Self {
        // Goes on where the last platform has stopped: whoever asks early may have read that.
        let asked = last(data_dir).map_or(0, |(asked, _)| asked);
        Self { path: data_dir.join(FILE), asked }
    }

    /// Notes where the reload stands that was asked for last.
    pub(super) fn note(&mut self, outcome: &Outcome) {
        if *outcome == Outcome::UnderWay {
            self.asked += 1;
        }
        if let Err(error) = self.write(outcome) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "how the reload goes cannot be written down");
        }
    }

    /// Whoever reads the file finds it whole.
    fn write(&self, outcome: &Outcome) -> io::Result<()> {
        let (word, text) = outcome.parts();
        let whole = self.path.with_extension("new");
        fs::write(&whole, format!("{}\n{word}\n{text}\n", self.asked))?;
        fs::rename(whole, &self.path)
    }
}

/// The asker's side: how many reloads there were, and how the last one stands.
pub(super) fn last(data_dir: &Path) -> io::Result<(u64, Outcome)> {
    let none = (0, Outcome::Done);
    let text = match fs::read_to_string(data_dir.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(none),
        Err(error) => return Err(error),
    };
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (asked, word, text) = (next().parse(), next(), next().trim_end());
    let outcome = Outcome::read(word, text);
    asked.ok().zip(outcome).ok_or_else(|| io::Error::other("its file `reload` is not understood"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last(dir.path()).unwrap(), (0, Outcome::Done));
        fs::write(dir.path().join(FILE), "7\ndone\n\n").unwrap();
        let mut journal = Journal::begin(dir.path());
        let refused = Outcome::Refused("fal.toml:3: a: b\nc".to_owned());
        let held_up = Outcome::over(&["a/b".parse().unwrap(), "c/d".parse().unwrap()]);
        assert_eq!(held_up, Outcome::HeldUp("a/b, c/d".to_owned()));
        for (count, outcome) in [(8, refused), (9, Outcome::over(&[])), (10, held_up)] {
            journal.note(&Outcome::UnderWay);
            assert_eq!(last(dir.path()).unwrap(), (count, Outcome::UnderWay));
            journal.note(&outcome);
            assert_eq!(last(dir.path()).unwrap(), (count, outcome));
        }
        fs::write(dir.path().join(FILE), "x").unwrap();
        assert!(last(dir.path()).is_err());
    }
}
