//! Values as msgpack, the way that fal's clients write them: structs are maps by name, and what has a
//! form for people, such as a UUID, is written in it.

use std::fmt;

use bytes::Bytes;
use rmp_serde::{
    Deserializer, Serializer,
    config::{DefaultConfig, HumanReadableConfig},
    decode::ReadReader,
};
use serde::{
    Deserialize, Serialize,
    de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::{Unread, Unwritten};
use crate::validation;

/// How deep a message may be nested, as JSON may: reading goes down the stack.
const DEEPEST: usize = 128;

//= docs/contract.md#app-messages
//# An input MUST be a binary frame with a map in msgpack, and so is every output, with fields by name.
/// Writes an output.
pub(crate) fn write(output: &impl Serialize) -> Result<Bytes, Unwritten> {
    let mut message = Vec::new();
    let mut serializer = Serializer::new(&mut message).with_struct_map().with_human_readable();
    output.serialize(&mut serializer)?;
    if is_map(&message) { Ok(message.into()) } else { Err(Unwritten::NoMap) }
}

/// Reads an input; one that does not fit is read again, to say where.
pub(super) fn read<T: DeserializeOwned>(message: &[u8]) -> Result<T, Unread> {
    if !is_map(message) {
        return Err(Unread::NoMap);
    }
    let mut rest = message;
    match T::deserialize(&mut reader(&mut rest)) {
        Ok(input) if rest.is_empty() => Ok(input),
        Ok(_) => Err(Unread::Longer),
        Err(_) => Err(explained::<T>(message)),
    }
}

fn explained<T: DeserializeOwned>(message: &[u8]) -> Unread {
    let Tree(tree) = match Tree::deserialize(&mut reader(&mut &*message)) {
        Ok(tree) => tree,
        Err(error) => return Unread::NoMsgpack(error.to_string()),
    };
    let invalid = validation::unfit::<T>(&tree).or_else(|| {
        // It fits only as JSON, where bytes are text.
        let again = serde_path_to_error::deserialize::<_, T>(&mut reader(&mut &*message));
        again.err().map(|error| validation::misfit(&tree, &error))
    });
    invalid.map_or(Unread::NoMap, Unread::Unfit)
}

type Reader<'r, 'm> =
    Deserializer<ReadReader<&'r mut &'m [u8]>, HumanReadableConfig<DefaultConfig>>;

/// Reads from the front of a message, and leaves what follows.
fn reader<'r, 'm>(message: &'r mut &'m [u8]) -> Reader<'r, 'm> {
    let mut reader = Deserializer::new(message).with_human_readable();
    reader.set_max_depth(DEEPEST);
    reader
}

fn is_map(message: &[u8]) -> bool {
    matches!(message.first(), Some(0x80..=0x8f | 0xde | 0xdf))
}

/// A message as JSON, for its explanation: bytes are told by their number, as in a body.
struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(format!("<binary {} bytes>", value.len()).into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: de::Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    /// An extension type: its tag and its bytes.
    fn visit_newtype_struct<D: de::Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Value, S::Error> {
        let mut list = Vec::new();
        while let Some(Tree(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut entries: M) -> Result<Value, M::Error> {
        let mut map = Map::new();
        while let Some((Tree(key), Tree(value))) = entries.next_entry()? {
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests;
