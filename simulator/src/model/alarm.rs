//! A metric alarm, and the data points of status checks that alarms watch.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::time::RegionTime;

/// States of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlarmState {
    /// `OK`
    #[serde(rename = "OK")]
    Ok,
    /// `ALARM`
    #[serde(rename = "ALARM")]
    Alarm,
    /// `INSUFFICIENT_DATA`
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

impl AlarmState {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "OK" => Some(Self::Ok),
            "ALARM" => Some(Self::Alarm),
            "INSUFFICIENT_DATA" => Some(Self::InsufficientData),
            _ => None,
        }
    }
}

/// What missing data points count as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MissingData {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl MissingData {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ignore => "ignore",
            Self::Breaching => "breaching",
            Self::NotBreaching => "notBreaching",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "missing" => Some(Self::Missing),
            "ignore" => Some(Self::Ignore),
            "breaching" => Some(Self::Breaching),
            "notBreaching" => Some(Self::NotBreaching),
            _ => None,
        }
    }
}

/// A metric alarm.
#[expect(clippy::struct_field_names, reason = "CloudWatch's own names")]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) description: Option<String>,
    pub(crate) namespace: String,
    pub(crate) metric_name: String,
    /// Names and values, in the order given.
    pub(crate) dimensions: Vec<(String, String)>,
    pub(crate) statistic: String,
    pub(crate) period_seconds: u32,
    pub(crate) evaluation_periods: u32,
    pub(crate) datapoints_to_alarm: Option<u32>,
    pub(crate) threshold: f64,
    /// Such as `GreaterThanOrEqualToThreshold`.
    pub(crate) comparison_operator: String,
    pub(crate) treat_missing_data: MissingData,
    pub(crate) actions_enabled: bool,
    pub(crate) ok_actions: Vec<String>,
    pub(crate) alarm_actions: Vec<String>,
    pub(crate) insufficient_data_actions: Vec<String>,
    pub(crate) state: AlarmState,
    pub(crate) state_reason: String,
    /// A JSON text, or empty.
    pub(crate) state_reason_data: String,
    pub(crate) state_updated_at: RegionTime,
    pub(crate) configured_at: RegionTime,
}

impl Alarm {
    /// The instance whose status checks this alarm watches.
    pub(crate) fn status_check_instance(&self) -> Option<&str> {
        if self.namespace != "AWS/EC2" || !self.metric_name.starts_with("StatusCheckFailed") {
            return None;
        }
        self.dimensions.iter().find(|(name, _)| name == "InstanceId").map(|(_, value)| value.as_str())
    }

    pub(crate) fn breaches(&self, value: f64) -> bool {
        match self.comparison_operator.as_str() {
            "GreaterThanOrEqualToThreshold" => value >= self.threshold,
            "GreaterThanThreshold" => value > self.threshold,
            "LessThanThreshold" => value < self.threshold,
            "LessThanOrEqualToThreshold" => value <= self.threshold,
            _ => false,
        }
    }
}

/// One minute's status checks as a metric.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataPoint {
    pub(crate) measured_at: RegionTime,
    pub(crate) published_at: RegionTime,
    pub(crate) system_failed: bool,
    pub(crate) instance_failed: bool,
    pub(crate) attached_ebs_failed: bool,
}

impl DataPoint {
    pub(crate) fn value(&self, metric_name: &str) -> Option<f64> {
        let failed = match metric_name {
            // AWS: StatusCheckFailed covers the instance, the system and the attached EBS check.
            "StatusCheckFailed" => self.system_failed || self.instance_failed || self.attached_ebs_failed,
            "StatusCheckFailed_System" => self.system_failed,
            "StatusCheckFailed_Instance" => self.instance_failed,
            "StatusCheckFailed_AttachedEBS" => self.attached_ebs_failed,
            _ => return None,
        };
        Some(if failed { 1.0 } else { 0.0 })
    }
}

/// Data points kept per instance: an hour, more than any alarm here looks at.
const POINTS_KEPT: usize = 60;

/// All alarms and the metric they watch.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    pub(crate) by_name: BTreeMap<String, Alarm>,
    pub(crate) points: BTreeMap<String, VecDeque<DataPoint>>,
}

impl Alarms {
    pub(crate) fn publish(&mut self, instance_id: &str, point: DataPoint) {
        let points = self.points.entry(instance_id.to_owned()).or_default();
        if points.len() == POINTS_KEPT {
            points.pop_front();
        }
        points.push_back(point);
    }

    pub(crate) fn has_points(&self, instance_id: &str) -> bool {
        self.points.get(instance_id).is_some_and(|points| !points.is_empty())
    }
}
