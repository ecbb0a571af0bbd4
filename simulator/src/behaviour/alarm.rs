//! Metric alarms: evaluated once a minute over the status checks of an instance; any other metric has no data here.

use std::time::Duration;

use crate::model::alarm::{Alarm, AlarmState, Alarms, MissingData};
use crate::model::transition::StateTransition;
use crate::state::State;
use crate::time::{RegionTime, timestamp};

/// Alarms look at this many periods more than they evaluate. AWS says "more", without a number.
const EXTRA_PERIODS: u32 = 2;

/// Alarms are evaluated once a minute for periods of a minute and more.
const EVALUATE_EVERY: Duration = Duration::from_mins(1);

impl Alarms {
    /// The values of the periods that an alarm looks at, each with its age in periods, newest first; periods without data are left out.
    fn recent_values(&self, alarm: &Alarm, instance_id: &str, at: RegionTime) -> Vec<(u32, f64)> {
        let period = Duration::from_secs(u64::from(alarm.period_seconds.max(1)));
        let Some(points) = self.points.get(instance_id) else { return Vec::new() };
        let of_period = |index: u32| {
            let to = at.before(period * index);
            let from = to.before(period);
            let visible = points
                .iter()
                .filter(|point| point.published_at <= at && point.measured_at >= from && point.measured_at < to);
            let values = visible.filter_map(|point| point.value(&alarm.metric_name));
            aggregate(&alarm.statistic, values).map(|value| (index, value))
        };
        (0..alarm.evaluation_periods.saturating_add(EXTRA_PERIODS)).filter_map(of_period).collect()
    }

    fn evaluate(&self, alarm: &Alarm, instance_id: &str, at: RegionTime) -> Option<AlarmState> {
        let wanted = alarm.evaluation_periods.max(1);
        let to_alarm = alarm.datapoints_to_alarm.unwrap_or(wanted).max(1);
        let mut values = self.recent_values(alarm, instance_id, at);
        values.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        let breaching = values.iter().filter(|(_, value)| alarm.breaches(*value));
        let points = Points {
            wanted,
            to_alarm,
            present: u32::try_from(values.len()).unwrap_or(u32::MAX),
            breaching: u32::try_from(breaching.clone().count()).unwrap_or(u32::MAX),
            oldest_breaching_age: breaching.map(|(age, _)| *age).max().unwrap_or(0),
        };
        points.verdict(alarm.treat_missing_data)
    }
}

fn aggregate(statistic: &str, values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    let first = *values.first()?;
    let sum: f64 = values.iter().sum();
    let count = u32::try_from(values.len()).map_or(f64::MAX, f64::from);
    Some(match statistic {
        "Average" => sum / count,
        "Sum" => sum,
        "SampleCount" => count,
        "Minimum" => values.iter().fold(first, |least, value| least.min(*value)),
        _ => values.iter().fold(first, |most, value| most.max(*value)),
    })
}

/// What an evaluation finds.
#[derive(Debug, Clone, Copy)]
struct Points {
    wanted: u32,
    to_alarm: u32,
    present: u32,
    breaching: u32,
    /// In periods; 0 is the newest one.
    oldest_breaching_age: u32,
}

impl Points {
    /// CloudWatch's table of how missing points are treated; none keeps the state.
    fn verdict(self, missing_data: MissingData) -> Option<AlarmState> {
        let missing = self.wanted.saturating_sub(self.present);
        let ok = self.present.saturating_sub(self.breaching);
        let enough = self.breaching >= self.to_alarm;
        match missing_data {
            MissingData::Missing if self.present == 0 => Some(AlarmState::InsufficientData),
            MissingData::Breaching if self.breaching + missing >= self.to_alarm => Some(AlarmState::Alarm),
            _ if enough => Some(AlarmState::Alarm),
            // All there is breaches, but there is less of it than the alarm wants. `- - X - -` is an alarm for 3 of 3: what came first is as old
            // as the points that it takes. `- - - - X` is none yet: the next point may be well.
            MissingData::Missing if ok == 0 => {
                (self.oldest_breaching_age + 1 >= self.to_alarm).then_some(AlarmState::Alarm)
            }
            MissingData::Ignore if missing > 0 && ok <= self.wanted.saturating_sub(self.to_alarm) => None,
            MissingData::Missing | MissingData::Breaching | MissingData::NotBreaching | MissingData::Ignore => {
                Some(AlarmState::Ok)
            }
        }
    }
}

impl State {
    pub(crate) fn evaluate_alarms(&mut self, at: RegionTime) {
        let changes: Vec<(String, AlarmState)> = self
            .alarms
            .by_name
            .values()
            .filter_map(|alarm| {
                let state = self.alarms.evaluate(alarm, alarm.status_check_instance()?, at)?;
                (state != alarm.state).then(|| (alarm.name.clone(), state))
            })
            .collect();
        for (name, state) in changes {
            let reason = self.reason_of(&name, state);
            self.set_alarm_state(&name, state, reason, String::new(), at);
        }
        self.schedule.add(at.after(EVALUATE_EVERY), StateTransition::AlarmsEvaluated);
    }

    fn reason_of(&self, name: &str, state: AlarmState) -> String {
        let Some(alarm) = self.alarms.by_name.get(name) else { return String::new() };
        match state {
            AlarmState::Alarm => format!(
                "Threshold Crossed: {} out of the last {} datapoints was greater than or equal to the threshold ({:.1}).",
                alarm.datapoints_to_alarm.unwrap_or(alarm.evaluation_periods),
                alarm.evaluation_periods,
                alarm.threshold
            ),
            AlarmState::Ok => format!(
                "Threshold Crossed: 1 datapoint [0.0] was not greater than or equal to the threshold ({:.1}).",
                alarm.threshold
            ),
            AlarmState::InsufficientData => {
                format!("Insufficient Data: {} datapoints were unknown.", alarm.evaluation_periods)
            }
        }
    }

    /// Sets an alarm's state and, if it changed, sends its event. As on AWS, the next evaluation may set it back.
    pub(crate) fn set_alarm_state(
        &mut self,
        name: &str,
        state: AlarmState,
        reason: String,
        reason_data: String,
        at: RegionTime,
    ) {
        let Some(alarm) = self.alarms.by_name.get_mut(name) else { return };
        let previous = alarm.clone();
        alarm.state = state;
        alarm.state_reason = reason;
        alarm.state_reason_data = reason_data;
        if previous.state == state {
            return;
        }
        alarm.state_updated_at = at;
        self.emit_alarm(&previous, name, at);
    }

    /// A timestamp as alarms carry it.
    pub(crate) fn alarm_time(&self, at: RegionTime) -> String {
        let text = timestamp(self.clock.wall(at));
        format!("{}+0000", text.trim_end_matches('Z'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newest last, as AWS prints them: `-` is missing, `0` is well, `X` breaches.
    fn of(missing_data: MissingData, to_alarm: u32, newest_last: &str) -> Option<AlarmState> {
        let seen = newest_last.chars().filter(|letter| *letter != ' ').rev().zip(0u32..);
        let present: Vec<(char, u32)> = seen.filter(|(letter, _)| *letter != '-').take(3).collect();
        let breaching: Vec<u32> = present.iter().filter(|(letter, _)| *letter == 'X').map(|(_, age)| *age).collect();
        let count = |length: usize| u32::try_from(length).unwrap_or(0);
        let points = Points {
            wanted: 3,
            to_alarm,
            present: count(present.len()),
            breaching: count(breaching.len()),
            oldest_breaching_age: breaching.into_iter().max().unwrap_or(0),
        };
        points.verdict(missing_data)
    }

    #[test]
    fn missing_data_is_treated_as_cloudwatch_documents() {
        use AlarmState::{Alarm, InsufficientData, Ok};
        let keep = None;
        let [ok, alarm] = [Some(Ok), Some(Alarm)];
        for (points, missing, ignored, breaching, not_breaching) in [
            ("0 - X - X", ok, ok, ok, ok),
            ("0 X X - X", alarm, alarm, alarm, alarm),
            ("- - - - -", Some(InsufficientData), keep, alarm, ok),
            ("- - X - -", alarm, keep, alarm, ok),
            ("- - - X -", keep, keep, alarm, ok),
            ("- - - - X", keep, keep, alarm, ok),
            ("- - - X X", keep, keep, alarm, ok),
            ("- - X - X", alarm, keep, alarm, ok),
        ] {
            assert_eq!(of(MissingData::Missing, 3, points), missing, "missing {points}");
            assert_eq!(of(MissingData::Ignore, 3, points), ignored, "ignore {points}");
            assert_eq!(of(MissingData::Breaching, 3, points), breaching, "breaching {points}");
            assert_eq!(of(MissingData::NotBreaching, 3, points), not_breaching, "notBreaching {points}");
        }
        assert_eq!(of(MissingData::Missing, 2, "- - - X -"), alarm);
        assert_eq!(of(MissingData::Missing, 2, "- - - - X"), keep);
        assert_eq!(of(MissingData::Missing, 2, "0 - X - X"), alarm);
    }
}
