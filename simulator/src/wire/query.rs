//! The query protocol: forms in, XML out.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::Answer;
use crate::store::AwsError;

/// Nesting deeper than any operation's model: a hostile name must not exhaust the stack.
const DEEPEST: usize = 16;

/// A form's fields as nested JSON: `A.member.1.B=x` is `{"A": [{"B": "x"}]}`. Leaves are text.
pub(super) fn form_to_json(form: &[u8]) -> Result<Value, AwsError> {
    let mut root = Node::default();
    for (name, value) in form_urlencoded::parse(form) {
        if name == "Action" || name == "Version" {
            continue;
        }
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() > DEEPEST {
            return Err(AwsError::client("MalformedQueryString", "The query string is nested too deeply"));
        }
        parts.into_iter().fold(&mut root, |node, part| node.children.entry(part.to_owned()).or_default()).value =
            Some(value.into_owned());
    }
    Ok(root.into_json())
}

#[derive(Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn into_json(mut self) -> Value {
        if self.children.is_empty() {
            return Value::String(self.value.unwrap_or_default());
        }
        // Lists and maps put their elements below `member` or `entry`.
        for wrapper in ["member", "entry"] {
            let only = self.children.len() == 1;
            if let Some(inner) = self.children.get_mut(wrapper).filter(|inner| only && inner.is_numbered()) {
                let inner = std::mem::take(inner);
                return inner.into_list();
            }
        }
        if self.is_numbered() {
            return self.into_list();
        }
        Value::Object(self.children.into_iter().map(|(name, child)| (name, child.into_json())).collect::<Map<_, _>>())
    }

    fn is_numbered(&self) -> bool {
        !self.children.is_empty() && self.children.keys().all(|name| name.parse::<u32>().is_ok())
    }

    fn into_list(self) -> Value {
        let mut elements: Vec<(u32, Node)> =
            self.children.into_iter().map(|(name, child)| (name.parse().unwrap_or(u32::MAX), child)).collect();
        elements.sort_by_key(|(position, _)| *position);
        Value::Array(elements.into_iter().map(|(_, child)| child.into_json()).collect())
    }
}

/// How an operation's output becomes XML.
pub(super) struct Shape {
    /// Namespace of the service's documents.
    pub(super) namespace: &'static str,
    /// Members that are maps from text to text, which XML writes as entries.
    pub(super) maps: &'static [&'static str],
}

/// `<ActionResponse><ActionResult>…`
pub(super) fn success(shape: &Shape, action: &str, output: &Value, request_id: &str) -> Answer {
    let mut xml = format!("<{action}Response xmlns=\"{}\"><{action}Result>", shape.namespace);
    push_members(&mut xml, shape, output);
    xml.push_str("</");
    xml.push_str(action);
    xml.push_str("Result><ResponseMetadata>");
    push_element(&mut xml, "RequestId", request_id);
    xml.push_str("</ResponseMetadata></");
    xml.push_str(action);
    xml.push_str("Response>");
    answer(200, xml, request_id, None)
}

/// `<ActionResponse>` of an operation that has no result.
pub(super) fn success_without_result(shape: &Shape, action: &str, request_id: &str) -> Answer {
    let mut xml = format!("<{action}Response xmlns=\"{}\"><ResponseMetadata>", shape.namespace);
    push_element(&mut xml, "RequestId", request_id);
    xml.push_str("</ResponseMetadata></");
    xml.push_str(action);
    xml.push_str("Response>");
    answer(200, xml, request_id, None)
}

/// `<ErrorResponse><Error>…`
pub(super) fn failure(shape: &Shape, error: &AwsError, request_id: &str) -> Answer {
    let mut xml = format!("<ErrorResponse xmlns=\"{}\"><Error>", shape.namespace);
    push_element(&mut xml, "Type", if error.status < 500 { "Sender" } else { "Receiver" });
    push_element(&mut xml, "Code", error.code.as_ref());
    push_element(&mut xml, "Message", &error.message);
    xml.push_str("</Error>");
    push_element(&mut xml, "RequestId", request_id);
    xml.push_str("</ErrorResponse>");
    answer(error.status, xml, request_id, Some(error.code.to_string()))
}

fn answer(status: u16, xml: String, request_id: &str, error_code: Option<String>) -> Answer {
    Answer {
        status,
        content_type: "text/xml",
        headers: vec![("x-amzn-requestid", request_id.to_owned())],
        body: Bytes::from(xml),
        error_code,
    }
}

fn push_members(xml: &mut String, shape: &Shape, structure: &Value) {
    for (name, value) in structure.as_object().into_iter().flatten() {
        push_value(xml, shape, name, value);
    }
}

fn push_value(xml: &mut String, shape: &Shape, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => push_element(xml, name, text),
        Value::Bool(flag) => push_element(xml, name, if *flag { "true" } else { "false" }),
        Value::Number(number) if name.ends_with("Timestamp") => {
            push_element(xml, name, &iso8601(number.as_f64().unwrap_or(0.0)));
        }
        Value::Number(number) => push_element(xml, name, &number.to_string()),
        Value::Array(elements) => {
            open(xml, name);
            for element in elements {
                push_value(xml, shape, "member", element);
            }
            close(xml, name);
        }
        Value::Object(entries) if shape.maps.contains(&name) => {
            open(xml, name);
            for (key, value) in entries {
                xml.push_str("<entry>");
                push_element(xml, "key", key);
                push_value(xml, shape, "value", value);
                xml.push_str("</entry>");
            }
            close(xml, name);
        }
        Value::Object(_) => {
            open(xml, name);
            push_members(xml, shape, value);
            close(xml, name);
        }
    }
}

fn iso8601(epoch_seconds: f64) -> String {
    let since_epoch = std::time::Duration::try_from_secs_f64(epoch_seconds).unwrap_or_default();
    crate::time::timestamp(std::time::UNIX_EPOCH + since_epoch)
}

fn open(xml: &mut String, name: &str) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
}

fn close(xml: &mut String, name: &str) {
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn push_element(xml: &mut String, name: &str, text: &str) {
    open(xml, name);
    for letter in text.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\r' => xml.push_str("&#xD;"),
            // XML 1.0 has no way to write other control characters.
            control if control.is_control() && !matches!(control, '\n' | '\t') => xml.push('\u{fffd}'),
            other => xml.push(other),
        }
    }
    close(xml, name);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_become_nested_input() {
        let form = b"Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a+b&Dimensions.member.1.Name=InstanceId&Dimensions.member.1.Value=i-1&\
            AlarmActions.member.2=y&AlarmActions.member.1=x&AlarmActions.member.10=z&Attributes.entry.1.key=k&Attributes.entry.1.value=v";
        assert_eq!(
            form_to_json(form).unwrap(),
            json!({
                "AlarmName": "a b", "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}], "AlarmActions": ["x", "y", "z"],
                "Attributes": [{"key": "k", "value": "v"}],
            })
        );
        assert!(form_to_json("a.".repeat(1000).as_bytes()).is_err());
    }

    #[test]
    fn output_becomes_xml() {
        let shape = Shape { namespace: "urn:x", maps: &["Attributes"] };
        let output = json!({"List": [{"A": 1}, {"A": 2.5}], "Attributes": {"k<": "v&"}, "StateUpdatedTimestamp": 1.5, "None": null});
        let body = success(&shape, "Do", &output, "id").body;
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            "<DoResponse xmlns=\"urn:x\"><DoResult><Attributes><entry><key>k&lt;</key><value>v&amp;</value></entry></Attributes><List><member><A>1</A>\
             </member><member><A>2.5</A></member></List><StateUpdatedTimestamp>1970-01-01T00:00:01.500Z</StateUpdatedTimestamp></DoResult>\
             <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>"
        );
    }
}
