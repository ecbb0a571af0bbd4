//! Simulation: scenarios, each played in a region of its own and judged by its ground truth, and a region that is served.

use serde::Serialize;

use crate::cli::Format;
use crate::duration::readable;
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{print, show, show_one_of_many};
use crate::render::line;
use crate::render::table::table;
use failover_scenarios::{InjectedFaults, Played, SCENARIOS, Scenario, named, play};

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    summary: &'static str,
}

/// Names the scenarios.
pub(super) fn list(format: Format) -> Result<ExitCode, CliError> {
    let listed: Vec<Listed> =
        SCENARIOS.iter().map(|scenario| Listed { name: scenario.name, summary: scenario.summary }).collect();
    show(format, &listed, |listed| {
        let rows = listed.iter().map(|scenario| vec![scenario.name.to_owned(), scenario.summary.to_owned()]);
        table(&rows.collect::<Vec<_>>(), "")
    })?;
    Ok(ExitCode::Done)
}

/// Plays a scenario, or all of them, from `runs` seeds on. As JSON it prints one line per run, as soon as it has ended.
pub(super) fn run(
    scenario: Option<&str>,
    seed: u64,
    runs: u32,
    background_faults: bool,
    format: Format,
) -> Result<ExitCode, CliError> {
    let faults = InjectedFaults { background: background_faults, ..InjectedFaults::default() };
    let scenarios: Vec<&Scenario> = match scenario {
        None => SCENARIOS.iter().collect(),
        Some(name) => vec![named(name).ok_or_else(|| unknown(name, &[]))?],
    };
    let (mut played, mut bad) = (0_u32, 0_u32);
    for scenario in scenarios {
        for seed in (0..u64::from(runs)).map(|run| seed.wrapping_add(run)) {
            let what = "the scenario's runtime does not start";
            let end = play(scenario, seed, faults).map_err(|source| CliError::System { what, source })?;
            played += 1;
            bad += u32::from(!end.as_expected);
            show_one_of_many(format, &end, text)?;
        }
    }
    if format == Format::Text {
        print(&format!("{played} played, {bad} not as expected\n"))?;
    }
    Ok(if bad == 0 { ExitCode::Done } else { ExitCode::Error })
}

fn text(played: &Played) -> String {
    let verdict = if played.as_expected { "ok " } else { "BAD" };
    let mut text = format!(
        "{verdict}  {:<26} seed {:<6} {:<9}  clients down {:<10} lost {:<8} {:>5} calls  {}\n",
        played.scenario,
        played.seed,
        played.outcome,
        readable(played.client_downtime_seconds),
        readable(played.lost_seconds),
        played.api_calls,
        readable(played.simulated_seconds),
    );
    for finding in &played.findings {
        line(&mut text, format_args!("     {}: {}", finding.rule, finding.found));
    }
    text
}

/// `more` are names that are allowed here besides the scenarios'.
pub(super) fn unknown(name: &str, more: &[&str]) -> CliError {
    let known: Vec<&str> = more.iter().copied().chain(SCENARIOS.iter().map(|scenario| scenario.name)).collect();
    CliError::Usage(format!("there is no scenario {name}; known are {}", known.join(", ")))
}
