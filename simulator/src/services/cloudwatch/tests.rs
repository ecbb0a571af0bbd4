#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use serde_json::json;

use super::*;
use crate::setup::Setup;

fn call(state: &mut State, name: &str, input: &Value) -> Result<Value, ApiError> {
    let admitted = OPERATIONS.admit_tree(name, input.clone())?;
    (admitted.operation.handler)(state, admitted.input(), RegionTime::START)
}

fn alarm(name: &str) -> Value {
    json!({
        "AlarmName": name, "Namespace": "AWS/EC2", "MetricName": "StatusCheckFailed", "Statistic": "Maximum", "Period": 60,
        "EvaluationPeriods": 2, "Threshold": 0.5, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    })
}

fn names(state: &mut State) -> Vec<String> {
    let described = call(state, "DescribeAlarms", &json!({})).unwrap();
    let alarms = described["MetricAlarms"].as_array().unwrap();
    alarms.iter().map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn published_data_are_kept_by_metric() {
    let state = &mut State::new(Setup::default());
    let datum = json!({"MetricName": "FailoverSeconds", "Value": 41.5, "Unit": "Seconds", "Timestamp": 1_767_603_600.0,
        "Dimensions": [{"Name": "Service", "Value": "billing"}]});
    call(state, "PutMetricData", &json!({"Namespace": "Failover", "MetricData": [datum, datum]})).unwrap();
    let shown = state.stores.metrics.overview();
    assert_eq!(shown[0]["dimensions"], json!({"Service": "billing"}));
    assert_eq!(shown[0]["points"].as_array().unwrap().len(), 2);
    assert_eq!(shown[0]["points"][0]["at"], "2026-01-05T09:00:00.000Z");
    for (input, code) in [
        (json!({"MetricData": [datum]}), "MissingParameter"),
        (json!({"Namespace": "AWS/EC2", "MetricData": [datum]}), "InvalidParameterValue"),
        (json!({"Namespace": "Failover", "MetricData": []}), "MissingParameter"),
        (json!({"Namespace": "Failover", "MetricData": [datum, {"MetricName": "x"}]}), "MissingParameter"),
        (
            json!({"Namespace": "Failover", "MetricData": [{"MetricName": "x", "Value": 1, "Values": [1]}]}),
            "InvalidParameterCombination",
        ),
        (
            json!({"Namespace": "Failover", "MetricData": [{"MetricName": "x", "Values": [1, 2], "Counts": [1]}]}),
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(call(state, "PutMetricData", &input).unwrap_err().code, code);
    }
    assert_eq!(state.stores.metrics.overview()[0]["points"].as_array().unwrap().len(), 2);
}

#[test]
fn the_alarms_that_there_are_go_even_beside_wrong_names() {
    let state = &mut State::new(Setup::default());
    for name in ["one", "two", "three"] {
        call(state, "PutMetricAlarm", &alarm(name)).unwrap();
    }
    let refused = call(state, "DeleteAlarms", &json!({"AlarmNames": ["one", "none", "two"]})).unwrap_err();
    assert_eq!((refused.code.as_ref(), refused.status), ("ResourceNotFound", 404));
    assert_eq!(names(state), ["three"]);
    assert_eq!(call(state, "DeleteAlarms", &json!({"AlarmNames": ["three"]})).unwrap(), json!({}));
}

#[test]
fn what_is_not_modelled_is_refused() {
    let state = &mut State::new(Setup::default());
    for (member, value) in [
        ("Unit", json!("Count")),
        ("Tags", json!([{"Key": "a", "Value": "b"}])),
        ("Metrics", json!([{"Id": "m"}])),
        ("ExtendedStatistic", json!("p99")),
        ("EvaluateLowSampleCountPercentile", json!("ignore")),
    ] {
        let mut input = alarm("a");
        input[member] = value;
        let refused = call(state, "PutMetricAlarm", &input).unwrap_err();
        assert!(refused.code == "UnsupportedOperation" && refused.message.contains(member), "{}", refused.message);
    }
    assert!(names(state).is_empty());
    let children = call(state, "DescribeAlarms", &json!({"ChildrenOfAlarmName": "a"})).unwrap_err();
    assert!(children.code == "UnsupportedOperation" && children.message.contains("ChildrenOfAlarmName"));
    assert_eq!(call(state, "GetMetricData", &json!({})).unwrap_err().code, "UnsupportedOperation");
}
