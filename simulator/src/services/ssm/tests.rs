#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;

fn call(parameters: &mut Parameters, operation: &str, input: &Value) -> Result<Value, ApiError> {
    let admitted = OPERATIONS.admit_tree(operation, input.clone())?;
    (admitted.operation.handler)(parameters, admitted.input(), UNIX_EPOCH + Duration::from_hours(490_001))
}

fn store() -> Parameters {
    Parameters::new("eu-central-1".to_owned(), "123456789012".to_owned())
}

fn put(parameters: &mut Parameters, name: &str, value: &str) {
    let input = json!({"Name": name, "Value": value, "Type": "String"});
    call(parameters, "PutParameter", &input).unwrap();
}

#[test]
fn versions_count_up_and_stay_readable() {
    let mut store = store();
    put(&mut store, "/failover/services/a", "one");
    let again = json!({"Name": "/failover/services/a", "Value": "two", "Type": "String"});
    assert_eq!(call(&mut store, "PutParameter", &again).unwrap_err().code, "ParameterAlreadyExists");
    let overwrite = json!({"Name": "/failover/services/a", "Value": "two", "Overwrite": true});
    assert_eq!(call(&mut store, "PutParameter", &overwrite).unwrap(), json!({"Version": 2, "Tier": "Standard"}));
    let newest = call(&mut store, "GetParameter", &json!({"Name": "/failover/services/a"})).unwrap();
    assert_eq!(newest["Parameter"]["Value"], "two");
    assert_eq!(newest["Parameter"]["ARN"], "arn:aws:ssm:eu-central-1:123456789012:parameter/failover/services/a");
    let first = call(&mut store, "GetParameter", &json!({"Name": "/failover/services/a:1"})).unwrap();
    assert_eq!(first["Parameter"]["Value"], "one");
    let none = call(&mut store, "GetParameter", &json!({"Name": "/failover/services/a:7"})).unwrap_err();
    assert_eq!(none.code, "ParameterVersionNotFound");
}

#[test]
fn a_path_is_read_in_pages() {
    let mut store = store();
    for index in 0..25 {
        put(&mut store, &format!("/failover/services/s{index:02}"), "x");
    }
    put(&mut store, "/failover/services/deep/er", "x");
    put(&mut store, "/failover/servicesnot", "x");
    for (recursive, expected) in [(false, 25), (true, 26)] {
        let (mut names, mut token, mut pages) = (Vec::new(), None::<String>, 0);
        loop {
            let mut input = json!({"Path": "/failover/services/", "Recursive": recursive});
            if let Some(token) = &token {
                input["NextToken"] = json!(token);
            }
            let page = call(&mut store, "GetParametersByPath", &input).unwrap();
            names.extend(page["Parameters"].as_array().unwrap().iter().map(|shown| shown["Name"].to_string()));
            pages += 1;
            token = page.get("NextToken").and_then(Value::as_str).map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        names.dedup();
        assert_eq!((names.len(), pages), (expected, 3));
    }
    let too_many = json!({"Path": "/", "MaxResults": 11});
    assert_eq!(call(&mut store, "GetParametersByPath", &too_many).unwrap_err().code, "ValidationException");
}

#[test]
fn limits_of_size_name_and_tier_hold() {
    let mut store = store();
    let big = "x".repeat(5000);
    for (input, text) in [
        (json!({"Name": "/a/b", "Value": big, "Type": "String"}), "maximum parameter value of 4096"),
        (json!({"Name": "/a/b", "Value": "x".repeat(9000), "Type": "String", "Tier": "Advanced"}), "8192"),
        (json!({"Name": "a/b", "Value": "x", "Type": "String"}), "fully qualified"),
        (json!({"Name": "/aws/b", "Value": "x", "Type": "String"}), "prefixed"),
        (json!({"Name": "/a/b", "Value": "x"}), "type is required"),
        (json!({"Name": "/a/b", "Value": "", "Type": "String"}), "length greater than"),
        (json!({"Name": "/a/b", "Type": "String"}), "Value null at 'value'"),
        (json!({"Name": "/a/b", "Value": "x", "Type": "Text"}), "enum value set"),
    ] {
        let error = call(&mut store, "PutParameter", &input).unwrap_err();
        assert!(error.message.contains(text), "{}", error.message);
    }
    let advanced = json!({"Name": "/a/b", "Value": big, "Type": "String", "Tier": "Intelligent-Tiering"});
    assert_eq!(call(&mut store, "PutParameter", &advanced).unwrap()["Tier"], "Advanced");
    assert_eq!(call(&mut store, "GetParameter", &json!({"Name": "/none"})).unwrap_err().code, "ParameterNotFound");
}

#[test]
fn a_secret_is_sealed_until_decryption_is_asked_for() {
    let mut store = store();
    call(&mut store, "PutParameter", &json!({"Name": "/s", "Value": "hush", "Type": "SecureString"})).unwrap();
    let sealed = call(&mut store, "GetParameter", &json!({"Name": "/s"})).unwrap();
    assert_ne!(sealed["Parameter"]["Value"], "hush");
    let open = call(&mut store, "GetParameter", &json!({"Name": "/s", "WithDecryption": true})).unwrap();
    assert_eq!(open["Parameter"]["Value"], "hush");
    assert!(!overview(&store).to_string().contains("hush"));
}

#[test]
fn several_names_tell_the_unknown_ones_apart() {
    let mut store = store();
    put(&mut store, "/a", "1");
    let both = call(&mut store, "GetParameters", &json!({"Names": ["/a", "/b"]})).unwrap();
    assert_eq!(
        (both["Parameters"][0]["Value"].clone(), both["InvalidParameters"].clone()),
        (json!("1"), json!(["/b"]))
    );
    let named = json!({"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/a"]}]});
    let described = call(&mut store, "DescribeParameters", &named).unwrap();
    assert_eq!(described["Parameters"].as_array().unwrap().len(), 1);
    assert!(described["Parameters"][0].get("Value").is_none());
    let deleted = call(&mut store, "DeleteParameters", &json!({"Names": ["/a", "/b"]})).unwrap();
    assert_eq!(deleted, json!({"DeletedParameters": ["/a"], "InvalidParameters": ["/b"]}));
    assert_eq!(call(&mut store, "DeleteParameter", &json!({"Name": "/a"})).unwrap_err().code, "ParameterNotFound");
}

#[test]
fn a_type_stays_and_a_data_type_is_one_of_three() {
    let mut store = store();
    put(&mut store, "/a", "1");
    let secret = json!({"Name": "/a", "Value": "2", "Type": "SecureString", "Overwrite": true});
    assert_eq!(call(&mut store, "PutParameter", &secret).unwrap_err().code, "HierarchyTypeMismatchException");
    let image = json!({"Name": "/image", "Value": "ami-1", "Type": "String", "DataType": "aws:ec2:image"});
    call(&mut store, "PutParameter", &image).unwrap();
    let shown = call(&mut store, "GetParameter", &json!({"Name": "/image"})).unwrap();
    assert_eq!(shown["Parameter"]["DataType"], "aws:ec2:image");
    let other = json!({"Name": "/other", "Value": "x", "Type": "String", "DataType": "image"});
    let error = call(&mut store, "PutParameter", &other).unwrap_err();
    assert!(error.code == "ValidationException" && error.message.contains("image"), "{error:?}");
}

#[test]
fn what_is_not_modelled_is_refused() {
    let mut store = store();
    put(&mut store, "/a", "1");
    for (operation, input, named) in [
        ("DescribeParameters", json!({"Filters": [{"Key": "Name", "Values": ["/b"]}]}), "Filters"),
        ("DescribeParameters", json!({"ParameterFilters": [{"Key": "tag:team", "Values": ["x"]}]}), "tag:team"),
        ("DescribeParameters", json!({"Shared": true}), "Shared"),
        ("GetParametersByPath", json!({"Path": "/", "ParameterFilters": [{"Key": "Type"}]}), "ParameterFilters"),
        ("PutParameter", json!({"Name": "/b", "Value": "x", "Type": "String", "Tags": [{"Key": "a"}]}), "Tags"),
        ("PutParameter", json!({"Name": "/b", "Value": "x", "Type": "SecureString", "KeyId": "k"}), "KeyId"),
        (
            "PutParameter",
            json!({"Name": "/b", "Value": "x", "Type": "String", "AllowedPattern": "y"}),
            "AllowedPattern",
        ),
        ("LabelParameterVersion", json!({"Name": "/a", "Labels": ["x"]}), "LabelParameterVersion"),
    ] {
        let error = call(&mut store, operation, &input).unwrap_err();
        assert_eq!(error.code, "UnsupportedOperation", "{operation}");
        assert!(error.message.contains(named), "{}", error.message);
    }
    assert!(!store.by_name.contains_key("/b"));
}
