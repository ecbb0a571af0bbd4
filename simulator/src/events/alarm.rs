//! Events about alarms: delivered at least once.

use serde_json::{Value, json};

use crate::events::DeliveryClass;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    pub(crate) fn emit_alarm(&mut self, previous: &crate::model::alarm::Alarm, name: &str, at: RegionTime) {
        let Some(alarm) = self.alarms.by_name.get(name) else { return };
        let dimensions: serde_json::Map<String, Value> =
            alarm.dimensions.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let detail = json!({
            "alarmName": alarm.name,
            "state": {
                "value": alarm.state.name(), "reason": alarm.state_reason, "reasonData": alarm.state_reason_data,
                "timestamp": self.alarm_time(at),
            },
            "previousState": {
                "value": previous.state.name(), "reason": previous.state_reason, "reasonData": previous.state_reason_data,
                "timestamp": self.alarm_time(previous.state_updated_at),
            },
            "configuration": {
                "description": alarm.description.clone().unwrap_or_default(),
                "metrics": [{
                    "id": "m1",
                    "metricStat": {
                        "metric": {"namespace": alarm.namespace, "name": alarm.metric_name, "dimensions": dimensions},
                        "period": alarm.period_seconds,
                        "stat": alarm.statistic,
                    },
                    "returnData": true,
                }],
            },
        });
        let resource = alarm.arn.clone();
        let event = self.envelope("aws.cloudwatch", "CloudWatch Alarm State Change", &resource, &detail, at);
        self.emit(DeliveryClass::AtLeastOnce, event, at);
    }
}
