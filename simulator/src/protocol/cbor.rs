//! CBOR as Smithy RPC v2 uses it: input to JSON, output from JSON.

use base64::Engine as _;
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

/// CBOR's tag for seconds since the epoch.
const EPOCH_TIMESTAMP_TAG: u64 = 1;
/// Nesting deeper than any operation's model.
const DEEPEST: usize = 64;

/// A request's body as JSON; an empty body is an empty structure. `None`: not CBOR.
pub(crate) fn to_json(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::Object(Map::new()));
    }
    let value: Cbor = ciborium::de::from_reader_with_recursion_limit(body, DEEPEST).ok()?;
    json_of(value)
}

fn json_of(value: Cbor) -> Option<Value> {
    match value {
        Cbor::Null => Some(Value::Null),
        Cbor::Bool(flag) => Some(Value::Bool(flag)),
        Cbor::Text(text) => Some(Value::String(text)),
        Cbor::Bytes(bytes) => Some(Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))),
        Cbor::Integer(integer) => i64::try_from(integer).ok().map(Value::from),
        Cbor::Float(float) => Some(Number::from_f64(float).map_or(Value::Null, Value::Number)),
        // Timestamps are the only tagged values in our operations, and JSON carries them as bare numbers.
        Cbor::Tag(EPOCH_TIMESTAMP_TAG, inner) => json_of(*inner),
        Cbor::Array(elements) => elements.into_iter().map(json_of).collect::<Option<Vec<Value>>>().map(Value::Array),
        Cbor::Map(entries) => entries
            .into_iter()
            .map(|(key, value)| Some((key.into_text().ok()?, json_of(value)?)))
            .collect::<Option<Map<String, Value>>>()
            .map(Value::Object),
        _ => None,
    }
}

/// Output as CBOR. Members whose names end in `Timestamp` become tagged epoch seconds. Floats are always of 64 bits: the Rust SDK's decoder
/// need not know halves.
pub(crate) fn from_json(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    push(&mut out, value, false);
    out
}

fn push(out: &mut Vec<u8>, value: &Value, timestamp: bool) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(flag) => out.push(if *flag { 0xf5 } else { 0xf4 }),
        Value::Number(number) => push_number(out, number, timestamp),
        Value::String(text) => {
            push_head(out, 3, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(elements) => {
            push_head(out, 4, elements.len() as u64);
            for element in elements {
                push(out, element, false);
            }
        }
        Value::Object(members) => {
            push_head(out, 5, members.len() as u64);
            for (name, member) in members {
                push_head(out, 3, name.len() as u64);
                out.extend_from_slice(name.as_bytes());
                push(out, member, name.ends_with("Timestamp"));
            }
        }
    }
}

fn push_number(out: &mut Vec<u8>, number: &Number, timestamp: bool) {
    if timestamp {
        push_head(out, 6, EPOCH_TIMESTAMP_TAG);
    }
    match number.as_i64() {
        Some(integer) if integer >= 0 => push_head(out, 0, integer.unsigned_abs()),
        Some(integer) => push_head(out, 1, integer.unsigned_abs() - 1),
        None => {
            out.push(0xfb);
            out.extend_from_slice(&number.as_f64().unwrap_or(0.0).to_be_bytes());
        }
    }
}

/// A data item's head: major type and argument, in the shortest form.
fn push_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    /// Says that the argument follows in 1, 2, 4 or 8 bytes.
    const FOLLOWS: [u8; 4] = [0x18, 0x19, 0x1a, 0x1b];
    let [one, two, four, eight] = FOLLOWS;
    let major = major << 5;
    if let Ok(byte) = u8::try_from(argument) {
        if byte < 24 {
            out.push(major | byte);
        } else {
            out.extend_from_slice(&[major | one, byte]);
        }
    } else if let Ok(short) = u16::try_from(argument) {
        out.push(major | two);
        out.extend_from_slice(&short.to_be_bytes());
    } else if let Ok(word) = u32::try_from(argument) {
        out.push(major | four);
        out.extend_from_slice(&word.to_be_bytes());
    } else {
        out.push(major | eight);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        let value = json!({
            "Names": ["a", "ü"], "Threshold": 1.0, "Period": 60, "Negative": -300, "Large": 70_000, "Huge": 5_000_000_000_i64,
            "StateUpdatedTimestamp": 1_767_603_600.5, "Flag": true, "Nothing": null, "Long": "x".repeat(300),
        });
        assert_eq!(to_json(&from_json(&value)).unwrap(), value);
        assert_eq!(to_json(b"").unwrap(), json!({}));
    }

    #[test]
    fn timestamps_carry_their_tag() {
        let encoded = from_json(&json!({"StateUpdatedTimestamp": 1.5}));
        let Cbor::Map(entries) = ciborium::from_reader(encoded.as_slice()).unwrap() else { panic!("no map") };
        assert_eq!(entries[0].1, Cbor::Tag(1, Box::new(Cbor::Float(1.5))));
    }

    #[test]
    fn an_indefinite_map_as_the_rust_sdk_sends_it_is_read() {
        let body = [&[0xbf, 0x63][..], b"abc", &[0x01, 0xff]].concat();
        assert_eq!(to_json(&body).unwrap(), json!({"abc": 1}));
        for garbage in [&b"{}"[..], &[0xff], &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[0x81; 1000]] {
            assert!(to_json(garbage).is_none());
        }
    }
}
