//! Metrics that clients publish: accepted, checked and kept. Alarms here do not look at them.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::AwsError;
use super::input::Input;
use crate::time::timestamp;

/// AWS's limits on one call and on one metric.
const DATA_PER_CALL: usize = 1000;
const DIMENSIONS_PER_METRIC: usize = 30;
/// Points kept for each metric; older ones are forgotten.
const POINTS_KEPT: usize = 10_000;

/// A metric: namespace, name, dimensions in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Metric {
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Point {
    at: SystemTime,
    values: Vec<f64>,
    unit: String,
}

/// All metrics that were published.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    points: BTreeMap<Metric, VecDeque<Point>>,
}

impl Metrics {
    /// `PutMetricData`: all data of the call or none.
    pub(crate) fn put(&mut self, input: &Value, now: SystemTime) -> Result<Value, AwsError> {
        let request = Input(input);
        let namespace = required(request, "Namespace")?;
        if namespace.starts_with("AWS/") {
            return Err(invalid_value("The value AWS/ for parameter Namespace is invalid."));
        }
        if request.get("EntityMetricData").is_some() {
            return Err(invalid_value("The simulated region does not model EntityMetricData."));
        }
        let data = request.list("MetricData")?;
        if data.is_empty() {
            return Err(missing("MetricData"));
        }
        if data.len() > DATA_PER_CALL {
            return Err(invalid_value("The collection MetricData must not have a size greater than 1000."));
        }
        let read = data.iter().map(|datum| datum_of(namespace, Input(datum), now)).collect::<Result<Vec<_>, _>>()?;
        for (metric, point) in read {
            let points = self.points.entry(metric).or_default();
            points.push_back(point);
            if points.len() > POINTS_KEPT {
                points.pop_front();
            }
        }
        Ok(json!({}))
    }

    /// Everything, readable.
    pub(crate) fn overview(&self) -> Value {
        let metrics = self.points.iter().map(|(metric, points)| {
            let points = points.iter().map(|point| json!({"at": timestamp(point.at), "values": point.values, "unit": point.unit}));
            json!({
                "namespace": metric.namespace,
                "name": metric.name,
                "dimensions": metric.dimensions.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
                "points": points.collect::<Vec<_>>(),
            })
        });
        metrics.collect()
    }
}

fn datum_of(namespace: &str, datum: Input<'_>, now: SystemTime) -> Result<(Metric, Point), AwsError> {
    let name = required(datum, "MetricName")?;
    let mut dimensions = datum
        .list("Dimensions")?
        .iter()
        .map(|dimension| {
            let dimension = Input(dimension);
            Ok((required(dimension, "Name")?.to_owned(), required(dimension, "Value")?.to_owned()))
        })
        .collect::<Result<Vec<_>, AwsError>>()?;
    if dimensions.len() > DIMENSIONS_PER_METRIC {
        return Err(invalid_value(
            "The collection MetricData.member.1.Dimensions must not have a size greater than 30.",
        ));
    }
    dimensions.sort();
    let metric = Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions };
    Ok((metric, Point { at: now, values: values_of(datum)?, unit: datum.text("Unit")?.unwrap_or("None").to_owned() }))
}

/// A datum has one value, a list of values, or a statistic set.
fn values_of(datum: Input<'_>) -> Result<Vec<f64>, AwsError> {
    let listed = datum.list("Values")?;
    let values: Vec<f64> = match (datum.number("Value")?, datum.get("StatisticValues")) {
        (Some(value), None) if listed.is_empty() => vec![value],
        (None, Some(set)) if listed.is_empty() => {
            let set = Input(set);
            let members = ["SampleCount", "Sum", "Minimum", "Maximum"];
            let numbers = members.iter().map(|name| set.number(name)?.ok_or_else(|| missing(name)));
            numbers.collect::<Result<_, AwsError>>()?
        }
        (None, None) if !listed.is_empty() => {
            let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
            listed
                .iter()
                .map(|value| number(value).ok_or_else(|| invalid_value("The parameter Values is invalid.")))
                .collect::<Result<_, _>>()?
        }
        (None, None) => return Err(missing("MetricData.member.1.Value")),
        _ => {
            return Err(AwsError::client(
                "InvalidParameterCombination",
                "The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are mutually exclusive and you have specified both.",
            ));
        }
    };
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(invalid_value("The value NaN for parameter MetricData.member.1.Value is invalid."))
    }
}

fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, AwsError> {
    input.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> AwsError {
    AwsError::client("MissingParameter", format!("The parameter {name} is required."))
}

fn invalid_value(message: &str) -> AwsError {
    AwsError::client("InvalidParameterValue", message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn published_data_are_kept_by_metric() {
        let mut metrics = Metrics::default();
        let datum = json!({"MetricName": "FailoverSeconds", "Value": 41.5, "Unit": "Seconds", "Dimensions": [{"Name": "Service", "Value": "billing"}]});
        metrics.put(&json!({"Namespace": "Failover", "MetricData": [datum, datum]}), UNIX_EPOCH).unwrap();
        let shown = metrics.overview();
        assert_eq!(shown[0]["dimensions"], json!({"Service": "billing"}));
        assert_eq!(shown[0]["points"].as_array().unwrap().len(), 2);
        for (input, code) in [
            (json!({"MetricData": [datum]}), "MissingParameter"),
            (json!({"Namespace": "AWS/EC2", "MetricData": [datum]}), "InvalidParameterValue"),
            (json!({"Namespace": "Failover", "MetricData": []}), "MissingParameter"),
            (json!({"Namespace": "Failover", "MetricData": [{"MetricName": "x"}]}), "MissingParameter"),
            (
                json!({"Namespace": "Failover", "MetricData": [{"MetricName": "x", "Value": 1, "Values": [1]}]}),
                "InvalidParameterCombination",
            ),
        ] {
            assert_eq!(metrics.put(&input, UNIX_EPOCH).unwrap_err().code, code);
        }
    }
}
