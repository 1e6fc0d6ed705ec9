//! The app's description for programs: OpenAPI 3.1, made of the types that its endpoints take and
//! return, and of the statuses that its errors declare.
//!
//! What is not in the standard is in extensions: `x-fal-outcomes` says of each answer what it does
//! to the runner and to a queued request, as the policy itself decides it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    app::{App, Metadata, RealtimeOptions, Wired},
    endpoint::{
        error::{Case, EndpointError, Failures},
        input::EndpointInput,
        message::{RealtimeInput, RealtimeOutput},
        output::EndpointOutput,
    },
    routes::{Endpoints, Kind, Mode, Route, Routes},
};

mod effect;
mod schemas;

pub use self::schemas::{Content, Schemas};
use self::{
    effect::Effects,
    schemas::{DETAIL, Pair, VALIDATION},
};

/// Where an app without a health check of its own says that it is there.
const HEALTH: &str = "/health";

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

    /// Of one message each way.
    pub(crate) fn of_session<I: RealtimeInput, O: RealtimeOutput, E: EndpointError>() -> Self {
        Self {
            input: |schemas| Some(Content::json_of(schemas.of::<I::Item>())),
            output: |schemas| Some(Content::json_of(O::schema(schemas))),
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
    let mut writer = Writer {
        schemas: Pair::new(),
        effects: Effects::new(&metadata.limits),
        ids: endpoints.iter().map(|route| route.point.name.to_owned()).collect(),
    };
    let mut paths = Map::new();
    for route in endpoints.iter() {
        paths.insert(route.point.path.to_owned(), writer.path(route));
    }
    // An endpoint at this path is served in place of the check that every app has.
    if endpoints.health.is_none() && endpoints.find(HEALTH).is_none() {
        paths.insert(HEALTH.to_owned(), json!({ "get": writer.built_in_health() }));
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
    /// The operations' names, of which each is one operation's alone. A function's own name is that
    /// of its first.
    ids: BTreeSet<String>,
}

impl Writer {
    fn path<A>(&mut self, route: &Route<A>) -> Value {
        let (name, about) = (route.point.name, route.point.about);
        match route.kind {
            Kind::Endpoint => json!({ "post": self.operation(route) }),
            Kind::Health(_) => {
                let again = schemas::free(&format!("{name}_post"), &mut self.ids);
                json!({ "get": self.health(name, about), "post": self.health(&again, about) })
            }
            Kind::Realtime(options, mode) => self.realtime(route, options, mode),
            Kind::Raw => {
                let protocol = protocol(("websocket", name), RealtimeOptions::NONE);
                json!({ "x-fal-protocol": protocol })
            }
        }
    }

    fn operation<A>(&mut self, route: &Route<A>) -> Value {
        let described = described(route.point.name, route.point.about);
        let (mut operation, input) = self.called(route, described);
        let output = (route.signature.output)(&mut self.schemas.output);
        let mut failures = Failures::default();
        (route.signature.failures)(&mut failures);
        let responses = self.responses((input.as_ref(), output.as_ref()), &failures);
        operation.insert("responses".to_owned(), responses);
        operation.into()
    }

    /// Its messages, as fal mirrors them: as if one were posted and the other its answer.
    fn realtime<A>(&mut self, route: &Route<A>, options: RealtimeOptions, mode: Mode) -> Value {
        let (name, about) = (route.point.name, route.point.about);
        let mut protocol = protocol(("realtime", name), options);
        protocol.insert("contentType".to_owned(), "application/msgpack".into());
        protocol.insert("realtimeMode".to_owned(), mode.name().into());
        let mirror = schemas::free(&format!("{name}_post"), &mut self.ids);
        let (mut operation, _) = self.called(route, described(&mirror, about));
        let mut message = self.response("A message of the session", &[]);
        let output = (route.signature.output)(&mut self.schemas.output);
        message
            .insert("content".to_owned(), output.map_or_else(|| json!({}), |output| output.json()));
        operation.insert("responses".to_owned(), json!({ "200": message }));
        json!({ "x-fal-protocol": protocol, "post": operation })
    }

    /// An operation with what it takes.
    fn called<A>(
        &mut self,
        route: &Route<A>,
        mut operation: Map<String, Value>,
    ) -> (Map<String, Value>, Option<Content>) {
        let input = (route.signature.input)(&mut self.schemas.input);
        if let Some(content) = &input {
            let body = json!({ "required": true, "content": content.json() });
            operation.insert("requestBody".to_owned(), body);
        }
        (operation, input)
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
        let mut outcomes = vec![self.effects.of(200, None, None).json("Ok", "", None)];
        if output.is_some_and(Content::is_stream) {
            outcomes.push(self.effects.of_cut().json("CutShort", CUT, None));
        }
        success.insert("x-fal-outcomes".to_owned(), outcomes.into());
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
        let listed = cases.iter().any(|case| case.status == 422 || case.is_of_model());
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

    fn built_in_health(&mut self) -> Value {
        let mut operation = described(&schemas::free("health", &mut self.ids), "");
        operation.insert("responses".to_owned(), json!({ "200": self.healthy() }));
        operation.into()
    }

    fn healthy(&self) -> Map<String, Value> {
        let content = Content::json_of(json!({ "type": "object" }));
        let mut healthy = self.response("The runner is healthy", &[]);
        healthy.insert("content".to_owned(), content.json());
        healthy
    }

    fn health(&self, name: &str, about: &str) -> Value {
        let mut operation = described(name, about);
        let healthy = self.healthy();
        let mut sick = self.response("The runner is not healthy, which the platform counts", &[]);
        let content = Content::json_of(schemas::reference(DETAIL));
        sick.insert("content".to_owned(), content.json());
        operation.insert("responses".to_owned(), json!({ "200": healthy, "500": sick }));
        operation.into()
    }
}

/// How a stream of events can end after its 200.
const CUT: &str = "the stream broke: an event could not be serialised, or the stream panicked";

/// What the shell answers in an endpoint's place.
fn shells(input: Option<&Content>) -> Vec<Case> {
    let mut own = vec![
        Case::of(400, "BrokenOff", "the request body broke off"),
        Case::of(500, "Panic", "the endpoint panicked, or its output cannot be sent"),
    ];
    if input.is_some_and(Content::is_checked) {
        own.push(Case::of(422, "Invalid", "the input does not fit"));
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

/// What fal says of a WebSocket, with every setting.
fn protocol((kind, name): (&str, &str), options: RealtimeOptions) -> Map<String, Value> {
    let RealtimeOptions { buffering, session_timeout, max_batch_size } = options;
    let config = json!({
        "buffering": buffering,
        "sessionTimeout": session_timeout,
        "maxBatchSize": max_batch_size.unwrap_or(1),
    });
    let mut protocol = Map::new();
    protocol.insert("type".to_owned(), kind.into());
    protocol.insert("operationId".to_owned(), name.into());
    protocol.insert("config".to_owned(), config);
    protocol
}
