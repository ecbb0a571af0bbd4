//! The forms of the query protocols as a tree: `A.member.1.B=x` (query) and `A.1.B=x` (EC2, flattened lists) are `{"A": [{"B": "x"}]}`.
//!
//! Leaves are text. No model is needed: numbers are positions in lists, `member` and `entry` wrap the elements of lists and maps.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::ApiError;

/// Nesting deeper than any operation's model: a hostile name must not exhaust the stack.
const DEEPEST: usize = 16;

/// The fields of forms, one after the other, as one tree. `Action` and `Version` say what the request is; they are none of its parameters.
pub(crate) fn tree(forms: &[&[u8]]) -> Result<Value, ApiError> {
    let mut root = Node::default();
    for (name, value) in forms.iter().flat_map(|form| form_urlencoded::parse(form)) {
        if name == "Action" || name == "Version" {
            continue;
        }
        if name.split('.').count() > DEEPEST {
            return Err(ApiError::client("MalformedQueryString", "The query string is nested too deeply"));
        }
        let node = name.split('.').fold(&mut root, |node, part| node.child(part));
        node.value = Some(value.into_owned());
    }
    Ok(root.into_value(false))
}

/// One value of a form, without decoding the rest.
pub(crate) fn value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[derive(Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn child(&mut self, name: &str) -> &mut Node {
        if !self.children.contains_key(name) {
            self.children.insert(name.to_owned(), Node::default());
        }
        self.children.entry(name.to_owned()).or_default()
    }

    fn into_value(mut self, nested: bool) -> Value {
        if self.children.is_empty() && nested {
            return Value::String(self.value.unwrap_or_default());
        }
        if self.children.len() == 1 {
            if let Some(elements) = self.children.get_mut("member").filter(|inner| inner.is_numbered()) {
                return std::mem::take(elements).into_list();
            }
            if let Some(entries) = self.children.get_mut("entry").filter(|inner| inner.is_numbered()) {
                return map_or_list(std::mem::take(entries).into_list());
            }
        }
        if self.is_numbered() {
            return self.into_list();
        }
        Value::Object(self.children.into_iter().map(|(name, child)| (name, child.into_value(true))).collect())
    }

    fn is_numbered(&self) -> bool {
        !self.children.is_empty() && self.children.keys().all(|name| name.parse::<u32>().is_ok())
    }

    fn into_list(self) -> Value {
        let mut elements: Vec<(u32, Node)> =
            self.children.into_iter().map(|(name, child)| (name.parse().unwrap_or(u32::MAX), child)).collect();
        elements.sort_by_key(|(position, _)| *position);
        Value::Array(elements.into_iter().map(|(_, child)| child.into_value(true)).collect())
    }
}

/// Entries of key and value (SNS also calls them name and value) are a map.
fn map_or_list(entries: Value) -> Value {
    let key_and_value = |entry: &Value| {
        let (key, value) =
            (entry.get("key").or_else(|| entry.get("Name")), entry.get("value").or_else(|| entry.get("Value")));
        let members = entry.as_object()?.len();
        match (key?.as_str(), value) {
            (Some(key), Some(value)) if members == 2 => Some((key.to_owned(), value.clone())),
            (Some(key), None) if members == 1 => Some((key.to_owned(), Value::Null)),
            _ => None,
        }
    };
    let map: Option<Map<String, Value>> = entries.as_array().into_iter().flatten().map(key_and_value).collect();
    map.map_or(entries, Value::Object)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_of_both_protocols_become_the_same_tree() {
        let query = b"Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a+b&Dimensions.member.1.Name=InstanceId&Dimensions.member.1.Value=i-1&\
            AlarmActions.member.2=y&AlarmActions.member.1=x&AlarmActions.member.10=z&Attributes.entry.1.key=k&Attributes.entry.1.value=v";
        let ec2 = b"Action=X&AlarmName=a+b&Dimensions.1.Name=InstanceId&Dimensions.1.Value=i-1&AlarmActions.2=y&AlarmActions.1=x&AlarmActions.10=z";
        let same = json!({"AlarmName": "a b", "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}], "AlarmActions": ["x", "y", "z"]});
        assert_eq!(tree(&[ec2]).unwrap(), same);
        let mut with_map = same;
        with_map["Attributes"] = json!({"k": "v"});
        assert_eq!(tree(&[query]).unwrap(), with_map);
        assert_eq!(tree(&[b"Action=DescribeInstances", b"Force=true"]).unwrap(), json!({"Force": "true"}));
        assert_eq!(tree(&[b""]).unwrap(), json!({}));
    }

    #[test]
    fn a_map_of_structures_is_one_too() {
        let form = b"MessageAttributes.entry.1.Name=k&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=v";
        assert_eq!(
            tree(&[form]).unwrap(),
            json!({"MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}}})
        );
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        assert!(tree(&["a.".repeat(1000).as_bytes()]).is_err());
    }
}
