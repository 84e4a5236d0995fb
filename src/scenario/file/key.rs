//! A key of the file: read, missing or wrong, so that one wrong value hides no other problem.
//!
//! Deserializing a [`Key`] never fails. A struct whose fields are all `Key<T>` (must be there) or `Option<Key<T>>`
//! (may be absent) therefore never fails either, and `Place` reports what is wrong with each.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use toml::Value;

use crate::scenario::nearest::nearest;

/// What stands at a key.
#[derive(Debug)]
pub(super) enum Key<T> {
    Missing,
    Wrong(Wrong),
    Read(Found<T>),
}

/// A list of values, each of which may be wrong by itself.
pub(super) type List<T> = Key<Vec<Key<T>>>;
/// A table with keys that the writer chooses.
pub(super) type Map<T> = Key<BTreeMap<String, Key<T>>>;

/// Why a value cannot be read, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) problem: String,
    pub(super) hint: String,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into() }
    }

    /// "20 is a number", "expected": the value is of another kind.
    pub(super) fn kind(value: &Value, hint: impl Into<String>) -> Self {
        let kind = match value {
            Value::String(text) => format!("{text:?} is a text"),
            Value::Integer(_) | Value::Float(_) => format!("{value} is a number"),
            Value::Boolean(_) => format!("{value} is true or false"),
            Value::Datetime(_) => format!("{value} is a date without quotes"),
            Value::Array(_) => "this is a list".to_owned(),
            Value::Table(_) => "this is a table".to_owned(),
        };
        Self::new(kind, hint)
    }
}

/// A value that was read.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    /// As it stands in the file; `None` for tables and lists of tables.
    pub(super) written: Option<String>,
    /// Keys of this table that are none, each with what to do.
    pub(super) unknown: Vec<(String, String)>,
}

/// What can stand at a key.
pub(super) trait Read: JsonSchema + Sized {
    /// Reads the value.
    fn read(value: Value) -> Result<Found<Self>, Wrong>;
}

/// A single value (a text, a number, a switch) as [`Read`].
pub(super) fn leaf<T>(value: &Value, read: Result<T, Wrong>) -> Result<Found<T>, Wrong> {
    let written = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(Found { value: read?, written: Some(written), unknown: Vec::new() })
}

/// A table with fixed keys as [`Read`].
pub(super) fn table<T: DeserializeOwned>(value: Value) -> Result<Found<T>, Wrong> {
    let known = fields::<T>();
    let Value::Table(mut keys) = value else {
        return Err(Wrong::kind(&value, format!("write a table with {}", known.join(", "))));
    };
    let strange: Vec<String> = keys.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
    let unknown = strange.into_iter().map(|key| {
        keys.remove(&key);
        let hint = match nearest(&key, known.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("known here: {}", known.join(", ")),
        };
        (key, hint)
    });
    let unknown = unknown.collect();
    let value = T::deserialize(Value::Table(keys)).map_err(|error| Wrong::new(error.to_string(), ""))?;
    Ok(Found { value, written: None, unknown })
}

/// The names of a struct's fields, as its `Deserialize` asks for them.
fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Names<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("only asked for names"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut names: &'static [&'static str] = &[];
    // It ends in the error above; what counts is what was asked.
    let _ = T::deserialize(Names(&mut names));
    names
}

impl<T: Read> Read for Vec<Key<T>> {
    fn read(value: Value) -> Result<Found<Self>, Wrong> {
        let Value::Array(items) = value else {
            return Err(Wrong::kind(&value, "write a list, in [ ]"));
        };
        let value = items.into_iter().map(Key::read).collect();
        Ok(Found { value, written: None, unknown: Vec::new() })
    }
}

impl<T: Read> Read for BTreeMap<String, Key<T>> {
    fn read(value: Value) -> Result<Found<Self>, Wrong> {
        let Value::Table(items) = value else {
            return Err(Wrong::kind(&value, "write a table, in { }"));
        };
        let value = items.into_iter().map(|(key, value)| (key, Key::read(value))).collect();
        Ok(Found { value, written: None, unknown: Vec::new() })
    }
}

impl<T: Read> Key<T> {
    fn read(value: Value) -> Self {
        match T::read(value) {
            Ok(found) => Self::Read(found),
            Err(wrong) => Self::Wrong(wrong),
        }
    }
}

impl<'de, T: Read> Deserialize<'de> for Key<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyKey<T>(std::marker::PhantomData<T>);
        impl<'de, T: Read> Visitor<'de> for AnyKey<T> {
            type Value = Key<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            // A field that is absent is asked as an optional one first: that is how absence is noticed.
            fn visit_none<E>(self) -> Result<Key<T>, E> {
                Ok(Key::Missing)
            }

            fn visit_unit<E>(self) -> Result<Key<T>, E> {
                Ok(Key::Missing)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key<T>, D::Error> {
                Value::deserialize(deserializer).map(Key::read)
            }
        }
        deserializer.deserialize_option(AnyKey(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Key<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
