//! Alarms as CloudWatch shows them, by filter and in pages.

use serde_json::{Map, Value, json};

use super::words::{alarm_names, alarm_state, one_of, validation};
use crate::model::alarm::{Alarm, AlarmState};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::timestamp::epoch_json;
use crate::state::State;
use crate::time::RegionTime;

const ALARMS_PER_PAGE: usize = 100;

/// Which alarms are asked for.
struct Wanted<'a> {
    names: Vec<&'a str>,
    prefix: Option<&'a str>,
    state: Option<AlarmState>,
    action_prefix: Option<&'a str>,
    /// There are no composite alarms here: a client that asks only for those gets none.
    metric_alarms: bool,
}

pub(super) fn describe_alarms(state: &mut State, input: Input<'_>, _now: RegionTime) -> Result<Value, ApiError> {
    let wanted = Wanted::read(input)?;
    let size = page_size(input)?;
    let after = input.text("NextToken")?;
    if after.is_some_and(|token| !state.alarms.by_name.contains_key(token)) {
        return Err(ApiError::client("InvalidNextToken", "The next token specified is invalid."));
    }
    let alarms = state.alarms.by_name.values();
    let rest = alarms.filter(|alarm| after.is_none_or(|after| alarm.name.as_str() > after) && wanted.has(alarm));
    let mut page: Vec<&Alarm> = rest.take(size + 1).collect();
    let more = page.len() > size;
    page.truncate(size);
    let shown: Vec<Value> = page.iter().map(|alarm| description(state, alarm)).collect();
    let mut output = json!({"CompositeAlarms": [], "MetricAlarms": shown});
    if let Some(last) = page.last().filter(|_| more) {
        output["NextToken"] = json!(last.name);
    }
    Ok(output)
}

impl<'a> Wanted<'a> {
    fn read(input: Input<'a>) -> Result<Self, ApiError> {
        let types = input.texts("AlarmTypes")?;
        for name in &types {
            one_of(name, "alarmTypes", &["CompositeAlarm", "MetricAlarm"])?;
        }
        let wanted = Self {
            names: alarm_names(input)?,
            prefix: input.text("AlarmNamePrefix")?,
            state: input.text("StateValue")?.map(alarm_state).transpose()?,
            action_prefix: input.text("ActionPrefix")?,
            metric_alarms: types.is_empty() || types.contains(&"MetricAlarm"),
        };
        if wanted.prefix.is_some() && !wanted.names.is_empty() {
            return Err(ApiError::client(
                "InvalidParameterCombination",
                "AlarmNamePrefix and AlarmNames are mutually exclusive",
            ));
        }
        Ok(wanted)
    }

    fn has(&self, alarm: &Alarm) -> bool {
        let mut actions =
            [&alarm.ok_actions, &alarm.alarm_actions, &alarm.insufficient_data_actions].into_iter().flatten();
        self.metric_alarms
            && (self.names.is_empty() || self.names.contains(&alarm.name.as_str()))
            && self.prefix.is_none_or(|prefix| alarm.name.starts_with(prefix))
            && self.state.is_none_or(|wanted| alarm.state == wanted)
            && self.action_prefix.is_none_or(|prefix| actions.any(|action| action.starts_with(prefix)))
    }
}

fn page_size(input: Input<'_>) -> Result<usize, ApiError> {
    let Some(records) = input.integer("MaxRecords")? else { return Ok(ALARMS_PER_PAGE) };
    usize::try_from(records).ok().filter(|records| (1..=ALARMS_PER_PAGE).contains(records)).ok_or_else(|| {
        validation(&format!(
            "Value '{records}' at 'maxRecords' failed to satisfy constraint: Member must have value between 1 and 100"
        ))
    })
}

fn description(state: &State, alarm: &Alarm) -> Value {
    let time = |at: RegionTime| epoch_json(state.clock.wall(at));
    let dimensions = alarm.dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value}));
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            members.insert(name.to_owned(), value);
        }
    };
    set("AlarmName", json!(alarm.name));
    set("AlarmArn", json!(alarm.arn));
    set("AlarmDescription", json!(alarm.description));
    set("AlarmConfigurationUpdatedTimestamp", time(alarm.configured_at));
    set("ActionsEnabled", json!(alarm.actions_enabled));
    set("OKActions", json!(alarm.ok_actions));
    set("AlarmActions", json!(alarm.alarm_actions));
    set("InsufficientDataActions", json!(alarm.insufficient_data_actions));
    set("StateValue", json!(alarm.state.name()));
    set("StateReason", json!(alarm.state_reason));
    set(
        "StateReasonData",
        Some(&alarm.state_reason_data).filter(|data| !data.is_empty()).map_or(Value::Null, |data| json!(data)),
    );
    set("StateUpdatedTimestamp", time(alarm.state_updated_at));
    set("StateTransitionedTimestamp", time(alarm.state_updated_at));
    set("MetricName", json!(alarm.metric_name));
    set("Namespace", json!(alarm.namespace));
    set("Statistic", json!(alarm.statistic));
    set("Dimensions", dimensions.collect());
    set("Period", json!(alarm.period_seconds));
    set("EvaluationPeriods", json!(alarm.evaluation_periods));
    set("DatapointsToAlarm", json!(alarm.datapoints_to_alarm));
    set("Threshold", json!(alarm.threshold));
    set("ComparisonOperator", json!(alarm.comparison_operator));
    set("TreatMissingData", json!(alarm.treat_missing_data.name()));
    Value::Object(members)
}
