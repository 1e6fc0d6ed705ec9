//! JSON schemas of inputs and outputs, in one set of names.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The name of the body `{"detail": ".."}`.
pub(super) const DETAIL: &str = "Detail";
/// The name of the body `{"detail": [..]}`, which says what is wrong with the input or the model.
pub(super) const VALIDATION: &str = "ValidationError";

const PREFIX: &str = "#/components/schemas/";

/// What a body holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    pub(crate) media_type: &'static str,
    pub(crate) schema: Value,
}

impl Content {
    /// JSON of this schema.
    pub(crate) const fn json_of(schema: Value) -> Self {
        Self { media_type: "application/json", schema }
    }

    /// Bytes of any type.
    pub(crate) fn any() -> Self {
        Self { media_type: "*/*", schema: json!({}) }
    }

    /// Whether a body can fail to fit.
    pub(crate) fn is_checked(&self) -> bool {
        self.media_type != "*/*"
    }

    /// As it stands under `content`.
    pub(crate) fn json(&self) -> Value {
        json!({ self.media_type: { "schema": self.schema } })
    }
}

/// The schemas of types that go one way over the wire.
#[derive(Debug)]
pub struct Schemas(SchemaGenerator);

impl Schemas {
    /// The schema of a type, which may refer to others by name.
    pub(crate) fn of<T: JsonSchema>(&mut self) -> Value {
        self.0.subschema_for::<T>().to_value()
    }
}

/// What is read and what is written: a type may look different each way.
pub(super) struct Pair {
    pub(super) input: Schemas,
    pub(super) output: Schemas,
}

impl Pair {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path =
                    PREFIX.trim_start_matches('#').trim_end_matches('/').into();
                settings.meta_schema = None;
            })
        };
        let input = Schemas(settings().for_deserialize().into_generator());
        let output = Schemas(settings().for_serialize().into_generator());
        Self { input, output }
    }

    /// All named schemas. A type that looks different when written gets a second name, which `paths`
    /// then use where they refer to it as written.
    pub(super) fn finish(mut self, paths: &mut Map<String, Value>) -> Map<String, Value> {
        let mut all = self.input.0.take_definitions(true);
        let mut written = self.output.0.take_definitions(true);
        let differs = |(name, schema): (&String, &Value)| {
            all.get(name).is_some_and(|read| read != schema).then(|| name.clone())
        };
        let differing: Vec<String> = written.iter().filter_map(differs).collect();
        for name in &differing {
            let (old, new) = (format!("{PREFIX}{name}"), format!("{PREFIX}{name}Output"));
            written.values_mut().for_each(|schema| rename(schema, &old, &new));
            for operation in paths.values_mut().flat_map(operations) {
                if let Some(responses) = operation.get_mut("responses") {
                    rename(responses, &old, &new);
                }
            }
            if let Some(schema) = written.remove(name) {
                written.insert(format!("{name}Output"), schema);
            }
        }
        all.extend(written);
        all.insert(DETAIL.to_owned(), detail());
        all.insert(VALIDATION.to_owned(), validation());
        all.values_mut().for_each(order);
        all
    }
}

fn operations(path: &mut Value) -> impl Iterator<Item = &mut Value> {
    path.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// A schema that is found by its name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{PREFIX}{name}") })
}

fn rename(schema: &mut Value, old: &str, new: &str) {
    if let Value::Object(map) = schema {
        for (key, value) in map {
            if key == "$ref" && value == old {
                *value = new.into();
            } else {
                rename(value, old, new);
            }
        }
    } else if let Value::Array(items) = schema {
        items.iter_mut().for_each(|item| rename(item, old, new));
    }
}

/// Says the order of an object's fields, which fal's forms follow and JSON does not keep.
fn order(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(properties) = map.get("properties").and_then(Value::as_object) {
        let names: Vec<Value> = properties.keys().map(|name| name.as_str().into()).collect();
        map.insert("x-fal-order-properties".to_owned(), names.into());
    }
}

fn detail() -> Value {
    json!({
        "type": "object",
        "properties": { "detail": { "type": "string" } },
        "required": ["detail"],
    })
}

fn validation() -> Value {
    let entry = json!({
        "type": "object",
        "properties": {
            "loc": { "type": "array", "items": { "type": ["string", "integer"] } },
            "msg": { "type": "string" },
            "type": { "type": "string" },
        },
        "required": ["loc", "msg", "type"],
    });
    json!({
        "type": "object",
        "properties": {
            "detail": { "anyOf": [{ "type": "array", "items": entry }, { "type": "string" }] },
        },
        "required": ["detail"],
    })
}
