//! The words behind a command, taken apart by hand: nine commands do not need a parser of their own.

use anyhow::Result;

/// A command line that makes no sense; the program ends with 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (--help says what there is)", self.0)
    }
}

impl std::error::Error for Usage {}

/// The words that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Flags(Vec<String>);

impl Flags {
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().collect())
    }

    /// What is left, as it was typed.
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }

    /// Takes a flag without a value; whether it was there.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// Takes a flag with a value, in the forms `--name value` and `--name=value`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let mut all = self.values(name)?;
        if all.len() > 1 {
            return Err(Usage(format!("{name} is given more than once")).into());
        }
        Ok(all.pop())
    }

    /// Takes every occurrence of a flag with a value.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut kept = Vec::new();
        let mut words = std::mem::take(&mut self.0).into_iter();
        while let Some(word) = words.next() {
            if word == name {
                let value = words.next().filter(|value| !value.starts_with("--"));
                found.push(value.ok_or_else(|| Usage(format!("{name} needs a value")))?);
            } else if let Some(value) =
                word.strip_prefix(name).and_then(|rest| rest.strip_prefix('='))
            {
                found.push(value.to_owned());
            } else {
                kept.push(word);
            }
        }
        self.0 = kept;
        Ok(found)
    }

    /// Takes the first word that is no flag.
    pub(crate) fn word(&mut self) -> Option<String> {
        let at = self.0.iter().position(|word| !word.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    /// Refuses whatever is left.
    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(word) => Err(Usage(format!("`{word}` is not understood here")).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(words: &str) -> Flags {
        Flags::new(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn values_come_in_both_spellings_and_any_number() {
        let mut flags = flags("--app hello --release --app=embed word");
        assert_eq!(flags.values("--app").unwrap(), ["hello", "embed"]);
        assert!(flags.switch("--release") && !flags.switch("--release"));
        assert_eq!(flags.word().as_deref(), Some("word"));
        flags.finish().unwrap();
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(flags("--listen").value("--listen").is_err());
        assert!(flags("--listen --release").value("--listen").is_err());
        assert!(flags("--listen a --listen b").value("--listen").is_err());
        assert!(flags("--lisen a").finish().is_err());
    }
}
