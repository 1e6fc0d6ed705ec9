//! The keys that callers prove themselves with.

use fal_access::{Entry, Load, Mode};
use toml::{Table, Value};

use super::{app::Reader, bad, raw, report::Source};
use crate::Failure;

const FORMS: &str = "a key is \"NAME:SECRET\", or { key = \"NAME:SECRET\", concurrent = 10, per_second = 20 }; `fal-server key NAME` makes one";

/// The keys that a configuration has.
pub(super) fn read(source: &Source<'_>, raw: &raw::File) -> Result<Vec<Entry>, Failure> {
    let Some(written) = &raw.api_keys else { return Ok(Vec::new()) };
    let mut entries: Vec<Entry> = Vec::new();
    for value in written.as_ref() {
        let refuse = |text: &str| bad(&source.at(value.span(), "api_keys", text));
        let entry = entry(value.as_ref()).map_err(|text| refuse(&text))?;
        if entries.iter().any(|known| known.name() == entry.name()) {
            return Err(refuse(&format!("two keys are named `{}`", entry.name())));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(value: &Value) -> Result<Entry, String> {
    match value {
        Value::String(text) => Entry::parse(text).map_err(|error| error.to_string()),
        Value::Table(table) => limited(table),
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => Err(FORMS.to_owned()),
    }
}

fn limited(table: &Table) -> Result<Entry, String> {
    let mut entry = match table.get("key").and_then(Value::as_str) {
        Some(text) => Entry::parse(text).map_err(|error| error.to_string())?,
        None => return Err(FORMS.to_owned()),
    };
    let mut load = Load::default();
    for (name, value) in table {
        match name.as_str() {
            "key" => {}
            "concurrent" => {
                let found = value.as_integer().and_then(|found| u32::try_from(found).ok());
                let found = found.filter(|found| (1..=1_000_000).contains(found));
                load.concurrent = Some(found.ok_or("`concurrent` is a number from 1 to 1000000")?);
            }
            "per_second" => {
                #[expect(clippy::cast_precision_loss, reason = "nobody means more than 2^52")]
                let found = value.as_float().or(value.as_integer().map(|found| found as f64));
                let found = found.filter(|found| (0.001..=1_000_000.0).contains(found));
                load.per_second =
                    Some(found.ok_or("`per_second` is a number from 0.001 to 1000000")?);
            }
            other => return Err(format!("`{other}` is not one of key, concurrent, per_second")),
        }
    }
    entry.load = load;
    Ok(entry)
}

impl Reader<'_> {
    /// Who may call the app.
    pub(super) fn auth(&self) -> Result<Mode, Failure> {
        let Some(written) = &self.app.auth else { return Ok(Mode::default()) };
        let mode = written.as_ref().parse::<Mode>();
        mode.map_err(|_| {
            let text = format!("`{}` is not one of private, public, shared", written.as_ref());
            self.refuse(written.span(), "auth", &text)
        })
    }
}
