//! Metrics in CloudWatch's embedded metric format: a line of JSON in the log, from which CloudWatch makes metrics. No call, no permission.

use failover_core::report::{Outcome, Report};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::Answer;

/// The metrics' namespace.
pub const NAMESPACE: &str = "Failover";

/// The lines for what came of an invocation: one for each failover that ended or stands still, and one if services are broken.
pub fn lines(answer: &Answer, now: Timestamp) -> Vec<String> {
    let services = answer.services.iter();
    let mut lines: Vec<String> =
        services.flat_map(|(_, service)| &service.reports).filter_map(|report| line(report, now)).collect();
    let broken = answer.services.values().filter(|service| service.is_broken()).count();
    if broken > 0 {
        lines.push(document(now, &[], &[("BrokenServices", "Count", json!(broken))], json!({})));
    }
    lines
}

/// The line for one report; none while its failover goes on.
fn line(report: &Report, now: Timestamp) -> Option<String> {
    let done = [
        ("Failovers", "Count", json!(1)),
        ("DowntimeSeconds", "Seconds", json!(report.downtime_seconds)),
        ("DataLossSeconds", "Seconds", json!(report.data_loss_seconds)),
    ];
    let refused = [("Refused", "Count", json!(1))];
    // Once per look: it goes on to count until an operator has helped, and an alarm on it stays in ALARM.
    let halted = [("Halted", "Count", json!(1))];
    let metrics: &[(&str, &str, Value)] = match report.outcome {
        Outcome::Done => &done,
        Outcome::Refused => &refused,
        Outcome::Halted => &halted,
        Outcome::InProgress => return None,
    };
    // What is no dimension costs nothing and can be searched for.
    let beside = json!({
        "Service": report.service,
        "FailoverId": report.failover_id,
        "Epoch": report.epoch,
        "Drill": report.drill,
        "Cause": report.cause,
    });
    Some(document(report.finished_at.unwrap_or(now), &["Service"], metrics, beside))
}

fn document(at: Timestamp, dimensions: &[&str], metrics: &[(&str, &str, Value)], beside: Value) -> String {
    let directives: Vec<Value> = metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut fields = serde_json::Map::new();
    let metadata = json!({
        "Timestamp": at.as_millisecond(),
        "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": directives }],
    });
    fields.insert("_aws".to_owned(), metadata);
    fields.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone())));
    if let Value::Object(beside) = beside {
        fields.extend(beside);
    }
    Value::Object(fields).to_string()
}
