//! CloudWatch alarms in the three shapes in which they come (aws-facts 5): through EventBridge, as a direct action, through SNS.
//!
//! Every change of state is a reason to drive the service, the return to OK too: it clears a suspicion. Besides the alarm's name, the instances and
//! volumes of its metrics are subjects: an alarm about the active instance leads to its service even if no spec names the alarm. It is
//! then no evidence, but what it saw may be.

use failover_core::ids::AlarmName;
use failover_engine::Subject;
use serde_json::Value;

use super::drive::{Trigger, drive};
use super::error::{EventError, shown_text};
use super::read::At;
use super::subject::resource;

const STATES: [&str; 3] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

/// Dimensions of metrics that name resources of a service (`AWS/EC2`, `AWS/EBS`).
const DIMENSIONS: [&str; 2] = ["InstanceId", "VolumeId"];

/// EventBridge's `CloudWatch Alarm State Change`.
pub(super) fn state_change(detail: &At<'_>) -> Result<Trigger, EventError> {
    alarm_data(detail)
}

/// An alarm's Lambda action: the alarm's data at the top, in an envelope of its own.
pub(super) fn action(event: &At<'_>) -> Result<Trigger, EventError> {
    alarm_data(&event.need("alarmData", "the alarm's name and state")?)
}

/// What both have in common.
fn alarm_data(data: &At<'_>) -> Result<Trigger, EventError> {
    let name: AlarmName = data.need("alarmName", "an alarm's name")?.name()?;
    let state = state(&data.need("state", "the alarm's state")?.need("value", &allowed_states())?)?;
    let metrics = data.get("configuration").and_then(|configuration| configuration.get("metrics"));
    let metrics = metrics.as_ref().and_then(|metrics| metrics.value().as_array()).into_iter().flatten();
    // Metric math has no metricStat, and composite alarms no metrics at all.
    let dimensions = metrics.filter_map(|metric| metric.pointer("/metricStat/metric/dimensions"));
    Ok(changed(name, state, dimensions.flat_map(by_name)))
}

/// The notification that an alarm publishes to a topic.
pub(super) fn notification(message: &At<'_>) -> Result<Trigger, EventError> {
    let name: AlarmName = message.need("AlarmName", "an alarm's name")?.name()?;
    let state = state(&message.need("NewStateValue", &allowed_states())?)?;
    let trigger = message.get("Trigger").map(|trigger| trigger.value());
    let single = trigger.and_then(|trigger| trigger.get("Dimensions"));
    let several = trigger.and_then(|trigger| trigger.get("Metrics")).and_then(Value::as_array).into_iter().flatten();
    let several = several.filter_map(|metric| metric.pointer("/MetricStat/Metric/Dimensions"));
    Ok(changed(name, state, single.into_iter().chain(several).flat_map(in_a_list)))
}

fn changed(name: AlarmName, state: &str, resources: impl Iterator<Item = Subject>) -> Trigger {
    let what = format!("alarm {} is {state}", shown_text(name.as_str()));
    drive(what, std::iter::once(Subject::Alarm(name)).chain(resources))
}

fn state<'a>(at: &At<'a>) -> Result<&'a str, EventError> {
    let state = at.text()?;
    if STATES.contains(&state) { Ok(state) } else { Err(at.wrong(allowed_states())) }
}

fn allowed_states() -> String {
    STATES.join(", ")
}

/// `{"InstanceId": "i-…"}`
fn by_name(dimensions: &Value) -> impl Iterator<Item = Subject> + use<> {
    let ids = DIMENSIONS.iter().filter_map(|name| dimensions.get(name)?.as_str().and_then(resource));
    ids.collect::<Vec<_>>().into_iter()
}

/// `[{"name": "InstanceId", "value": "i-…"}]`; the keys have been seen with and without a capital.
fn in_a_list(dimensions: &Value) -> impl Iterator<Item = Subject> + use<> {
    let text = |dimension: &Value, keys: [&str; 2]| {
        keys.iter().find_map(|key| dimension.get(key)?.as_str()).map(ToOwned::to_owned)
    };
    let dimensions = dimensions.as_array().into_iter().flatten();
    let ours = dimensions
        .filter(|dimension| text(dimension, ["name", "Name"]).is_some_and(|name| DIMENSIONS.contains(&name.as_str())));
    let subjects = ours.filter_map(|dimension| resource(&text(dimension, ["value", "Value"])?));
    subjects.collect::<Vec<_>>().into_iter()
}
