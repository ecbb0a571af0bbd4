//! CloudWatch: alarms on the status checks of instances, and metrics that clients publish.
//!
//! The Rust SDK and boto3 send Smithy RPC v2 CBOR, older clients AWS JSON 1.0 or the query protocol; each gets its answer in the form in
//! which it asked. CloudWatch was a query service first: the codes of its errors there (`ResourceNotFound`) differ from the names of the
//! shapes in the newer protocols (`InvalidFormatFault` for `InvalidFormat`), so these carry the old code in `x-amzn-query-error`.
//!
//! Not modelled: composite alarms, metric math, percentiles, units, tags.

mod change;
mod describe;
mod publish;
mod put;
#[cfg(test)]
mod tests;
mod words;

use serde_json::Value;

use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::operations::{Operation, Operations, operation};
use crate::protocol::parameter::irrelevant;
use crate::protocol::service::Service;
use crate::state::State;
use crate::time::RegionTime;

type Handler = fn(&mut State, Input<'_>, RegionTime) -> Result<Value, ApiError>;

pub(crate) static OPERATIONS: Operations<Handler> = Operations::new(Service::CloudWatch, TABLE);

const TABLE: &[Operation<Handler>] = &[
    operation("DeleteAlarms", change::delete_alarms, &["AlarmNames[]"], &[]),
    operation(
        "DescribeAlarms",
        describe::describe_alarms,
        &["AlarmNames[]", "AlarmNamePrefix", "AlarmTypes[]", "StateValue", "ActionPrefix", "MaxRecords", "NextToken"],
        &[],
    ),
    operation("DisableAlarmActions", change::disable_actions, &["AlarmNames[]"], &[]),
    operation("EnableAlarmActions", change::enable_actions, &["AlarmNames[]"], &[]),
    operation(
        "PutMetricAlarm",
        put::put_metric_alarm,
        &[
            "AlarmName",
            "AlarmDescription",
            "ActionsEnabled",
            "OKActions[]",
            "AlarmActions[]",
            "InsufficientDataActions[]",
            "MetricName",
            "Namespace",
            "Statistic",
            "Dimensions[].Name",
            "Dimensions[].Value",
            "Period",
            "EvaluationPeriods",
            "DatapointsToAlarm",
            "Threshold",
            "ComparisonOperator",
            "TreatMissingData",
        ],
        &[],
    ),
    operation(
        "PutMetricData",
        publish::put_metric_data,
        &[
            "Namespace",
            "MetricData[].MetricName",
            "MetricData[].Dimensions[].Name",
            "MetricData[].Dimensions[].Value",
            "MetricData[].Timestamp",
            "MetricData[].Value",
            "MetricData[].StatisticValues.SampleCount",
            "MetricData[].StatisticValues.Sum",
            "MetricData[].StatisticValues.Minimum",
            "MetricData[].StatisticValues.Maximum",
            "MetricData[].Values[]",
            "MetricData[].Counts[]",
            "MetricData[].Unit",
        ],
        &[irrelevant("MetricData[].StorageResolution", "what is published is kept as it came, never summed up")],
    ),
    operation(
        "SetAlarmState",
        change::set_alarm_state,
        &["AlarmName", "StateValue", "StateReason", "StateReasonData"],
        &[],
    ),
];
