//! Times as the JSON protocols and CBOR write them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Number, Value};

/// Seconds since the epoch with milliseconds, as a JSON number.
pub(crate) fn epoch_json(at: SystemTime) -> Value {
    let milliseconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    // Milliseconds of any date before the year 280,000 fit a double exactly.
    #[allow(clippy::cast_precision_loss)]
    let milliseconds = milliseconds as f64;
    Number::from_f64(milliseconds / 1000.0).map_or(Value::Null, Value::Number)
}
