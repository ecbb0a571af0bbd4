//! Metrics that clients publish: checked and kept.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::words::dimensions;
use crate::model::metric::{Metric, Point};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::state::State;
use crate::time::RegionTime;

/// AWS's limits on one call and on one metric.
const DATA_PER_CALL: usize = 1000;
const DIMENSIONS_PER_METRIC: usize = 30;
const VALUES_PER_DATUM: usize = 150;

/// All data of the call or none.
pub(super) fn put_metric_data(state: &mut State, input: Input<'_>, now: RegionTime) -> Result<Value, ApiError> {
    let wall = state.clock.wall(now);
    for (metric, point) in read(input, wall)? {
        state.stores.metrics.keep(metric, point);
    }
    Ok(json!({}))
}

fn read(input: Input<'_>, now: SystemTime) -> Result<Vec<(Metric, Point)>, ApiError> {
    let namespace = input.filled_text("Namespace")?;
    if namespace.starts_with("AWS/") {
        return Err(invalid_value("The value AWS/ for parameter Namespace is invalid."));
    }
    let data = input.list("MetricData")?;
    if data.is_empty() {
        return Err(input.missing("MetricData"));
    }
    if data.len() > DATA_PER_CALL {
        return Err(invalid_value("The collection MetricData must not have a size greater than 1000."));
    }
    data.into_iter().map(|datum| Ok((metric_of(namespace, datum)?, point_of(datum, now)?))).collect()
}

fn metric_of(namespace: &str, datum: Input<'_>) -> Result<Metric, ApiError> {
    let mut dimensions = dimensions(datum)?;
    if dimensions.len() > DIMENSIONS_PER_METRIC {
        return Err(invalid_value(
            "The collection MetricData.member.1.Dimensions must not have a size greater than 30.",
        ));
    }
    dimensions.sort();
    Ok(Metric { namespace: namespace.to_owned(), name: datum.filled_text("MetricName")?.to_owned(), dimensions })
}

fn point_of(datum: Input<'_>, now: SystemTime) -> Result<Point, ApiError> {
    let values = values_of(datum)?;
    let counts = datum.numbers("Counts")?;
    if !counts.is_empty() && counts.len() != values.len() {
        return Err(invalid_value("The parameters Values and Counts must have the same length."));
    }
    if !values.iter().chain(&counts).all(|value| value.is_finite()) {
        return Err(invalid_value("The value NaN for parameter MetricData.member.1.Value is invalid."));
    }
    Ok(Point {
        at: datum.time("Timestamp")?.unwrap_or(now),
        values,
        counts,
        unit: datum.text("Unit")?.unwrap_or("None").to_owned(),
    })
}

/// A datum has one value, a list of values, or a statistic set.
fn values_of(datum: Input<'_>) -> Result<Vec<f64>, ApiError> {
    let listed = datum.numbers("Values")?;
    match (datum.number("Value")?, datum.structure("StatisticValues")?, listed.len()) {
        (Some(value), None, 0) => Ok(vec![value]),
        (None, Some(set), 0) => {
            let members = ["SampleCount", "Sum", "Minimum", "Maximum"];
            members.iter().map(|name| set.number(name)?.ok_or_else(|| set.missing(name))).collect()
        }
        (None, None, 0) => Err(datum.missing("Value")),
        (None, None, 1..=VALUES_PER_DATUM) => Ok(listed),
        (None, None, _) => Err(invalid_value("The collection Values must not have a size greater than 150.")),
        _ => Err(ApiError::client(
            "InvalidParameterCombination",
            "The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are mutually exclusive and you have specified both.",
        )),
    }
}

fn invalid_value(message: &str) -> ApiError {
    ApiError::client("InvalidParameterValue", message)
}
