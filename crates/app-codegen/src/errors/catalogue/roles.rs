//! Mistakes in where attributes stand, and in which functions there are.

use super::Mistake;

impl Mistake {
    pub(crate) const WRONG_ITEM: Self = Self::fixed(
        "`#[fal_app]` goes on a struct and on its `impl`",
        "declare the app with `#[fal_app] struct MyApp { .. }`, and wire it with `#[fal_app] impl MyApp { .. }`",
    );
    pub(crate) const TRAIT_IMPL: Self = Self::fixed(
        "`#[fal_app]` goes on the app's own impl, not on that of a trait",
        "move `#[setup]` and the endpoints to `#[fal_app] impl MyApp { .. }`",
    );
    pub(crate) const GENERIC_APP: Self = Self::fixed(
        "an app cannot be generic: one program serves one app",
        "name the concrete types in its fields",
    );

    pub(crate) fn no_setup(app: &str) -> Self {
        Self::new(
            format!("`{app}` has no setup, so there would be nothing to serve with"),
            "add `#[setup] async fn setup() -> Result<Self, SetupError> { .. }`, which loads the model \
             before the port opens",
        )
    }

    pub(crate) fn no_endpoint(app: &str) -> Self {
        Self::new(
            format!("`{app}` has no endpoint, so nobody could call it"),
            "add `#[endpoint(\"/\")] async fn predict(&self, input: Input) -> Result<Output, PredictError> { .. }`",
        )
    }

    pub(crate) fn role_twice(role: &str) -> Self {
        Self::new(
            format!("there is a second `#[{role}]`"),
            "an app has one: make the other a plain function, without the attribute",
        )
    }

    pub(crate) fn two_roles(first: &str, second: &str) -> Self {
        Self::new(
            format!("one function cannot be both `#[{first}]` and `#[{second}]`"),
            "write a function for each, and put what they share in a third one without an attribute",
        )
    }

    pub(crate) fn role_with_arguments(role: &str) -> Self {
        Self::new(format!("`#[{role}]` takes no arguments"), format!("write `#[{role}]`"))
    }

    pub(crate) const HIDDEN_CONDITION: Self = Self::fixed(
        "a `#[cfg]` inside a `#[cfg_attr]` does not reach the endpoint's route",
        "write a plain `#[cfg(..)]`: `#[cfg_attr(a, cfg(b))]` is `#[cfg(any(not(a), b))]`",
    );

    pub(crate) fn marker_with_value(name: &str, form: &str) -> Self {
        Self::new(format!("`#[{name}]` is not written with `=`"), format!("write `{form}`"))
    }

    pub(crate) fn conditional_role(role: &str) -> Self {
        Self::new(
            format!(
                "`#[{role}]` cannot stand under a `#[cfg]`, because the app calls it in every build"
            ),
            "put the `#[cfg]` on statements in the function's body",
        )
    }
}
