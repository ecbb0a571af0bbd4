//! Times on the wire.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Number, Value};

/// Seconds since the epoch with milliseconds, as the JSON protocols and CBOR write timestamps.
pub(crate) fn epoch_seconds(at: SystemTime) -> f64 {
    let milliseconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    // Milliseconds of any date before the year 280,000 fit a double exactly.
    #[allow(clippy::cast_precision_loss)]
    let milliseconds = milliseconds as f64;
    milliseconds / 1000.0
}

/// The same as a JSON number.
pub(crate) fn epoch_json(at: SystemTime) -> Value {
    Number::from_f64(epoch_seconds(at)).map_or(Value::Null, Value::Number)
}
