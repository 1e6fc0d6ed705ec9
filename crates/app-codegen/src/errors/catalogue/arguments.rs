//! Mistakes in the arguments of attributes.

use super::Mistake;

impl Mistake {
    pub(crate) const NOT_AN_ARGUMENT: Self = Self::fixed(
        "this is no setting",
        "write `name = value` and commas between, as in `keep_alive = 60, max_multiplexing = 4`",
    );
    pub(crate) const CRATE_IS_NO_PATH: Self = Self::fixed(
        "`crate` takes a path",
        "write where fal_app is found, as in `crate = my_framework::fal_app`",
    );
    pub(crate) const BAD_APP_NAME: Self = Self::fixed(
        "this cannot be an app's name, because the name stands in URLs",
        "use 1 to 128 letters, digits, `-`, `_` and `.`, as in `name = \"my-app\"`",
    );
    pub(crate) const BAD_TYPE_NAME: Self = Self::fixed(
        "the app is named after this, and the name would not fit into URLs",
        "write `#[fal_app(name = \"my-app\")]`",
    );
    pub(crate) const NOT_SECONDS: Self = Self::fixed(
        "a time is a number of whole seconds",
        "write it without quotes, unit or fraction: `60` is a minute",
    );
    pub(crate) const NOT_A_COUNT: Self = Self::fixed(
        "this setting is a whole number",
        "write it without quotes or fraction, as in `4`",
    );
    pub(crate) const BAD_ERROR_TYPE: Self = Self::fixed(
        "this cannot be an error's type, because it stands in a header",
        "use letters, digits, `_`, `-` and `.`, as in `type = \"file_too_large\"`",
    );
    pub(crate) const EMPTY_FIELD: Self = Self::fixed(
        "`field` names the field of the input that is wrong",
        "write its name, as in `field = \"prompt\"`, or leave it out if it is not one field",
    );
    pub(crate) const NOT_UNITS: Self = Self::fixed(
        "`billable_units` is a number from 0",
        "write it without quotes: `0` is free, `0.5` is half a unit",
    );
    pub(crate) const NOT_RETRIES: Self = Self::fixed(
        "`retry_config` says how often each condition is retried",
        "write `retry_config(server_error = 3, timeout = 0)`; the conditions are timeout, \
         server_error and connection_error",
    );
    pub(crate) const NOT_CONDITIONS: Self = Self::fixed(
        "`skip_retry_conditions` is a list of names",
        "write `[\"timeout\"]`; the names are timeout, server_error and connection_error",
    );

    pub(crate) fn not_a_bool(name: &str, help: &'static str) -> Self {
        Self::new(format!("`{name}` is `true` or `false`"), help)
    }

    pub(crate) fn argument_twice(name: &str) -> Self {
        Self::new(format!("`{name}` is set twice"), "remove one of the two")
    }

    pub(crate) fn unknown_setting(written: &str, meant: Option<&str>, all: &[&str]) -> Self {
        let help = meant.map_or_else(|| format!("the settings are {}", listed(all)), did_you_mean);
        Self::new(format!("there is no setting `{written}`"), help)
    }

    pub(crate) fn not_text(example: &str) -> Self {
        Self::new("this setting is text", format!("put it in quotes, as in `\"{example}\"`"))
    }

    pub(crate) fn out_of_range(least: u64, most: u64, unit: &str) -> Self {
        Self::new(
            "this number is out of range",
            format!("the least is {least} and the most is {most}{unit}"),
        )
    }

    pub(crate) fn unknown_condition(written: &str, meant: Option<&str>, all: &[&str]) -> Self {
        let help =
            meant.map_or_else(|| format!("the conditions are {}", listed(all)), did_you_mean);
        Self::new(format!("there is no retry condition `{written}`"), help)
    }

    pub(crate) fn min_above_max(least: u32, most: u32) -> Self {
        Self::new(
            format!("`min_concurrency` is {least}, but `max_concurrency` allows only {most}"),
            "lower the one or raise the other",
        )
    }

    pub(crate) fn setting_on_impl(name: &str) -> Self {
        Self::new(
            format!("`{name}` belongs on the struct"),
            format!("write `#[fal_app({name} = ..)]` on the struct, and a plain `#[fal_app]` here"),
        )
    }

    pub(crate) fn unknown_status_key(written: &str, meant: Option<&str>) -> Self {
        let all = "the status may be followed by `needs_retry = true`, `stop_runner = true`, \
            `type = \"..\"`, `field = \"..\"` and `billable_units = 1`";
        let help = meant.map_or_else(|| all.to_owned(), did_you_mean);
        Self::new(format!("a status has no `{written}`"), help)
    }

    pub(crate) fn unknown_manner(meant: Option<&str>) -> Self {
        let all = "write `#[endpoint(\"/\")]`, or `#[endpoint(\"/\", blocking)]` for a function that \
            blocks its thread";
        let help = meant.map_or_else(|| all.to_owned(), did_you_mean);
        Self::new("only `blocking` may follow an endpoint's path", help)
    }

    pub(crate) fn unknown_session(written: &str, meant: Option<&str>) -> Self {
        let all = "the path may be followed by `buffering = 4`, `session_timeout = 60` and \
            `max_batch_size = 4`";
        let help = meant.map_or_else(|| all.to_owned(), did_you_mean);
        Self::new(format!("a realtime endpoint has no `{written}`"), help)
    }

    pub(crate) fn unknown_health_setting(written: &str, meant: Option<&str>, all: &[&str]) -> Self {
        let help = meant.map_or_else(|| format!("the settings are {}", listed(all)), did_you_mean);
        Self::new(format!("a health check has no `{written}`"), help)
    }
}

/// `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        few => few.join(""),
    }
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}
