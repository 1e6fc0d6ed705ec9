//! What grows at its end: attempts, lines, deliveries. Each is a run of records that are written one
//! behind the other, so that a store appends without reading what is there.
//!
//! A record is a line of fields between tabs. Within a field, a backslash, a tab and an end of line
//! are written as `\\`, `\t` and `\n`. Lines of runners may hold any character, so the whole is
//! bytes and not text to a database.

use std::time::Duration;

use fal_queue::{
    Account, NodeId, Told,
    store::{Error, Line, Sent},
};
use fal_types::{Attempt, Moment, RunnerId};

use crate::corrupt;

/// The record of one attempt.
#[must_use]
pub fn account(account: &Account) -> Vec<u8> {
    let Account { attempt, node, started, ended, next, told } = account;
    let Told { runner, outcome, verdict, clause, fate, fate_clause } = told;
    let mut writer = Writer::default();
    writer.number(attempt.number().into());
    writer.number(node.0);
    writer.number(started.micros());
    writer.number(ended.micros());
    writer.text(&next.map(|next| next.micros().to_string()).unwrap_or_default());
    let runner = runner.map(|runner| format!("{}-{}", runner.boot(), runner.number()));
    writer.text(&runner.unwrap_or_default());
    for word in [outcome, verdict, clause, fate, fate_clause] {
        writer.text(word);
    }
    writer.end()
}

/// The attempts that were kept, in order.
///
/// # Errors
/// [`Error::Corrupt`] where these are no records of [`account`].
pub fn read_accounts(bytes: &[u8]) -> Result<Vec<Account>, Error> {
    records(bytes, "an attempt", |fields| {
        Some(Account {
            attempt: Attempt::new(u16::try_from(fields.number()?).ok()?),
            node: NodeId(fields.number()?),
            started: Moment::from_micros(fields.number()?),
            ended: Moment::from_micros(fields.number()?),
            next: optional(&fields.text()?, |text| text.parse().ok().map(Moment::from_micros))?,
            told: Told {
                runner: optional(&fields.text()?, runner)?,
                outcome: fields.text()?.into(),
                verdict: fields.text()?.into(),
                clause: fields.text()?.into(),
                fate: fields.text()?.into(),
                fate_clause: fields.text()?.into(),
            },
        })
    })
}

/// The records of some lines, in order.
#[must_use]
pub fn lines(lines: &[Line]) -> Vec<u8> {
    let mut all = Vec::new();
    for line in lines {
        let mut writer = Writer::default();
        writer.number(line.at.micros());
        writer.text(if line.is_error { "e" } else { "" });
        writer.text(&line.text);
        all.append(&mut writer.end());
    }
    all
}

/// The lines that were kept, in order.
///
/// # Errors
/// [`Error::Corrupt`] where these are no records of [`lines`].
pub fn read_lines(bytes: &[u8]) -> Result<Vec<Line>, Error> {
    records(bytes, "a line", |fields| {
        Some(Line {
            at: Moment::from_micros(fields.number()?),
            is_error: !fields.text()?.is_empty(),
            text: fields.text()?,
        })
    })
}

/// The record of one delivery of a webhook.
#[must_use]
pub fn sent(sent: &Sent) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.number(sent.number.into());
    writer.number(sent.at.micros());
    writer.number(u64::try_from(sent.took.as_micros()).unwrap_or(u64::MAX));
    writer.text(&sent.answer);
    writer.end()
}

/// The deliveries that were kept, in order.
///
/// # Errors
/// [`Error::Corrupt`] where these are no records of [`sent`].
pub fn read_sent(bytes: &[u8]) -> Result<Vec<Sent>, Error> {
    records(bytes, "a delivery", |fields| {
        Some(Sent {
            number: u32::try_from(fields.number()?).ok()?,
            at: Moment::from_micros(fields.number()?),
            took: Duration::from_micros(fields.number()?),
            answer: fields.text()?,
        })
    })
}

fn runner(text: &str) -> Option<RunnerId> {
    let (boot, number) = text.split_once('-')?;
    Some(RunnerId::new(boot.parse().ok()?, number.parse().ok()?))
}

/// A field that may be left out. None where it is there and cannot be read.
fn optional<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { read(text).map(Some) }
}

fn records<T>(
    bytes: &[u8],
    name: &str,
    read: impl Fn(&mut Fields<'_>) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| corrupt(format!("{name} is no text")))?;
    let read = |record: &str| {
        let whole = record.strip_suffix('\n')?;
        read(&mut Fields(whole.split('\t')))
    };
    let all = text.split_inclusive('\n').map(read).collect::<Option<Vec<_>>>();
    all.ok_or_else(|| corrupt(format!("{name} cannot be read")))
}

/// One record that is being written.
#[derive(Default)]
struct Writer {
    record: String,
    has_fields: bool,
}

impl Writer {
    fn text(&mut self, text: &str) {
        if std::mem::replace(&mut self.has_fields, true) {
            self.record.push('\t');
        }
        for character in text.chars() {
            match character {
                '\\' => self.record.push_str("\\\\"),
                '\t' => self.record.push_str("\\t"),
                '\n' => self.record.push_str("\\n"),
                other => self.record.push(other),
            }
        }
    }

    fn number(&mut self, number: u64) {
        self.text(&number.to_string());
    }

    fn end(mut self) -> Vec<u8> {
        self.record.push('\n');
        self.record.into_bytes()
    }
}

/// The fields of one record, one after the other.
struct Fields<'a>(std::str::Split<'a, char>);

impl Fields<'_> {
    fn text(&mut self) -> Option<String> {
        let written = self.0.next()?;
        let mut text = String::with_capacity(written.len());
        let mut characters = written.chars();
        while let Some(character) = characters.next() {
            text.push(match character {
                '\\' => match characters.next()? {
                    't' => '\t',
                    'n' => '\n',
                    other => other,
                },
                other => other,
            });
        }
        Some(text)
    }

    fn number(&mut self) -> Option<u64> {
        self.0.next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_what_they_write() {
        let texts = ["", "plain", "a\tb\\n", "\\", "größe\r\0", "two\nlines"];
        let written: Vec<_> = (0..)
            .zip(texts)
            .map(|(micros, text)| Line {
                at: Moment::from_micros(micros),
                is_error: micros % 2 == 0,
                text: text.to_owned(),
            })
            .collect();
        let mut bytes = lines(&written[..2]);
        bytes.extend(lines(&written[2..]));
        assert_eq!(read_lines(&bytes), Ok(written));
        assert_eq!(read_lines(b""), Ok(vec![]));
        for bad in [&b"1\t"[..], b"1\n", b"x\t\ta\n", b"1\t\ta", b"\xff\n"] {
            assert!(read_lines(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn attempts_and_deliveries_read_what_they_write() {
        let lost = Account {
            attempt: Attempt::FIRST,
            node: NodeId(u64::MAX),
            started: Moment::from_micros(u64::MAX),
            ended: Moment::default(),
            next: None,
            told: Told::lost(),
        };
        let told = Told { runner: Some(RunnerId::new(u32::MAX, 0)), ..Told::default() };
        let next = Some(Moment::default());
        let other = Account { next, told, ..lost.clone() };
        let bytes = [account(&lost), account(&other)].concat();
        assert_eq!(read_accounts(&bytes), Ok(vec![lost, other]));
        let last = Sent {
            number: u32::MAX,
            at: Moment::default(),
            took: Duration::from_secs(1),
            answer: "a\tb".into(),
        };
        assert_eq!(read_sent(&sent(&last)), Ok(vec![last]));
    }
}
