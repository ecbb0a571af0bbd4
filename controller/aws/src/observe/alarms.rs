//! Alarms: `DescribeAlarms`, metric and composite, by name.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, Dimension, Metric, MetricAlarm, StateValue};
use failover_core::ids::{AlarmName, InstanceId};
use failover_core::world::{Alarm, AlarmState, Listing, Tags};
use futures::future::join_all;

use super::by_id::limited;
use super::described::Described;
use super::pages;
use crate::clients::Aws;
use crate::convert::required_timestamp;
use crate::error::{AwsError, failed};

const OPERATION: &str = "DescribeAlarms";

/// Names in one call, and alarms on one page: the most that `CloudWatch` takes.
const NAMES_PER_CALL: usize = 100;
const PAGE: i32 = 100;

impl Aws {
    /// The alarms of these names. Without names there is nothing to ask.
    pub(super) async fn alarms(&self, names: &BTreeSet<AlarmName>) -> Listing<AlarmName, Alarm> {
        let names: Vec<&AlarmName> = names.iter().collect();
        let chunks = names.chunks(NAMES_PER_CALL).map(|chunk| limited(OPERATION, self.alarms_call(chunk)));
        let mut whole = Listing::known([], self.clock().now());
        for (answer, chunk) in join_all(chunks).await.into_iter().zip(names.chunks(NAMES_PER_CALL)) {
            let part = match answer {
                Ok(answer) => answer.into_listing().0,
                Err(error) => Listing::unknown(error.to_string(), self.clock().now()),
            };
            // An unknown chunk must not make the alarms of another one unknown: its own are named one by one.
            if let failover_core::world::Observed::Unknown { why, at } = &part.complete {
                for name in chunk {
                    let unknown = failover_core::world::Observed::Unknown { why: why.clone(), at: *at };
                    whole.items.insert((*name).clone(), unknown);
                }
            }
            whole.items.extend(part.items);
            if whole.is_complete() {
                whole.complete = part.complete;
            }
        }
        whole
    }

    async fn alarms_call(&self, names: &[&AlarmName]) -> Result<Described<AlarmName, Alarm>, AwsError> {
        let names = names.iter().map(ToString::to_string).collect();
        // Composite alarms are left out unless they are asked for.
        let types = vec![AlarmType::MetricAlarm, AlarmType::CompositeAlarm];
        let call = self.cloudwatch().describe_alarms();
        let call = call.set_alarm_names(Some(names)).set_alarm_types(Some(types)).max_records(PAGE);
        let ask = |token| {
            let call = call.clone().set_next_token(token);
            async move { call.send().await.map_err(failed(OPERATION)) }
        };
        pages::every(self.clock(), ask, DescribeAlarmsOutput::next_token, take).await
    }
}

fn take(answer: &mut Described<AlarmName, Alarm>, page: &DescribeAlarmsOutput, at: jiff::Timestamp) {
    for alarm in page.metric_alarms() {
        answer.take(alarm.alarm_name(), &Tags::new(), read_metric(alarm), at);
    }
    for alarm in page.composite_alarms() {
        answer.take(alarm.alarm_name(), &Tags::new(), read_composite(alarm), at);
    }
}

fn read_metric(alarm: &MetricAlarm) -> Result<Alarm, String> {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    Ok(Alarm {
        state: state(alarm.state_value())?,
        since: required_timestamp("time of the alarm's state", since)?,
        instance: instance(alarm),
    })
}

fn read_composite(alarm: &CompositeAlarm) -> Result<Alarm, String> {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    Ok(Alarm {
        state: state(alarm.state_value())?,
        since: required_timestamp("time of the alarm's state", since)?,
        instance: None,
    })
}

fn state(state: Option<&StateValue>) -> Result<AlarmState, String> {
    Ok(match state.ok_or("no state")? {
        StateValue::Ok => AlarmState::Ok,
        StateValue::Alarm => AlarmState::Alarm,
        StateValue::InsufficientData => AlarmState::InsufficientData,
        other => return Err(format!("alarm state {:?} is not one that we know", other.as_str())),
    })
}

/// The instance of the alarm's dimensions, its own or those of its metrics. Several instances: none can be named.
fn instance(alarm: &MetricAlarm) -> Option<InstanceId> {
    let of_metrics =
        alarm.metrics().iter().filter_map(|query| query.metric_stat()?.metric()).flat_map(Metric::dimensions);
    let mut instances: BTreeSet<InstanceId> =
        alarm.dimensions().iter().chain(of_metrics).filter_map(instance_of).collect();
    if instances.len() == 1 { instances.pop_first() } else { None }
}

fn instance_of(dimension: &Dimension) -> Option<InstanceId> {
    if dimension.name()? != "InstanceId" {
        return None;
    }
    InstanceId::new(dimension.value()?).ok()
}
