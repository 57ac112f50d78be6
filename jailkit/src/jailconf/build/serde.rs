//! A block as a document: an object of its parameters.

use std::fmt;

use bstr::{BString, ByteSlice};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Error, Serialize, SerializeMap, SerializeStruct, Serializer};
use serde::{Deserialize as DeriveDeserialize, Serialize as DeriveSerialize};

use super::{BlockParam, JailBlock};

/// What a parameter is given.
#[derive(DeriveSerialize, DeriveDeserialize)]
#[serde(untagged)]
enum Given {
    Switch(bool),
    Many(Vec<Value>),
    One(Value),
}

#[derive(DeriveSerialize, DeriveDeserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(i64),
    Bytes { bytes: Vec<u8> },
}

impl From<&BString> for Value {
    fn from(text: &BString) -> Self {
        text.to_str().map_or_else(|_| Self::Bytes { bytes: text.to_vec() }, |text| Self::Text(text.to_owned()))
    }
}

impl From<Value> for Vec<u8> {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => text.into_bytes(),
            Value::Number(number) => number.to_string().into_bytes(),
            Value::Bytes { bytes } => bytes,
        }
    }
}

impl Serialize for JailBlock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("JailBlock", 2)?;
        object.serialize_field("name", &Value::from(&self.name))?;
        object.serialize_field("params", &Params(&self.params))?;
        object.end()
    }
}

struct Params<'a>(&'a [BlockParam]);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for param in self.0 {
            let name = param.name.to_str().map_err(|_| S::Error::custom(format!("'{}' is not UTF-8", param.name)))?;
            let given = match param.values.as_slice() {
                [] => Given::Switch(true),
                [one] => Given::One(one.into()),
                many => Given::Many(many.iter().map(Value::from).collect()),
            };
            map.serialize_entry(name, &given)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for JailBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(DeriveDeserialize)]
        #[serde(deny_unknown_fields)]
        struct Block {
            name: Value,
            #[serde(default)]
            params: Read,
        }
        let Block { name, params: Read(params) } = Block::deserialize(deserializer)?;
        let block = Self::new(name);
        Ok(params.into_iter().fold(block, |block, (name, given)| match given {
            Given::Switch(true) => block.on(&name),
            Given::Switch(false) => block.off(&name),
            Given::One(value) => block.set(name, [value]),
            Given::Many(values) => block.set(name, values),
        }))
    }
}

/// The parameters as read, in the document's order.
#[derive(Default)]
struct Read(Vec<(String, Given)>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Read;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of parameters")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
                let mut params = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    params.push(entry);
                }
                Ok(Read(params))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
