//! The report of a failover, a list of them, and a plan.

use failover_core::decide::Plan;
use failover_core::report::{Outcome, Report, ReportStep};
use jiff::Timestamp;

use super::table::table;
use super::{line, moment, seconds_between, target};
use crate::duration::readable;

/// An outcome as people say it.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Halted => "halted",
        Outcome::InProgress => "in progress",
    }
}

/// A whole report.
pub fn report(report: &Report) -> String {
    let what = if report.drill { "drill" } else { "failover" };
    let mut text = match (report.outcome, &report.to) {
        (Outcome::Done, Some(to)) => {
            format!("{}: {what} done, {} serves (epoch {})\n", report.service, target(to), report.epoch)
        }
        (outcome_is, _) => format!("{}: {what} {}: {}\n", report.service, outcome(outcome_is), report.reason),
    };
    text.push_str(&table(&facts(report), "  "));
    if !report.steps.is_empty() {
        text.push_str("  steps\n");
        let rows: Vec<_> = report.steps.iter().map(|step| step_row(report.started_at, step)).collect();
        text.push_str(&table(&rows, "    "));
    }
    for warning in &report.warnings {
        line(&mut text, format_args!("  warning: {warning}"));
    }
    text
}

fn facts(report: &Report) -> Vec<Vec<String>> {
    let fact = |name: &str, value: String| vec![name.to_owned(), value];
    let mut facts = vec![
        fact("id", report.failover_id.to_string()),
        fact("cause", report.cause.clone()),
        fact("from", target(&report.from)),
    ];
    if let Some(to) = &report.to {
        facts.push(fact("to", target(to)));
    }
    facts.push(fact("started", moment(report.started_at)));
    if let Some(end) = report.finished_at {
        let took = readable(seconds_between(report.started_at, end));
        facts.push(fact("finished", format!("{}, after {took}", moment(end))));
    }
    if report.outcome != Outcome::Refused {
        facts.push(fact("downtime", readable(report.downtime_seconds)));
        facts.push(fact("data loss", format!("{} s", report.data_loss_seconds)));
    }
    facts
}

fn step_row(began: Timestamp, step: &ReportStep) -> Vec<String> {
    let took = match step.finished_at {
        Some(end) => readable(seconds_between(step.started_at, end)),
        None => "not confirmed".to_owned(),
    };
    let plural = |count: u32, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    vec![
        format!("+{:.1}s", seconds_between(began, step.started_at)),
        step.step.clone(),
        step.resource.clone(),
        took,
        plural(step.attempts, "try", "tries"),
        plural(step.api_calls, "call", "calls"),
    ]
}

/// Reports, one a line.
pub fn history(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "no failover has ended yet\n".to_owned();
    }
    let heading = ["ID", "STARTED", "OUTCOME", "FROM", "TO", "DOWNTIME", "DATA LOSS", "CAUSE"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(reports.iter().map(|report| {
        vec![
            report.failover_id.to_string(),
            moment(report.started_at),
            outcome(report.outcome).to_owned(),
            report.from.instance_id.to_string(),
            report.to.as_ref().map_or_else(|| "-".to_owned(), |to| to.instance_id.to_string()),
            readable(report.downtime_seconds),
            format!("{} s", report.data_loss_seconds),
            format!("{}{}", if report.drill { "drill, " } else { "" }, report.cause),
        ]
    }));
    table(&rows, "")
}

/// A plan.
pub fn plan(service: &str, plan: &Plan) -> String {
    if let Some(refusal) = &plan.refusal {
        return format!("{service}: a failover from {} would be refused: {refusal}\n", target(&plan.from));
    }
    let to = plan.to.as_ref().map_or_else(|| "nowhere".to_owned(), target);
    let mut text = format!("{service}: a failover from {} to {to} would\n", target(&plan.from));
    for (index, step) in plan.steps.iter().enumerate() {
        line(&mut text, format_args!("  {}. {step}", index + 1));
    }
    text
}
