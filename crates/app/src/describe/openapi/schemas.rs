//! JSON schemas of inputs and outputs, in one set of names.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The name of the body `{"detail": ".."}`. No type of the author's has a dot in its name.
pub(super) const DETAIL: &str = "fal.Detail";
/// The name of the body `{"detail": [..]}`, which says what is wrong with the input or the model.
pub(super) const VALIDATION: &str = "fal.ValidationError";

const EVENTS: &str = "text/event-stream";

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

    /// A stream of events of this schema.
    pub(crate) const fn events_of(schema: Value) -> Self {
        Self { media_type: EVENTS, schema }
    }

    /// Bytes of any type.
    pub(crate) fn any() -> Self {
        Self { media_type: "*/*", schema: json!({}) }
    }

    /// Whether a body can fail to fit.
    pub(crate) fn is_checked(&self) -> bool {
        self.media_type != "*/*"
    }

    /// Whether it comes bit by bit, and so can break off after its status.
    pub(crate) fn is_stream(&self) -> bool {
        self.media_type == EVENTS
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
        let plain = plain_names(&all, &written);
        for schemas in [&mut all, &mut written] {
            *schemas =
                std::mem::take(schemas).into_iter().map(|entry| named(entry, &plain)).collect();
        }
        paths.values_mut().for_each(|path| name_plainly(path, &plain));
        let renamed = second_names(&all, &written);
        for operation in paths.values_mut().flat_map(operations) {
            // What an operation says of what is written, not read.
            operation.get_mut("responses").into_iter().for_each(|part| rename(part, &renamed));
        }
        for (name, mut schema) in written {
            rename(&mut schema, &renamed);
            all.insert(renamed.get(&name).unwrap_or(&name).clone(), schema);
        }
        all.insert(DETAIL.to_owned(), detail());
        all.insert(VALIDATION.to_owned(), validation());
        all.values_mut().for_each(order);
        all
    }
}

/// OpenAPI allows no others in a schema's name, and a type may be renamed to anything.
fn is_plain(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
}

/// The names that have to be others, each with its plain one. A type that goes both ways has one name.
fn plain_names(
    read: &Map<String, Value>,
    written: &Map<String, Value>,
) -> BTreeMap<String, String> {
    let names: BTreeSet<&String> = read.keys().chain(written.keys()).collect();
    let mut taken = names.iter().map(|name| (*name).clone()).collect();
    let plain = |name: &&String| {
        let letters = name.chars().map(|letter| match letter {
            letter if is_plain(letter.encode_utf8(&mut [0; 4])) => letter,
            _ => '_',
        });
        ((*name).clone(), free(&letters.collect::<String>(), &mut taken))
    };
    names.iter().filter(|name| !is_plain(name)).map(plain).collect()
}

fn named((name, mut schema): (String, Value), plain: &BTreeMap<String, String>) -> (String, Value) {
    name_plainly(&mut schema, plain);
    (plain.get(&name).cloned().unwrap_or(name), schema)
}

fn name_plainly(schema: &mut Value, plain: &BTreeMap<String, String>) {
    if !plain.is_empty() {
        rename_by(schema, &|name| plain.get(&decoded(name)));
    }
}

/// The name that a reference means: not every letter can stand in one as it is.
fn decoded(reference: &str) -> String {
    let mut bytes = Vec::with_capacity(reference.len());
    let mut rest = reference;
    while let Some(letter) = rest.chars().next() {
        let code = rest.get(1..3).filter(|_| letter == '%');
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

/// The names that schemas get because they look different when written. No other has one of them.
fn second_names(
    read: &Map<String, Value>,
    written: &Map<String, Value>,
) -> BTreeMap<String, String> {
    let mut taken: BTreeSet<String> = read.keys().chain(written.keys()).cloned().collect();
    let named = |name: String| {
        let second = free(&format!("{name}Output"), &mut taken);
        (name, second)
    };
    differing(read, written).into_iter().map(named).collect()
}

/// The schemas that look different when written: by themselves, or by one that they refer to.
fn differing(read: &Map<String, Value>, written: &Map<String, Value>) -> BTreeSet<String> {
    let mut differing = BTreeSet::new();
    loop {
        let differs = |(name, schema): &(&String, &Value)| {
            !differing.contains(*name)
                && read.get(*name).is_some_and(|read| read != *schema || refers(schema, &differing))
        };
        let more: Vec<_> = written.iter().filter(differs).map(|(name, _)| name.clone()).collect();
        if more.is_empty() {
            return differing;
        }
        differing.extend(more);
    }
}

fn refers(schema: &Value, names: &BTreeSet<String>) -> bool {
    if let Value::Object(map) = schema {
        map.iter().any(|(key, value)| {
            referred(key, value).is_some_and(|name| names.contains(name)) || refers(value, names)
        })
    } else {
        schema.as_array().is_some_and(|items| items.iter().any(|item| refers(item, names)))
    }
}

/// The schema that a field of another refers to.
fn referred<'v>(key: &str, value: &'v Value) -> Option<&'v str> {
    value.as_str().filter(|_| key == "$ref")?.strip_prefix(PREFIX)
}

/// The first of `wanted`, `wanted2`, `wanted3`, .. that is not taken, which is then.
pub(super) fn free(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{wanted}{number}");
    }
    name
}

fn operations(path: &mut Value) -> impl Iterator<Item = &mut Value> {
    path.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// A schema that is found by its name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{PREFIX}{name}") })
}

fn rename(schema: &mut Value, renamed: &BTreeMap<String, String>) {
    rename_by(schema, &|name| renamed.get(name));
}

fn rename_by<'n>(schema: &mut Value, renamed: &impl Fn(&str) -> Option<&'n String>) {
    if let Value::Object(map) = schema {
        for (key, value) in map {
            match referred(key, value).and_then(renamed) {
                Some(other) => *value = format!("{PREFIX}{other}").into(),
                None => rename_by(value, renamed),
            }
        }
    } else if let Value::Array(items) = schema {
        items.iter_mut().for_each(|item| rename_by(item, renamed));
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
