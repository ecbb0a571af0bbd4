//! Simulation: scenarios, each played in a region of its own and judged by its ground truth, and a region that is served.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use failover_scenarios::swarm::{self, Story};
use failover_scenarios::{InjectedFaults, Played, SCENARIOS, Scenario, named, play};
use serde::Serialize;

use crate::duration::readable;
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, print, show, show_one_of_many};
use crate::render::line;
use crate::render::table::table;

/// What stands in a scenario's place for stories that nobody wrote.
const SWARM: &str = "swarm";

/// Options of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Which scenario, or `swarm` for stories that nobody wrote; all scenarios if none is named
    #[arg(value_name = "SCENARIO", conflicts_with_all = ["list", "serve"])]
    pub scenario: Option<String>,
    /// List the scenarios
    #[arg(long, conflicts_with = "serve")]
    pub list: bool,
    /// How often, each time with the next seed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 1, conflicts_with_all = ["list", "serve"])]
    pub runs: u32,
    /// Lose, double and delay events, throttle calls and let reads lag, as the seed says
    #[arg(long, conflicts_with_all = ["list", "serve"])]
    pub background_faults: bool,
    /// Shorten stories of the swarm that go wrong to what they need for it
    #[arg(long, conflicts_with_all = ["list", "serve"])]
    pub shorten: bool,
    /// Serve a simulated region over HTTP; GET /_region is its state, POST /_region/fault injects
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub serve: Option<SocketAddr>,
    /// How much faster than the wall the served region's time runs
    #[arg(long, value_name = "N", requires = "serve", value_parser = speed, default_value_t = 1.0)]
    pub speed: f64,
    /// What the served region starts with
    #[arg(long = "scenario", id = "served_scenario", value_name = "NAME", requires = "serve")]
    pub served_scenario: Option<String>,
    /// Lambda binary that runs behind the served region's event rules
    #[arg(long, value_name = "BOOTSTRAP", requires = "serve")]
    pub lambda: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 && speed <= 10_000.0 => Ok(speed),
        _ => Err("allowed is a number above 0, up to 10000".to_owned()),
    }
}

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

/// Plays a scenario, or all of them, for so many seeds from `seed` on. As JSON it prints one line per run, as soon as it has ended.
pub(super) fn run(args: &SimulateArgs, seed: u64, format: Format) -> Result<ExitCode, CliError> {
    if args.scenario.as_deref() == Some(SWARM) {
        return run_swarm(args, seed, format);
    }
    let faults = InjectedFaults { background: args.background_faults, ..InjectedFaults::default() };
    let scenarios: Vec<&Scenario> = match args.scenario.as_deref() {
        None => SCENARIOS.iter().collect(),
        Some(name) => vec![named(name).ok_or_else(|| unknown(name, &[]))?],
    };
    let (mut played, mut bad) = (0_u32, 0_u32);
    for scenario in scenarios {
        for seed in (0..u64::from(args.runs)).map(|run| seed.wrapping_add(run)) {
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

/// Plays stories of the swarm, each from its seed.
fn run_swarm(args: &SimulateArgs, seed: u64, format: Format) -> Result<ExitCode, CliError> {
    let system = |source| CliError::System { what: "the story's runtime does not start", source };
    let mut bad = 0_u32;
    for seed in (0..u64::from(args.runs)).map(|run| seed.wrapping_add(run)) {
        let mut story = swarm::story(seed);
        if args.shorten {
            story = swarm::shortest(&story).map_err(system)?;
        }
        let end = story.play().map_err(system)?;
        bad += u32::from(!end.as_expected);
        show_one_of_many(format, &end, |end| format!("{}{}", text(end), happenings(&story)))?;
    }
    if format == Format::Text {
        print(&format!("{} played, {bad} not as expected\n", args.runs))?;
    }
    Ok(if bad == 0 { ExitCode::Done } else { ExitCode::Error })
}

/// What a story of the swarm is made of.
fn happenings(story: &Story) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("     {:?}", story.layout));
    line(&mut text, format_args!("     {:?}", story.faults));
    for incident in &story.incidents {
        line(&mut text, format_args!("     after {} s: {:?} ({})", incident.at_seconds, incident.what, incident.pick));
    }
    text
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
