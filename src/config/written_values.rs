//! A parsed configuration before its settings are checked.

use std::fmt;

use serde::de::value::Error as FieldNamesError;
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value};

use super::features::missing_feature;
use super::nearest::nearest;
use super::secret::is_secret;
use crate::verifier::ConfigError;

/// A value of a file in any format that serde supports. It contains no duplicate setting.
pub(super) struct WrittenValue(pub(super) Value);

impl<'de> Deserialize<'de> for WrittenValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor).map(Self)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings")
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
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(WrittenValue(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, WrittenValue(value))) = entries.next_entry::<String, _>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "{name}: is a duplicate: keep only one"
                )));
            }
            map.insert(name, value);
        }
        Ok(map.into())
    }
}

/// Parses settings one by one, so that an error names the setting.
pub(super) fn read_settings<T: DeserializeOwned>(
    settings: Map<String, Value>,
) -> Result<T, ConfigError> {
    let fields = field_names::<T>();
    for (name, value) in &settings {
        check_setting::<T>(name, value, fields)?;
    }
    serde_json::from_value(settings.into())
        .map_err(|error| ConfigError::new("configuration", error.to_string()))
}

fn check_setting<T: DeserializeOwned>(
    name: &str,
    value: &Value,
    fields: &[&str],
) -> Result<(), ConfigError> {
    let reads = |value: Value| {
        let one = Map::from_iter([(name.to_owned(), value)]);
        serde_json::from_value::<T>(one.into())
    };
    let problem = if !fields.contains(&name) {
        if let Some(feature) = missing_feature(name) {
            let problem = format!("needs the feature `{feature}` of this crate");
            return Err(ConfigError::new(name.to_owned(), problem));
        }
        match nearest(name, fields.iter().copied()) {
            Some(meant) => format!("is not a setting: did you mean `{meant}`?"),
            None => format!("is not a setting: there are {}", fields.join(", ")),
        }
    } else if contains_null(value) {
        "is null: write a value, or remove the setting".to_owned()
    } else if !value.is_string() && is_secret(name) {
        "must be a string".to_owned()
    } else if let Err(error) = reads(value.clone()) {
        match value {
            Value::Number(number) => format!(
                "is the number {number}: write a string, and a duration with its unit, such as \"30s\""
            ),
            Value::Bool(_) if reads("yes".into()).is_ok() => {
                "is a boolean: write \"yes\", or remove the setting".to_owned()
            }
            _ => error.to_string(),
        }
    } else {
        return Ok(());
    };
    Err(ConfigError::new(name.to_owned(), problem))
}

fn contains_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(contains_null),
        Value::Object(map) => map.values().any(contains_null),
        _ => false,
    }
}

/// Returns the names of a struct's fields.
fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The deserializer has no input, so the result is an error or an empty struct.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

/// A deserializer without input. It stores the field names of the struct.
struct FieldNames<'n>(&'n mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = FieldNamesError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        ().into_deserializer().deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
