//! Metrics that clients publish: kept as they came. Alarms here do not look at them.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::time::timestamp;

/// Points kept for each metric; older ones are forgotten.
const POINTS_KEPT: usize = 10_000;

/// A metric: namespace, name, dimensions in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) dimensions: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: SystemTime,
    pub(crate) values: Vec<f64>,
    /// How often each value was measured; empty: once.
    pub(crate) counts: Vec<f64>,
    pub(crate) unit: String,
}

/// All metrics that were published.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    points: BTreeMap<Metric, VecDeque<Point>>,
}

impl Metrics {
    pub(crate) fn keep(&mut self, metric: Metric, point: Point) {
        let points = self.points.entry(metric).or_default();
        points.push_back(point);
        if points.len() > POINTS_KEPT {
            points.pop_front();
        }
    }

    /// Everything, readable.
    pub(crate) fn overview(&self) -> Value {
        let metrics = self.points.iter().map(|(metric, points)| {
            let points = points.iter().map(|point| {
                json!({"at": timestamp(point.at), "values": point.values, "counts": point.counts, "unit": point.unit})
            });
            let dimensions = metric.dimensions.iter().map(|(name, value)| (name.clone(), json!(value)));
            json!({
                "namespace": metric.namespace,
                "name": metric.name,
                "dimensions": dimensions.collect::<Map<_, _>>(),
                "points": points.collect::<Vec<_>>(),
            })
        });
        metrics.collect()
    }
}
