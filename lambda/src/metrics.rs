//! Metrics in CloudWatch's embedded metric format: a line of JSON in the log, from which CloudWatch makes metrics. No call, no permission.

use failover_core::report::{Outcome, Report};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::result::LambdaResult;

/// The metrics' namespace.
pub const NAMESPACE: &str = "Failover";

/// The lines for what came of an invocation: one for each failover that ended or stands still, and one if services are broken.
pub fn lines(result: &LambdaResult, now: Timestamp) -> Vec<String> {
    let services = result.services.iter();
    let mut lines: Vec<String> =
        services.flat_map(|(_, service)| &service.reports).filter_map(|report| line(report, now)).collect();
    let broken = result.services.values().filter(|service| service.is_broken()).count();
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
    // Once per drive: it goes on to count until an operator has helped, and an alarm on it stays in ALARM.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use failover_core::ids::{FailoverId, InstanceId, ServiceName, Zone};
    use failover_core::ledger::Target;

    use super::*;
    use crate::result::{EndedAs, ServiceResult};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn report(outcome: Outcome) -> Report {
        let started_at = at("2026-01-05T09:10:00Z");
        Report {
            service: ServiceName::new("billing-db").unwrap(),
            failover_id: FailoverId::of(2, started_at),
            epoch: 2,
            cause: "i-0123456789abcdef0 is stopped".to_owned(),
            drill: false,
            outcome,
            reason: "done".to_owned(),
            from: Target {
                instance_id: InstanceId::new("i-0123456789abcdef0").unwrap(),
                zone: Zone::new("eu-central-1a").unwrap(),
            },
            to: None,
            started_at,
            finished_at: Some(at("2026-01-05T09:11:00Z")),
            downtime_seconds: 41.5,
            data_loss_seconds: 7,
            steps: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn lines_of(reports: Vec<Report>, ended: EndedAs) -> Vec<Value> {
        let service = ServiceResult { ended, reasons: Vec::new(), reports };
        let result = LambdaResult { services: [("billing-db".to_owned(), service)].into(), ..LambdaResult::default() };
        let lines = lines(&result, at("2026-01-05T10:00:00Z"));
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_failover_that_was_done_is_one_line_in_the_embedded_format() {
        let lines = lines_of(vec![report(Outcome::Done)], EndedAs::Settled);
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let expected = json!({
            "_aws": {
                "Timestamp": 1_767_604_260_000_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Failover",
                    "Dimensions": [["Service"]],
                    "Metrics": [
                        { "Name": "Failovers", "Unit": "Count" },
                        { "Name": "DowntimeSeconds", "Unit": "Seconds" },
                        { "Name": "DataLossSeconds", "Unit": "Seconds" },
                    ],
                }],
            },
            "Service": "billing-db",
            "Failovers": 1,
            "DowntimeSeconds": 41.5,
            "DataLossSeconds": 7,
            "FailoverId": report(Outcome::Done).failover_id,
            "Epoch": 2,
            "Drill": false,
            "Cause": "i-0123456789abcdef0 is stopped",
        });
        assert_eq!(*line, expected);
    }

    /// What the format demands: every metric and every dimension that is announced is a member of the line.
    #[test]
    fn what_is_announced_is_there() {
        for outcome in [Outcome::Done, Outcome::Refused, Outcome::Halted] {
            for line in lines_of(vec![report(outcome)], EndedAs::Settled) {
                let directive = line.pointer("/_aws/CloudWatchMetrics/0").unwrap();
                for metric in directive["Metrics"].as_array().unwrap() {
                    assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line}");
                }
                for dimension in directive["Dimensions"][0].as_array().unwrap() {
                    assert!(line[dimension.as_str().unwrap()].is_string(), "{line}");
                }
            }
        }
    }

    #[test]
    fn a_failover_that_goes_on_is_not_counted_and_a_broken_service_is() {
        assert!(lines_of(vec![report(Outcome::InProgress)], EndedAs::OutOfTime).is_empty());
        let broken = lines_of(Vec::new(), EndedAs::Failed);
        assert_eq!(broken[0]["BrokenServices"], json!(1));
        assert_eq!(broken[0].pointer("/_aws/CloudWatchMetrics/0/Dimensions"), Some(&json!([[]])));
    }
}
