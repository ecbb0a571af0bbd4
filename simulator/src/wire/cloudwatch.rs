//! What CloudWatch is asked: alarms, and metrics that clients publish.

use serde_json::{Map, Value, json};

use crate::laws::alarm::{Alarm, AlarmState, MissingData};
use crate::protocol::timestamp::epoch_json;
use crate::state::State;
use crate::store::AwsError;
use crate::store::input::Input;
use crate::time::RegionTime;

/// AWS's limits.
const ALARMS_PER_PAGE: usize = 100;
const NAMES_PER_CALL: usize = 100;

const COMPARISONS: [&str; 4] =
    ["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"];
const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

pub(crate) fn call(state: &mut State, operation: &str, input: &Value, now: RegionTime) -> Result<Value, AwsError> {
    let request = Input(input);
    match operation {
        "DescribeAlarms" => describe_alarms(state, request),
        "PutMetricAlarm" => put_metric_alarm(state, request, now),
        "DeleteAlarms" => delete_alarms(state, request),
        "SetAlarmState" => set_alarm_state(state, request, now),
        "EnableAlarmActions" => switch_actions(state, request, true),
        "DisableAlarmActions" => switch_actions(state, request, false),
        "PutMetricData" => {
            let wall = state.clock.wall(now);
            state.stores.metrics.put(input, wall)
        }
        _ => {
            Err(AwsError::client("InvalidAction", format!("The action {operation} is not valid for this web service.")))
        }
    }
}

fn describe_alarms(state: &State, request: Input<'_>) -> Result<Value, AwsError> {
    let names = request.texts("AlarmNames")?;
    let prefix = request.text("AlarmNamePrefix")?;
    if names.len() > NAMES_PER_CALL {
        return Err(too_many_names());
    }
    if prefix.is_some() && !names.is_empty() {
        return Err(AwsError::client(
            "InvalidParameterCombination",
            "AlarmNamePrefix and AlarmNames are mutually exclusive",
        ));
    }
    let wanted_state = request.text("StateValue")?.map(alarm_state).transpose()?;
    let action_prefix = request.text("ActionPrefix")?;
    let types = request.texts("AlarmTypes")?;
    let size = match request.integer("MaxRecords")? {
        None => ALARMS_PER_PAGE,
        Some(records) => usize::try_from(records).ok().filter(|records| (1..=ALARMS_PER_PAGE).contains(records)).ok_or_else(|| {
            validation(&format!("Value '{records}' at 'maxRecords' failed to satisfy constraint: Member must have value between 1 and 100"))
        })?,
    };
    let after = request.text("NextToken")?;
    if after.is_some_and(|token| !state.alarms.by_name.contains_key(token)) {
        return Err(AwsError::client("InvalidNextToken", "The next token specified is invalid."));
    }
    let matches = |alarm: &&Alarm| {
        let actions =
            || [&alarm.ok_actions, &alarm.alarm_actions, &alarm.insufficient_data_actions].into_iter().flatten();
        (names.is_empty() || names.contains(&alarm.name.as_str()))
            && prefix.is_none_or(|prefix| alarm.name.starts_with(prefix))
            && wanted_state.is_none_or(|wanted| alarm.state == wanted)
            && action_prefix.is_none_or(|prefix| actions().any(|action| action.starts_with(prefix)))
            && after.is_none_or(|after| alarm.name.as_str() > after)
    };
    // There are no composite alarms here: a client that asks only for those gets none.
    let metric_alarms_wanted = types.is_empty() || types.contains(&"MetricAlarm");
    let mut page: Vec<&Alarm> =
        state.alarms.by_name.values().filter(|_| metric_alarms_wanted).filter(matches).take(size + 1).collect();
    let more = page.len() > size;
    page.truncate(size);
    let shown: Vec<Value> = page.iter().map(|alarm| description(state, alarm)).collect();
    let mut output = json!({"CompositeAlarms": [], "MetricAlarms": shown});
    if let Some(last) = page.last().filter(|_| more) {
        output["NextToken"] = json!(last.name);
    }
    Ok(output)
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

fn put_metric_alarm(state: &mut State, request: Input<'_>, now: RegionTime) -> Result<Value, AwsError> {
    for unmodelled in ["Metrics", "ExtendedStatistic", "ThresholdMetricId", "EvaluationCriteria"] {
        if request.get(unmodelled).is_some() {
            return Err(validation(&format!(
                "The simulated region does not model {unmodelled}; it has alarms on one plain metric"
            )));
        }
    }
    let name = required(request, "AlarmName")?;
    let statistic = one_of(required(request, "Statistic")?, "statistic", &STATISTICS)?;
    let comparison = one_of(required(request, "ComparisonOperator")?, "comparisonOperator", &COMPARISONS)?;
    let missing_data = request.text("TreatMissingData")?.unwrap_or("missing");
    let treat_missing_data = MissingData::from_name(missing_data)
        .ok_or_else(|| validation(&format!("TreatMissingData {missing_data} is not valid")))?;
    let period_seconds = positive(request, "Period")?;
    if !matches!(period_seconds, 10 | 20 | 30) && period_seconds % 60 != 0 {
        return Err(validation("Period must be 10, 20, 30 or a multiple of 60"));
    }
    let evaluation_periods = positive(request, "EvaluationPeriods")?;
    let datapoints_to_alarm =
        request.get("DatapointsToAlarm").map(|_| positive(request, "DatapointsToAlarm")).transpose()?;
    if datapoints_to_alarm.is_some_and(|points| points > evaluation_periods) {
        return Err(validation("DatapointsToAlarm must not be greater than EvaluationPeriods"));
    }
    let threshold = request.number("Threshold")?.ok_or_else(|| missing("Threshold"))?;
    let known = state.alarms.by_name.get(name);
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let alarm = Alarm {
        name: name.to_owned(),
        arn: format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", state.region_name, state.account_id),
        description: request.text("AlarmDescription")?.map(str::to_owned),
        namespace: required(request, "Namespace")?.to_owned(),
        metric_name: required(request, "MetricName")?.to_owned(),
        dimensions: dimensions(request)?,
        statistic: statistic.to_owned(),
        period_seconds,
        evaluation_periods,
        datapoints_to_alarm,
        threshold,
        comparison_operator: comparison.to_owned(),
        treat_missing_data,
        actions_enabled: request.boolean("ActionsEnabled")?.unwrap_or(true),
        ok_actions: owned(request.texts("OKActions")?),
        alarm_actions: owned(request.texts("AlarmActions")?),
        insufficient_data_actions: owned(request.texts("InsufficientDataActions")?),
        // A new alarm has no data yet; a changed one keeps its state until it is evaluated.
        state: known.map_or(AlarmState::InsufficientData, |known| known.state),
        state_reason: known
            .map_or_else(|| "Unchecked: Initial alarm creation".to_owned(), |known| known.state_reason.clone()),
        state_reason_data: known.map_or_else(String::new, |known| known.state_reason_data.clone()),
        state_updated_at: known.map_or(now, |known| known.state_updated_at),
        configured_at: now,
    };
    state.alarms.by_name.insert(name.to_owned(), alarm);
    Ok(json!({}))
}

fn delete_alarms(state: &mut State, request: Input<'_>) -> Result<Value, AwsError> {
    let names = request.texts("AlarmNames")?;
    if names.len() > NAMES_PER_CALL {
        return Err(too_many_names());
    }
    let unknown: Vec<&str> = names.iter().copied().filter(|name| !state.alarms.by_name.contains_key(*name)).collect();
    if !unknown.is_empty() {
        return Err(AwsError::with_status(
            404,
            "ResourceNotFound",
            format!("The following alarms do not exist: {}", unknown.join(", ")),
        ));
    }
    for name in names {
        state.alarms.by_name.remove(name);
    }
    Ok(json!({}))
}

fn set_alarm_state(state: &mut State, request: Input<'_>, now: RegionTime) -> Result<Value, AwsError> {
    let name = required(request, "AlarmName")?;
    let value = alarm_state(required(request, "StateValue")?)?;
    let reason = required(request, "StateReason")?.to_owned();
    let reason_data = request.text("StateReasonData")?.unwrap_or_default().to_owned();
    if !state.alarms.by_name.contains_key(name) {
        return Err(AwsError::with_status(404, "ResourceNotFound", ""));
    }
    if !reason_data.is_empty() && serde_json::from_str::<Value>(&reason_data).is_err() {
        return Err(AwsError::client("InvalidFormat", "StateReasonData was not syntactically valid JSON"));
    }
    state.set_alarm_state(name, value, reason, reason_data, now);
    Ok(json!({}))
}

fn switch_actions(state: &mut State, request: Input<'_>, enabled: bool) -> Result<Value, AwsError> {
    for name in request.texts("AlarmNames")? {
        if let Some(alarm) = state.alarms.by_name.get_mut(name) {
            alarm.actions_enabled = enabled;
        }
    }
    Ok(json!({}))
}

fn dimensions(request: Input<'_>) -> Result<Vec<(String, String)>, AwsError> {
    let read = |dimension: &Value| {
        let dimension = Input(dimension);
        Ok((required(dimension, "Name")?.to_owned(), required(dimension, "Value")?.to_owned()))
    };
    request.list("Dimensions")?.iter().map(read).collect()
}

fn alarm_state(name: &str) -> Result<AlarmState, AwsError> {
    AlarmState::from_name(name).ok_or_else(|| {
        validation(&format!(
            "Value '{name}' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
        ))
    })
}

fn one_of<'a>(value: &'a str, member: &str, allowed: &[&str]) -> Result<&'a str, AwsError> {
    if allowed.contains(&value) {
        return Ok(value);
    }
    Err(validation(&format!(
        "Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
        allowed.join(", ")
    )))
}

fn positive(request: Input<'_>, name: &str) -> Result<u32, AwsError> {
    let value = request.integer(name)?.ok_or_else(|| missing(name))?;
    u32::try_from(value).ok().filter(|value| *value > 0).ok_or_else(|| {
        validation(&format!("Value '{value}' at '{name}' failed to satisfy constraint: Member must have value greater than or equal to 1"))
    })
}

fn required<'a>(request: Input<'a>, name: &str) -> Result<&'a str, AwsError> {
    request.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> AwsError {
    AwsError::client("MissingParameter", format!("The parameter {name} is required."))
}

fn too_many_names() -> AwsError {
    validation("Value at 'alarmNames' failed to satisfy constraint: Member must have length less than or equal to 100")
}

/// CloudWatch's code for input that breaks the model.
fn validation(why: &str) -> AwsError {
    AwsError::client("ValidationError", format!("1 validation error detected: {why}"))
}
