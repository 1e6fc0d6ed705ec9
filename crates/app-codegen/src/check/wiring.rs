//! The impl of an app: one setup, endpoints on paths of their own, and what else belongs to a
//! runner's life.

use std::collections::BTreeMap;

use syn::{Ident, LitStr, Token, Type};

use super::{
    endpoint::{self, Endpoint, HealthCheck},
    facade, is_first,
    shape::{self, Receiver, Returned},
};
use crate::{
    errors::{Mistake, Sink},
    model::{Argument, Function, Marker, Role, Wiring},
    paths::Facade,
    scan,
};

/// An impl from which an app can be wired. What failed is left out.
pub(crate) struct CheckedWiring {
    pub(crate) app: Type,
    pub(crate) setup: Option<Setup>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) health: Option<HealthCheck>,
    pub(crate) teardown: Option<Teardown>,
    pub(crate) facade: Facade,
}

/// The function that loads the model.
pub(crate) struct Setup {
    pub(crate) name: Ident,
    pub(crate) asyncness: Option<Token![async]>,
    pub(crate) takes_context: bool,
    pub(crate) error: Type,
}

/// The function that gives everything back.
pub(crate) struct Teardown {
    pub(crate) name: Ident,
    pub(crate) asyncness: Option<Token![async]>,
}

/// Checks every function on its own, and then what only all of them together can get wrong.
///
/// There is nothing to wire where the impl is that of a trait or of a generic type.
pub(crate) fn check(
    wiring: Wiring,
    arguments: &[Argument],
    sink: &Sink<'_>,
) -> Option<CheckedWiring> {
    if let Some(name) = wiring.of_trait {
        sink.report(name, &Mistake::TRAIT_IMPL);
        return None;
    }
    if !wiring.generics.params.is_empty() {
        sink.report(&wiring.generics, &Mistake::GENERIC_APP);
        return None;
    }
    let mut checked = CheckedWiring::new(wiring.app, arguments, sink);
    let mut found = Found::default();
    for function in &wiring.functions {
        let part = sink.part();
        match function.markers.as_slice() {
            [] => {}
            [marker] if !found.is_free(marker, &part) => {}
            [marker] => checked.take(function, marker, &part),
            several => found.several(function, several, &part),
        }
        scan::body(function.body.stream(), &part);
    }
    same_paths(&mut checked, sink);
    found.missing(&checked.app, sink);
    Some(checked)
}

impl CheckedWiring {
    fn new(app: Type, arguments: &[Argument], sink: &Sink<'_>) -> Self {
        let mut seen = Vec::new();
        let mut crate_path = None;
        for argument in arguments {
            if argument.name != "crate" {
                sink.report(&argument.name, &Mistake::setting_on_impl(&argument.name.to_string()));
            } else if is_first(argument, &mut seen, sink) {
                crate_path = facade(argument, sink);
            }
        }
        let facade = crate_path.unwrap_or_default();
        Self { app, setup: None, endpoints: Vec::new(), health: None, teardown: None, facade }
    }

    fn take(&mut self, function: &Function, marker: &Marker, sink: &Sink<'_>) {
        match marker.role {
            Role::Setup => self.setup = setup(function, marker, sink),
            Role::Endpoint => self.endpoints.extend(endpoint::check(function, marker, sink)),
            Role::HealthCheck => self.health = endpoint::health(function, marker, sink),
            Role::Teardown => self.teardown = teardown(function, marker, sink),
        }
    }
}

/// The roles that were met, well or badly filled: a mistake in one must not be reported as its
/// absence too.
#[derive(Default)]
struct Found(Vec<Role>);

impl Found {
    fn is_free(&mut self, marker: &Marker, sink: &Sink<'_>) -> bool {
        let again = marker.role != Role::Endpoint && self.0.contains(&marker.role);
        if again {
            sink.report(&marker.attribute, &Mistake::role_twice(marker.role.name()));
        }
        self.0.push(marker.role);
        !again
    }

    fn several(&mut self, function: &Function, markers: &[Marker], sink: &Sink<'_>) {
        self.0.extend(markers.iter().map(|marker| marker.role));
        if let [first, second, ..] = markers {
            let mistake = Mistake::two_roles(first.role.name(), second.role.name());
            sink.report(&function.signature.ident, &mistake);
        }
    }

    fn missing(&self, app: &Type, sink: &Sink<'_>) {
        if !self.0.contains(&Role::Setup) {
            sink.report(app, &Mistake::no_setup(&shape::written(app)));
        }
        if !self.0.contains(&Role::Endpoint) {
            sink.report(app, &Mistake::no_endpoint(&shape::written(app)));
        }
    }
}

fn setup(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Setup> {
    let signature = &function.signature;
    no_arguments(marker, sink);
    conditional(function, marker, sink);
    shape::plain(signature, "a setup", sink);
    if let Some(receiver) = signature.receiver() {
        sink.report(receiver, &Mistake::SETUP_WITH_SELF);
    }
    let arguments = shape::arguments(signature);
    if let Some(second) = arguments.get(1) {
        sink.report(second, &Mistake::SETUP_SECOND_ARGUMENT);
    }
    if let Some(first) = arguments.first().filter(|first| !shape::is_reference(&first.ty)) {
        sink.report(&first.ty, &Mistake::SETUP_CONTEXT_BY_VALUE);
    }
    let error = setup_error(function, sink);
    if sink.failed() {
        return None;
    }
    let name = signature.ident.clone();
    Some(Setup {
        name,
        asyncness: signature.asyncness,
        takes_context: !arguments.is_empty(),
        error: error?,
    })
}

fn setup_error(function: &Function, sink: &Sink<'_>) -> Option<Type> {
    let signature = &function.signature;
    match shape::returned(signature) {
        Returned::Nothing => sink.report(&signature.ident, &Mistake::SETUP_RETURNS),
        Returned::Opaque(ty) | Returned::Plain(ty) => sink.report(ty, &Mistake::SETUP_RETURNS),
        Returned::Outcome(outcome) => match outcome.arguments.as_slice() {
            [_, error] => return Some(error.clone()),
            _ => sink.report(outcome.whole, &Mistake::SETUP_RETURNS),
        },
    }
    None
}

fn teardown(function: &Function, marker: &Marker, sink: &Sink<'_>) -> Option<Teardown> {
    let signature = &function.signature;
    no_arguments(marker, sink);
    conditional(function, marker, sink);
    shape::plain(signature, "a teardown", sink);
    match (shape::receiver(signature), signature.receiver()) {
        (Receiver::Owned, _) => {}
        (_, Some(receiver)) => sink.report(receiver, &Mistake::TEARDOWN_BORROWS),
        (_, None) => sink.report(&signature.ident, &Mistake::TEARDOWN_BORROWS),
    }
    if let Some(argument) = shape::arguments(signature).first() {
        sink.report(argument, &Mistake::TEARDOWN_WITH_ARGUMENT);
    }
    if let syn::ReturnType::Type(_, ty) = &signature.output {
        sink.report(ty, &Mistake::TEARDOWN_RETURNS);
    }
    let name = signature.ident.clone();
    (!sink.failed()).then_some(Teardown { name, asyncness: signature.asyncness })
}

fn no_arguments(marker: &Marker, sink: &Sink<'_>) {
    if let Some(arguments) = &marker.arguments {
        sink.report(arguments, &Mistake::role_with_arguments(marker.role.name()));
    }
}

/// The generated call would name a function that may not be there.
fn conditional(function: &Function, marker: &Marker, sink: &Sink<'_>) {
    if let Some(condition) = function.conditions.first() {
        sink.report(condition, &Mistake::conditional_role(marker.role.name()));
    }
}

/// Reports the later of two equal paths, and leaves it out.
fn same_paths(checked: &mut CheckedWiring, sink: &Sink<'_>) {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    let mut is_new = |path: &LitStr, name: &Ident| {
        let holder = first.entry(path.value()).or_insert_with(|| name.to_string());
        let new = name == holder;
        if !new {
            sink.report(path, &Mistake::path_twice(&path.value(), holder));
        }
        new
    };
    // Endpoints under `#[cfg]` may share a path, where only one of them is ever compiled.
    checked.endpoints.retain(|endpoint| {
        !endpoint.conditions.is_empty() || is_new(&endpoint.path, &endpoint.name)
    });
    checked.health = checked.health.take().filter(|health| is_new(&health.path, &health.name));
}
