//! The impl of an app: one setup, endpoints on paths of their own, and what else belongs to a
//! runner's life.

use std::collections::BTreeMap;

use syn::{Expr, Ident, LitStr, Type};

use super::{
    endpoint::{self, Endpoint},
    facade, has_value,
    health::{self, HealthCheck},
    hooks::{self, Hook, Setup, Warmup},
    is_first, shape,
    value::Value,
};
use crate::{
    errors::{Mistake, Sink},
    item::condition,
    model::{Argument, Function, Marker, Role, Wiring},
    paths::Facade,
    scan,
};

/// An impl from which an app can be wired. What failed is left out.
pub(crate) struct CheckedWiring {
    pub(crate) app: Type,
    pub(crate) setup: Option<Setup>,
    pub(crate) warmup: Option<Warmup>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) health: Option<HealthCheck>,
    pub(crate) on_cancel: Option<Hook>,
    pub(crate) on_exit: Option<Hook>,
    pub(crate) teardown: Option<Hook>,
    pub(crate) facade: Facade,
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
        found.misspelt(function, &part);
        match function.markers.as_slice() {
            [] => {}
            [marker] if !found.is_free(marker, &part) => {}
            [marker] if has_value(&marker.attribute, |value| form(marker.role, value), &part) => {}
            [marker] => checked.take(function, marker, &part),
            several => found.several(function, several, &part),
        }
        if !function.conditions.iter().any(condition::is_for_tests) {
            scan::body(function.body.stream(), &part);
        }
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
        Self {
            app,
            setup: None,
            warmup: None,
            endpoints: Vec::new(),
            health: None,
            on_cancel: None,
            on_exit: None,
            teardown: None,
            facade,
        }
    }

    fn take(&mut self, function: &Function, marker: &Marker, sink: &Sink<'_>) {
        conditions(function, marker.role, sink);
        match marker.role {
            Role::Setup => self.setup = hooks::setup(function, marker, sink),
            Role::Warmup => self.warmup = hooks::warmup(function, marker, sink),
            Role::Endpoint | Role::Realtime | Role::WebSocket => {
                self.endpoints.extend(endpoint::check(function, marker, sink));
            }
            Role::HealthCheck => self.health = health::check(function, marker, sink),
            Role::OnCancel => self.on_cancel = hooks::on_cancel(function, marker, sink),
            Role::OnExit => self.on_exit = hooks::on_exit(function, marker, sink),
            Role::Teardown => self.teardown = hooks::teardown(function, marker, sink),
        }
    }
}

/// How a marker is written that was given this value behind an equals sign.
fn form(role: Role, value: &Expr) -> String {
    let name = role.name();
    let written = if let Value::Text(path) = Value::of(value) { Some(path.value()) } else { None };
    let path = written.filter(|path| path.starts_with('/'));
    let path = path.or_else(|| role.path().map(str::to_owned));
    let has_path = role.has_path() || role == Role::HealthCheck;
    match path.filter(|_| has_path) {
        Some(path) => format!("#[{name}({path:?})]"),
        None => format!("#[{name}]"),
    }
}

/// Reports a condition that the generated call cannot share: it would name a function that may not
/// be there.
fn conditions(function: &Function, role: Role, sink: &Sink<'_>) {
    let Function { conditions, hidden, .. } = function;
    if role.has_path() {
        if let Some(hidden) = hidden.first() {
            sink.report(hidden, &Mistake::HIDDEN_CONDITION);
        }
    } else if let Some(condition) = conditions.iter().chain(hidden).next() {
        sink.report(condition, &Mistake::conditional_role(role.name()));
    }
}

/// The roles that were met, well or badly filled: a mistake in one must not be reported as its
/// absence too.
#[derive(Default)]
struct Found(Vec<Role>);

impl Found {
    fn is_free(&mut self, marker: &Marker, sink: &Sink<'_>) -> bool {
        let again = !marker.role.has_path() && self.0.contains(&marker.role);
        if again {
            sink.report(&marker.attribute, &Mistake::role_twice(marker.role.name()));
        }
        self.0.push(marker.role);
        !again
    }

    /// What was meant counts as found, so that a slip of a key is one error and not two.
    fn misspelt(&mut self, function: &Function, sink: &Sink<'_>) {
        for (attribute, role) in &function.misspelt {
            self.0.push(*role);
            sink.report(attribute.path(), &Mistake::misspelt_role(role.name()));
        }
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
        if !self.0.iter().any(|role| role.has_path()) {
            sink.report(app, &Mistake::no_endpoint(&shape::written(app)));
        }
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
