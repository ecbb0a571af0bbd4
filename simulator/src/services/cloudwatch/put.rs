//! Alarms that come, or change.

use serde_json::{Value, json};

use super::words::{dimensions, one_of, validation};
use crate::model::alarm::{Alarm, AlarmState, MissingData};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::state::State;
use crate::time::RegionTime;

const COMPARISONS: [&str; 4] =
    ["GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"];
const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

pub(super) fn put_metric_alarm(state: &mut State, input: Input<'_>, now: RegionTime) -> Result<Value, ApiError> {
    let alarm = read_alarm(state, input, now)?;
    state.alarms.by_name.insert(alarm.name.clone(), alarm);
    Ok(json!({}))
}

fn read_alarm(state: &State, input: Input<'_>, now: RegionTime) -> Result<Alarm, ApiError> {
    let name = input.filled_text("AlarmName")?;
    let evaluation_periods = positive(input, "EvaluationPeriods")?.ok_or_else(|| input.missing("EvaluationPeriods"))?;
    let datapoints_to_alarm = positive(input, "DatapointsToAlarm")?;
    if datapoints_to_alarm.is_some_and(|points| points > evaluation_periods) {
        return Err(validation("DatapointsToAlarm must not be greater than EvaluationPeriods"));
    }
    let owned = |name| Ok::<Vec<String>, ApiError>(input.texts(name)?.into_iter().map(str::to_owned).collect());
    let known = state.alarms.by_name.get(name);
    Ok(Alarm {
        name: name.to_owned(),
        arn: format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", state.region_name, state.account_id),
        description: input.text("AlarmDescription")?.map(str::to_owned),
        namespace: input.filled_text("Namespace")?.to_owned(),
        metric_name: input.filled_text("MetricName")?.to_owned(),
        dimensions: dimensions(input)?,
        statistic: one_of(input.filled_text("Statistic")?, "statistic", &STATISTICS)?.to_owned(),
        period_seconds: period_seconds(input)?,
        evaluation_periods,
        datapoints_to_alarm,
        threshold: input.number("Threshold")?.ok_or_else(|| input.missing("Threshold"))?,
        comparison_operator: one_of(input.filled_text("ComparisonOperator")?, "comparisonOperator", &COMPARISONS)?
            .to_owned(),
        treat_missing_data: treat_missing_data(input)?,
        actions_enabled: input.boolean("ActionsEnabled")?.unwrap_or(true),
        ok_actions: owned("OKActions")?,
        alarm_actions: owned("AlarmActions")?,
        insufficient_data_actions: owned("InsufficientDataActions")?,
        // A new alarm has no data yet; a changed one keeps its state until it is evaluated.
        state: known.map_or(AlarmState::InsufficientData, |known| known.state),
        state_reason: known
            .map_or_else(|| "Unchecked: Initial alarm creation".to_owned(), |known| known.state_reason.clone()),
        state_reason_data: known.map_or_else(String::new, |known| known.state_reason_data.clone()),
        state_updated_at: known.map_or(now, |known| known.state_updated_at),
        configured_at: now,
    })
}

fn treat_missing_data(input: Input<'_>) -> Result<MissingData, ApiError> {
    let name = input.text("TreatMissingData")?.unwrap_or("missing");
    MissingData::from_name(name).ok_or_else(|| validation(&format!("TreatMissingData {name} is not valid")))
}

fn period_seconds(input: Input<'_>) -> Result<u32, ApiError> {
    let period = positive(input, "Period")?.ok_or_else(|| input.missing("Period"))?;
    if matches!(period, 10 | 20 | 30) || period % 60 == 0 {
        return Ok(period);
    }
    Err(validation("Period must be 10, 20, 30 or a multiple of 60"))
}

fn positive(input: Input<'_>, name: &str) -> Result<Option<u32>, ApiError> {
    let Some(value) = input.integer(name)? else { return Ok(None) };
    u32::try_from(value).ok().filter(|value| *value > 0).map(Some).ok_or_else(|| {
        validation(&format!("Value '{value}' at '{name}' failed to satisfy constraint: Member must have value greater than or equal to 1"))
    })
}
