//! One self-contained page of failovers: what was done when, as bars. No script, nothing from elsewhere, everything escaped.

use failover_core::report::{Outcome, Report, ReportStep};

use super::report::outcome;
use super::{line, moment, seconds_between, target};
use crate::duration::readable;

/// The drawing's width in its own units; the page scales it.
const WIDTH: f64 = 1_000.0;
/// What the names of the steps take of it.
const NAMES_WIDTH: f64 = 330.0;
const ROW_HEIGHT: f64 = 24.0;
const BAR_HEIGHT: f64 = 14.0;
const AXIS_HEIGHT: f64 = 26.0;
/// Marks on the time axis, about.
const MARKS: f64 = 6.0;
/// Names longer than this do not fit beside the bars; the full one is in the bar's title and the table.
const NAME_CHARACTERS: usize = 46;
/// A bar that is too short to be seen is drawn this wide.
const LEAST_BAR: f64 = 2.0;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c2024; --dim: #60656c; --line: #d8dce0; --bar: #3b7dd8; --open: #d08a1e; --paper: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --dim: #9aa0a6; --line: #3a3f45; --bar: #6ea3ec; --open: #e3ab53; --paper: #16191c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
dl { display: grid; grid-template-columns: max-content auto; gap: .1rem 1rem; margin: 0 0 1rem; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; } th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } svg text { font-size: 13px; fill: var(--ink); } svg .dim { fill: var(--dim); } svg line { stroke: var(--line); }
svg .bar { fill: var(--bar); } svg .open { fill: var(--open); } .warning { color: var(--open); }
";

/// The page. Failovers stand in the order in which they are given.
pub fn page(reports: &[Report]) -> String {
    let title =
        reports.first().map_or_else(|| "Failovers".to_owned(), |report| format!("Failovers of {}", report.service));
    let title = escape(&title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n"
    );
    if reports.is_empty() {
        html.push_str("<p>No failover has ended yet.</p>\n");
    }
    for report in reports {
        html.push_str(&section(report));
    }
    html.push_str("</body>\n</html>\n");
    html
}

fn section(report: &Report) -> String {
    let what = if report.drill { "Drill" } else { "Failover" };
    let heading = format!("{what} {}: {}", report.failover_id, outcome(report.outcome));
    let mut html = format!("<section>\n<h2>{}</h2>\n<dl>\n", escape(&heading));
    for (name, value) in facts(report) {
        line(&mut html, format_args!("<dt>{name}</dt><dd>{}</dd>", escape(&value)));
    }
    html.push_str("</dl>\n");
    for warning in &report.warnings {
        line(&mut html, format_args!("<p class=\"warning\">Warning: {}</p>", escape(warning)));
    }
    if !report.steps.is_empty() {
        html.push_str(&timeline(report));
        html.push_str(&steps(report));
    }
    html.push_str("</section>\n");
    html
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Cause", report.cause.clone()), ("From", target(&report.from))];
    facts.extend(report.to.as_ref().map(|to| ("To", target(to))));
    facts.push(("Started", moment(report.started_at)));
    facts.extend(report.finished_at.map(|end| {
        ("Finished", format!("{}, after {}", moment(end), readable(seconds_between(report.started_at, end))))
    }));
    facts.push(("Outcome", format!("{}: {}", outcome(report.outcome), report.reason)));
    if report.outcome != Outcome::Refused {
        facts.push(("Downtime", readable(report.downtime_seconds)));
        facts.push(("Data loss", format!("{} s", report.data_loss_seconds)));
        facts.push(("Epoch", report.epoch.to_string()));
    }
    facts
}

/// Bars over time, one for each step.
fn timeline(report: &Report) -> String {
    let total = total_seconds(report);
    let scale = (WIDTH - NAMES_WIDTH - 10.0) / total;
    let rows: f64 = report.steps.iter().map(|_| ROW_HEIGHT).sum();
    let height = rows + AXIS_HEIGHT;
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"Timeline of the steps\">\n");
    let mark = mark_seconds(total);
    let mut at = 0.0;
    while at <= total {
        let x = NAMES_WIDTH + at * scale;
        line(&mut svg, format_args!("<line x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{rows:.1}\"/>"));
        let label = escape(&readable(at));
        line(&mut svg, format_args!("<text class=\"dim\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>", rows + 16.0));
        at += mark;
    }
    let mut top = 0.0;
    for step in &report.steps {
        bar(&mut svg, report, step, top, scale, total);
        top += ROW_HEIGHT;
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, report: &Report, step: &ReportStep, top: f64, scale: f64, total: f64) {
    let from = seconds_between(report.started_at, step.started_at).max(0.0);
    let to = step.finished_at.map_or(total, |end| seconds_between(report.started_at, end)).max(from);
    let (x, width) = (NAMES_WIDTH + from * scale, ((to - from) * scale).max(LEAST_BAR));
    let class = if step.finished_at.is_some() { "bar" } else { "open" };
    let name = format!("{} {}", step.step, step.resource);
    let took = if step.finished_at.is_some() { readable(to - from) } else { "not confirmed".to_owned() };
    let shown: String = name.chars().take(NAME_CHARACTERS).collect();
    let y = top + (ROW_HEIGHT - BAR_HEIGHT) / 2.0;
    line(svg, format_args!("<text x=\"0\" y=\"{:.1}\">{}</text>", top + 16.0, escape(&shown)));
    line(
        svg,
        format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" rx=\"2\"><title>{}: +{from:.1} s, {}</title></rect>",
            escape(&name),
            escape(&took)
        ),
    );
}

fn total_seconds(report: &Report) -> f64 {
    let ends = report.steps.iter().map(|step| step.finished_at.unwrap_or(step.started_at)).chain(report.finished_at);
    let last = ends.map(|end| seconds_between(report.started_at, end)).fold(0.0, f64::max);
    last.max(1.0)
}

/// 1, 2 or 5 times a power of ten, so that about [`MARKS`] of them fit.
fn mark_seconds(total: f64) -> f64 {
    let rough = total / MARKS;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|mark| *mark >= rough).unwrap_or(10.0 * power)
}

fn steps(report: &Report) -> String {
    let mut html = "<table>\n<thead><tr><th>Began</th><th>Step</th><th>Resource</th><th>Took</th><th>Tries</th><th>API calls</th></tr></thead>\n<tbody>\n".to_owned();
    for step in &report.steps {
        let began = seconds_between(report.started_at, step.started_at);
        let took = step.finished_at.map(|end| readable(seconds_between(step.started_at, end)));
        line(
            &mut html,
            format_args!(
                "<tr><td>+{began:.1} s</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&step.step),
                escape(&step.resource),
                escape(took.as_deref().unwrap_or("not confirmed")),
                step.attempts,
                step.api_calls
            ),
        );
    }
    html.push_str("</tbody>\n</table>\n");
    html
}

/// Text as text, wherever it stands in the page.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOSTILE: &str = "<script>alert('x')</script>\"&";

    fn hostile() -> Report {
        serde_json::from_value(serde_json::json!({
            "service": "sample", "failover_id": "f1-e2", "epoch": 2, "cause": HOSTILE, "drill": false,
            "outcome": "done", "reason": HOSTILE,
            "from": {"instance_id": "i-0123456789abcdef0", "zone": "eu-central-1a"},
            "to": {"instance_id": "i-0123456789abcdef1", "zone": "eu-central-1b"},
            "started_at": "2026-01-05T09:00:00Z", "finished_at": "2026-01-05T09:02:00Z",
            "downtime_seconds": 83.2, "data_loss_seconds": 0,
            "steps": [
                {"step": HOSTILE, "resource": HOSTILE, "started_at": "2026-01-05T09:00:10Z", "finished_at": "2026-01-05T09:00:40Z", "attempts": 1, "api_calls": 2},
                {"step": "attach", "resource": "vol-1", "started_at": "2026-01-05T09:01:00Z", "finished_at": null, "attempts": 3, "api_calls": 3}
            ],
            "warnings": [HOSTILE]
        }))
        .unwrap()
    }

    #[test]
    fn what_others_wrote_is_text_and_nothing_is_loaded_from_elsewhere() {
        let html = page(&[hostile()]);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
        for foreign in ["http://", "https://", "src=", "url(", "@import"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn bars_begin_and_end_where_their_steps_do() {
        let html = page(&[hostile()]);
        // 120 s over 660 units: 10 s begin at 330 + 55, 30 s are 165 wide; what is open goes on to the end.
        assert!(html.contains("class=\"bar\" x=\"385.0\""), "{html}");
        assert!(html.contains("width=\"165.0\""), "{html}");
        assert!(html.contains("class=\"open\" x=\"660.0\""), "{html}");
        assert!(html.contains("width=\"330.0\""), "{html}");
    }

    #[test]
    fn marks_are_round_and_not_too_many() {
        for total in [1.0, 9.0, 120.0, 3_600.0, 100_000.0] {
            let marks = total / mark_seconds(total);
            assert!((2.0..=MARKS).contains(&marks), "{total}: {marks}");
        }
    }

    #[test]
    fn no_failover_is_said() {
        assert!(page(&[]).contains("No failover has ended yet."));
    }
}
