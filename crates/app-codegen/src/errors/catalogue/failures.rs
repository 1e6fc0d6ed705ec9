//! Mistakes in error types and the statuses of their variants.

use super::Mistake;

impl Mistake {
    pub(crate) const UNION_FAILURE: Self = Self::fixed(
        "a union cannot say which failure it holds",
        "write an enum with a variant for each way to fail",
    );
    pub(crate) const UNKNOWN_ERROR_OPTION: Self = Self::fixed(
        "`#[app_error(..)]` takes only `crate`",
        "write `#[app_error(crate = path::to::fal_app)]`",
    );
    pub(crate) const STATUS_ON_ENUM: Self = Self::fixed(
        "a status belongs to a variant, so that each failure is a decision of its own",
        "move `#[status(..)]` onto the variants",
    );
    pub(crate) const NO_STATUS_ON_STRUCT: Self = Self::fixed(
        "this error does not say its status",
        "put `#[status(500)]` on it if the request failed, `#[status(422)]` if the input was wrong",
    );
    pub(crate) const SAID_TWICE: Self =
        Self::fixed("this failure already has a status", "keep one of the two attributes");
    pub(crate) const STATUS_WITHOUT_CODE: Self = Self::fixed(
        "there is no status in this",
        "write `#[status(500)]` if the request failed, `#[status(422)]` if the input was wrong",
    );
    pub(crate) const STATUS_IS_NO_NUMBER: Self = Self::fixed(
        "a status is a number, or the path of a constant that holds one",
        "write `#[status(500)]` or `#[status(codes::MY_STATUS)]`",
    );
    pub(crate) const STATUS_IS_SUCCESS: Self = Self::fixed(
        "an error cannot answer with a success",
        "return `Ok(..)`, which goes out with 200; an error's status is 400 to 599",
    );
    pub(crate) const STATUS_OUT_OF_RANGE: Self = Self::fixed(
        "an error's status is 400 to 599",
        "write `#[status(500)]` if the request failed, `#[status(422)]` if the input was wrong",
    );
    pub(crate) const STATUS_503: Self = Self::fixed(
        "a 503 ends the runner that sends it: its other requests are cut, and a new runner has to \
         load the model again",
        "if only this request failed, write `#[status(500)]`, or 504 if something upstream was too \
         slow, or 429 if the caller is too fast\n\
         help: if the runner itself is broken, write `#[runner_broken]` on a variant that carries a \
         `RunnerBroken`",
    );
    pub(crate) const BROKEN_ON_TYPE: Self = Self::fixed(
        "`#[runner_broken]` goes on one variant: not every failure breaks the runner",
        "write an enum, and put `#[runner_broken]` on the variant that carries a `RunnerBroken`",
    );
    pub(crate) const BROKEN_WITH_ARGUMENTS: Self = Self::fixed(
        "`#[runner_broken]` takes no arguments: what the variant carries says why",
        "write `#[runner_broken]`",
    );

    pub(crate) const TRANSPARENT_WITH_MORE: Self = Self::fixed(
        "a transparent failure says nothing of its own: what it carries answers",
        "write `#[status(transparent)]`, and say the rest where that error says its status",
    );

    pub(crate) fn transparent_payload(name: &str) -> Self {
        Self::new(
            format!("`{name}` carries no single error that could answer in its place"),
            format!("write `{name}(OtherError)`, where `OtherError` derives `AppError` too"),
        )
    }

    pub(crate) fn no_status(variant: &str) -> Self {
        Self::new(
            format!("`{variant}` does not say its status"),
            "put `#[status(500)]` on it if the request failed, `#[status(422)]` if the input was \
             wrong, `#[status(504)]` if something upstream was too slow",
        )
    }

    pub(crate) fn broken_without_proof(variant: &str) -> Self {
        Self::new(
            format!("`{variant}` would end the runner without a proof that it is broken"),
            format!(
                "if it is broken, carry the proof: `#[runner_broken] {variant}(RunnerBroken)`, which \
                 `RunnerBroken::declare(\"why\")` makes\n\
                 help: if only this request failed, write `#[status(500)] {variant}`"
            ),
        )
    }

    pub(crate) fn broken_with_more(variant: &str) -> Self {
        Self::new(
            format!(
                "`{variant}` carries more than the proof, so it is not plain which field that is"
            ),
            format!(
                "write `{variant}(RunnerBroken)`, and say the rest in the reason: \
                 `RunnerBroken::declare(format!(\"..\"))`"
            ),
        )
    }
}
