//! The app's description for programs: OpenAPI 3.1, made of the types that its endpoints take and
//! return, and of the statuses that its errors declare.
//!
//! What is not in the standard is in extensions: `x-fal-outcomes` says of each answer what it does
//! to the runner and to a queued request, as the policy itself decides it.

use serde_json::{Map, Value, json};

use crate::{
    app::{App, Metadata, RealtimeOptions, Wired},
    endpoint::{
        error::{Case, EndpointError, Failures},
        input::EndpointInput,
        output::EndpointOutput,
    },
    routes::{Endpoints, Kind, Route, Routes},
};

mod effect;
mod schemas;

pub use self::schemas::{Content, Schemas};
use self::{
    effect::Effects,
    schemas::{DETAIL, Pair, VALIDATION},
};

/// What an endpoint takes and returns, asked of its types when somebody wants to know.
#[derive(Clone, Copy)]
pub(crate) struct Signature {
    input: fn(&mut Schemas) -> Option<Content>,
    output: fn(&mut Schemas) -> Option<Content>,
    failures: fn(&mut Failures),
}

impl Signature {
    /// A route that no types describe.
    pub(crate) const NONE: Self = Self { input: |_| None, output: |_| None, failures: |_| {} };

    pub(crate) fn of<I: EndpointInput, O: EndpointOutput, E: EndpointError>() -> Self {
        Self {
            input: I::content,
            output: |schemas| Some(O::content(schemas)),
            failures: E::failures,
        }
    }
}

/// The app's OpenAPI document; the setup does not run.
///
/// # Errors
/// When two endpoints share a path, or a path is not one.
pub fn openapi<A: Wired>() -> Result<Value, String> {
    Ok(document(&A::routes(Routes::new(&<A as App>::METADATA)).finish()?))
}

/// The document of these endpoints.
pub(crate) fn document<A>(endpoints: &Endpoints<A>) -> Value {
    let metadata = endpoints.metadata;
    let mut writer = Writer { schemas: Pair::new(), effects: Effects::new(&metadata.limits) };
    let mut paths = Map::new();
    for route in endpoints.iter() {
        paths.insert(route.point.path.to_owned(), writer.path(route));
    }
    if endpoints.health.is_none() {
        paths.insert("/health".to_owned(), json!({ "get": writer.health("health", "") }));
    }
    let order: Vec<_> = endpoints.iter().map(|route| route.point.path).collect();
    let schemas = writer.schemas.finish(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": info(metadata),
        "paths": paths,
        "components": { "schemas": schemas },
        "x-fal-order-paths": order,
    })
}

fn info(metadata: &Metadata) -> Value {
    let mut info = json!({ "title": metadata.name, "version": metadata.version });
    if let Some(info) = info.as_object_mut().filter(|_| !metadata.about.is_empty()) {
        info.insert("description".to_owned(), metadata.about.into());
    }
    info
}

/// Writes one operation after the other.
struct Writer {
    schemas: Pair,
    effects: Effects,
}

impl Writer {
    fn path<A>(&mut self, route: &Route<A>) -> Value {
        let (name, about) = (route.point.name, route.point.about);
        match route.kind {
            Kind::Endpoint => json!({ "post": self.operation(route) }),
            Kind::Health(_) => {
                let operation = self.health(name, about);
                json!({ "get": operation, "post": operation })
            }
            Kind::Realtime(options) => {
                let protocol = protocol(name, options);
                json!({ "x-fal-protocol": protocol, "post": self.operation(route) })
            }
        }
    }

    fn operation<A>(&mut self, route: &Route<A>) -> Value {
        let mut operation = described(route.point.name, route.point.about);
        let input = (route.signature.input)(&mut self.schemas.input);
        let output = (route.signature.output)(&mut self.schemas.output);
        let mut failures = Failures::default();
        (route.signature.failures)(&mut failures);
        if let Some(content) = &input {
            let body = json!({ "required": true, "content": content.json() });
            operation.insert("requestBody".to_owned(), body);
        }
        let responses = self.responses((input.as_ref(), output.as_ref()), &failures);
        operation.insert("responses".to_owned(), responses);
        operation.into()
    }

    //= docs/contract.md#app-description
    //# The app's OpenAPI document MUST list exactly the statuses that each endpoint can answer, and
    //# say of each what it does to the runner and to a queued request.
    /// The exact set of statuses: what the endpoint declares, and what the shell answers for it.
    fn responses(
        &self,
        (input, output): (Option<&Content>, Option<&Content>),
        failures: &Failures,
    ) -> Value {
        let mut by_status = Map::new();
        let mut success = self.response("Success", &[]);
        success.insert("content".to_owned(), output.map_or_else(|| json!({}), Content::json));
        let effect = self.effects.of(200, None, None);
        success.insert("x-fal-outcomes".to_owned(), json!([effect.json("Ok", "", None)]));
        by_status.insert("200".to_owned(), success.into());
        let own = shells(input);
        let mut statuses: Vec<_> =
            failures.cases.iter().chain(&own).map(|case| case.status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            let cases = failures.cases.iter().chain(&own);
            let cases: Vec<_> = cases.filter(|case| case.status == status).collect();
            by_status.insert(status.to_string(), self.failure(&cases).into());
        }
        if failures.any {
            let any = self.response("Any other error status", &[]);
            by_status.insert("default".to_owned(), any.into());
        }
        by_status.into()
    }

    fn failure(&self, cases: &[&Case]) -> Map<String, Value> {
        let words: Vec<_> = cases.iter().map(|case| case.about).collect();
        let mut response = self.response(&words.join("; "), cases);
        let listed = cases.iter().any(|case| case.status == 422 || case.error_type.is_some());
        let schema = if listed { VALIDATION } else { DETAIL };
        let content = Content::json_of(schemas::reference(schema));
        response.insert("content".to_owned(), content.json());
        response
    }

    fn response(&self, description: &str, cases: &[&Case]) -> Map<String, Value> {
        let mut response = Map::new();
        response.insert("description".to_owned(), description.into());
        let outcomes: Vec<_> = cases
            .iter()
            .map(|case| {
                let effect = self.effects.of(case.status, case.needs_retry, case.stop_runner);
                effect.json(case.name, case.about, case.error_type)
            })
            .collect();
        if !outcomes.is_empty() {
            response.insert("x-fal-outcomes".to_owned(), outcomes.into());
        }
        response
    }

    fn health(&self, name: &str, about: &str) -> Value {
        let mut operation = described(name, about);
        let content = Content::json_of(json!({ "type": "object" }));
        let mut healthy = self.response("The runner is healthy", &[]);
        healthy.insert("content".to_owned(), content.json());
        let mut sick = self.response("The runner is not healthy, which the platform counts", &[]);
        let content = Content::json_of(schemas::reference(DETAIL));
        sick.insert("content".to_owned(), content.json());
        operation.insert("responses".to_owned(), json!({ "200": healthy, "500": sick }));
        operation.into()
    }
}

/// What the shell answers in an endpoint's place.
fn shells(input: Option<&Content>) -> Vec<Case> {
    let case = |status, name, about| Case {
        name,
        about,
        status,
        needs_retry: None,
        stop_runner: None,
        error_type: None,
    };
    let mut own = vec![
        case(400, "BrokenOff", "the request body broke off"),
        case(500, "Panic", "the endpoint panicked, or its output cannot be sent"),
    ];
    if input.is_some_and(Content::is_checked) {
        own.push(case(422, "Invalid", "the input does not fit"));
    }
    own
}

/// The first paragraph of a doc comment is the summary.
fn described(name: &str, about: &str) -> Map<String, Value> {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), name.into());
    let (summary, rest) = about.split_once("\n\n").unwrap_or((about, ""));
    if !summary.is_empty() {
        operation.insert("summary".to_owned(), summary.replace('\n', " ").into());
    }
    if !rest.is_empty() {
        operation.insert("description".to_owned(), rest.into());
    }
    operation
}

fn protocol(name: &str, options: RealtimeOptions) -> Value {
    let settings = [
        ("buffering", options.buffering.map(Value::from)),
        ("sessionTimeout", options.session_timeout.map(Value::from)),
    ];
    let config: Map<String, Value> =
        settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    json!({
        "type": "realtime",
        "operationId": name,
        "config": config,
        "contentType": "application/msgpack",
        "realtimeMode": "unary",
    })
}
