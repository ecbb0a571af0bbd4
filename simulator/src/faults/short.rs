//! The short form of a fault without particulars: `"stop"` for `{"stop": {}}`.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::{Value, json};

pub(super) fn fault<'de, D: Deserializer<'de>, F: DeserializeOwned>(deserializer: D) -> Result<F, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let long = value.as_str().map(|name| json!({ name: {} }));
    let read = F::deserialize(value);
    match long {
        Some(long) => read.or_else(|_| F::deserialize(long)),
        None => read,
    }
    .map_err(D::Error::custom)
}
