//! Prints a function of several small inputs as a table that a person can read.
//!
//! Every combination is one case. Cases that differ in one column only, and agree in the result,
//! become one line, so the table stays exhaustive and gets short.

use std::{collections::BTreeMap, fmt::Write};

/// One column of inputs: its title and every value it takes, in the order to print them.
pub(super) struct Column(pub(super) &'static str, pub(super) Vec<String>);

impl Column {
    pub(super) fn new<T>(title: &'static str, values: &[(&str, T)]) -> Self {
        Self(title, values.iter().map(|(name, _)| (*name).to_owned()).collect())
    }
}

/// The indices of the values that a line stands for, per column.
type Line = Vec<Vec<usize>>;

/// The table of all cases: for each combination of indices, what comes out of it.
pub(super) fn render(
    columns: &[Column],
    results: &[&str],
    case: impl Fn(&[usize]) -> Vec<String>,
) -> String {
    let mut lines: Vec<(Line, Vec<String>)> = combinations(columns)
        .into_iter()
        .map(|at| (at.iter().map(|index| vec![*index]).collect(), case(&at)))
        .collect();
    for column in (0..columns.len()).rev() {
        lines = merged(lines, column);
    }
    let titles = columns.iter().map(|column| column.0).chain(results.iter().copied());
    let mut table = vec![titles.map(str::to_owned).collect::<Vec<_>>()];
    for (line, outcome) in lines {
        let inputs = line.iter().zip(columns).map(|(chosen, column)| label(chosen, column));
        table.push(inputs.chain(outcome).collect());
    }
    aligned(&table)
}

fn combinations(columns: &[Column]) -> Vec<Vec<usize>> {
    columns.iter().fold(vec![Vec::new()], |found, column| {
        let extend = |head: Vec<usize>| {
            (0..column.1.len()).map(move |index| [head.as_slice(), &[index]].concat())
        };
        found.into_iter().flat_map(extend).collect()
    })
}

/// Joins the lines that differ in this column only.
fn merged(lines: Vec<(Line, Vec<String>)>, column: usize) -> Vec<(Line, Vec<String>)> {
    let mut joined: Vec<(Line, Vec<String>)> = Vec::new();
    let mut places = BTreeMap::new();
    for (line, outcome) in lines {
        let mut rest = line.clone();
        let values = rest.remove(column);
        let place = *places.entry((rest, outcome.clone())).or_insert(joined.len());
        match joined.get_mut(place) {
            Some((known, _)) => known[column].extend(values),
            None => joined.push((line, outcome)),
        }
    }
    joined
}

fn label(chosen: &[usize], column: &Column) -> String {
    if chosen.len() == column.1.len() && column.1.len() > 1 {
        return "*".to_owned();
    }
    chosen.iter().map(|index| column.1[*index].as_str()).collect::<Vec<_>>().join(" ")
}

fn aligned(table: &[Vec<String>]) -> String {
    let width = |column: usize| table.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in table {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            write!(line, "{cell:<wide$}  ", wide = width(column)).expect("a string takes it all");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Numbers in ascending order as ranges: `400-428 430-499`.
pub(super) fn ranges(numbers: &[u16]) -> String {
    let mut found: Vec<(u16, u16)> = Vec::new();
    for &number in numbers {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => found.push((number, number)),
        }
    }
    let text = |(first, last): &(u16, u16)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    found.iter().map(text).collect::<Vec<_>>().join(" ")
}
