//! Turning Rust names into the names that the platform and the messages use.

/// The app name that fal derives from a type's name: split before each capital, lower case, joined
/// by `-`.
///
/// `ONNXModel` is `o-n-n-x-model`, and `snake_case` is `snake-case`.
pub(crate) fn app_name(ident: &str) -> String {
    let plain = ident.trim_start_matches("r#");
    words(plain).join("-").replace('_', "-").to_lowercase()
}

/// The name of a constant that belongs to a variant: `EmptyPrompt` is `EMPTY_PROMPT`.
pub(crate) fn constant(ident: &str) -> String {
    words(ident.trim_start_matches("r#")).join("_").to_uppercase()
}

/// The candidate that `written` was probably meant to be: at most a third of its letters away.
pub(crate) fn closest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| {
            let edits =
                if is_swapped(written, candidate) { 1 } else { distance(written, candidate) };
            (edits, *candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether two neighbours have changed places, which is one slip of the fingers.
fn is_swapped(left: &str, right: &str) -> bool {
    let pairs = || left.chars().zip(right.chars()).enumerate();
    let differing: Vec<_> = pairs().filter(|(_, (left, right))| left != right).collect();
    left.chars().count() == right.chars().count()
        && matches!(differing[..], [(at, (a, b)), (next, (c, d))] if next == at + 1 && a == d && b == c)
}

fn words(ident: &str) -> Vec<&str> {
    let starts = ident.char_indices().filter(|(at, letter)| *at > 0 && letter.is_uppercase());
    let mut words = Vec::new();
    let mut begin = 0;
    for (at, _) in starts {
        words.extend(ident.get(begin..at));
        begin = at;
    }
    words.extend(ident.get(begin..));
    words
}

/// Edits between two words: inserted, left out or replaced letters (Levenshtein), one row at a
/// time.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut diagonal = above;
        let mut before = above + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = *cell;
            *cell = replaced.min(before + 1).min(diagonal + 1);
            before = *cell;
        }
        row.iter_mut().take(1).for_each(|first| *first = above + 1);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_named_as_fal_names_it() {
        assert_eq!(app_name("ONNXModel"), "o-n-n-x-model");
        assert_eq!(app_name("Hello"), "hello");
        assert_eq!(app_name("FaultLab"), "fault-lab");
        assert_eq!(app_name("fault_lab"), "fault-lab");
        assert_eq!(app_name("r#Yield"), "yield");
    }

    #[test]
    fn a_variant_names_its_constant() {
        assert_eq!(constant("EmptyPrompt"), "EMPTY_PROMPT");
        assert_eq!(constant("Gpu"), "GPU");
    }

    #[test]
    fn a_distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn a_typo_finds_its_word_and_another_word_does_not() {
        let known = ["keep_alive", "name", "num_gpus"];
        assert_eq!(closest("keepalive", &known), Some("keep_alive"));
        assert_eq!(closest("keep_alvie", &known), Some("keep_alive"));
        assert_eq!(closest("nmae", &known), Some("name"));
        assert_eq!(closest("mean", &known), None);
        assert_eq!(closest("nam", &known), Some("name"));
        assert_eq!(closest("timeout", &known), None);
    }
}
