//! A simulated region over HTTP, for the AWS CLI, SDKs of any language, this command itself, and a Lambda binary behind its rules.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use failover_engine::Names;
use failover_scenarios::embedded::{self, EmbeddedError, sample};
use failover_scenarios::layout::{REGION, region_setup};
use failover_scenarios::scenario::{Act, Happening};
use failover_scenarios::{Agents, People, named};
use failover_simulator::serve::lambda::LambdaOptions;
use failover_simulator::serve::{self, Served};
use failover_simulator::{Fault, Region, Setup};
use serde::Serialize;
use serde_json::Value;

use super::simulate::{SimulateArgs, unknown};
use crate::config::Config;
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{note, show};

/// A region with nothing in it, for clients that make all they need.
const EMPTY: &str = "empty";

/// What a client needs to know.
#[derive(Serialize)]
struct Told<'a> {
    url: String,
    region: &'a str,
    scenario: &'a str,
    speed: f64,
    lambda: bool,
}

/// Serves a region on loopback, which the server itself checks, until SIGINT or SIGTERM.
pub(super) async fn run(address: SocketAddr, args: &SimulateArgs, config: &Config) -> Result<ExitCode, CliError> {
    let mut stop = super::daemon::StopSignals::listen()?;
    fastrand::seed(config.seed);
    let region = Region::new(Setup {
        origin: std::time::SystemTime::now(),
        speed: args.speed,
        // No scenario's doubles run here: whoever wants agents brings real ones.
        ..region_setup(config.seed, Agents::None)
    });
    let (script, people) = set_up(&region, args.served_scenario.as_deref(), &config.names).await?;
    let lambda = args.lambda.as_ref().map(|program| LambdaOptions {
        environment: environment(&config.names),
        region_name: REGION.to_owned(),
        ..LambdaOptions::new(program)
    });
    let served = serve::serve(region.clone(), serve::ServeOptions { address, lambda }).await?;
    let scenario = args.served_scenario.as_deref().unwrap_or(sample::SERVICE);
    let lambda = args.lambda.is_some();
    let told = Told { url: served.url(), region: REGION, scenario, speed: args.speed, lambda };
    show(config.format, &told, text)?;
    tokio::select! {
        biased;
        () = stop.asked() => {}
        () = perform(&region, &served, script, people, args.speed) => {}
    }
    Ok(ExitCode::Done)
}

fn text(told: &Told<'_>) -> String {
    format!(
        "serving a simulated region on {url} (scenario {scenario}, {speed} times as fast)\n  \
         export AWS_ENDPOINT_URL={url} AWS_REGION={region} AWS_ACCESS_KEY_ID=simulated AWS_SECRET_ACCESS_KEY=simulated\n  \
         curl {url}/_region          its state\n  \
         curl {url}/_region/fault -d '{{...}}'    injects a fault\n",
        url = told.url,
        scenario = told.scenario,
        speed = told.speed,
        region = told.region,
    )
}

/// Puts there what the scenario starts with, under control; says what is going to happen, and who else is in the account.
async fn set_up(
    region: &Region,
    scenario: Option<&str>,
    names: &Names,
) -> Result<(Vec<Act>, Option<People>), CliError> {
    let (spec, script, people) = match scenario {
        Some(EMPTY) => return Ok((Vec::new(), None)),
        None | Some(sample::SERVICE) => {
            sample::add(region);
            (sample::SPEC.to_owned(), Vec::new(), None)
        }
        Some(name) => {
            let scenario = named(name).ok_or_else(|| unknown(name, &[EMPTY, sample::SERVICE]))?;
            let made = scenario.layout.build(region);
            let script = (scenario.script)(&made);
            let has_deeds = script.iter().any(|act| matches!(act.what, Happening::Deed { .. }));
            let people = has_deeds.then(|| People::settle(region, &scenario.layout, &made));
            (scenario.layout.failover_toml(&made), script, people)
        }
    };
    let engine = embedded::engine(region, REGION, names, "setup");
    engine.store().create_table().await.map_err(EmbeddedError::from)?;
    engine.apply(&spec).await.map_err(EmbeddedError::from)?;
    Ok((script, people))
}

/// What the function's configuration says, as the stack sets it.
fn environment(names: &Names) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([
        (Names::TABLE_VARIABLE.to_owned(), names.table.clone()),
        (Names::SPEC_PATH_VARIABLE.to_owned(), names.spec_path.clone()),
    ]);
    environment.extend(names.topic.clone().map(|topic| (Names::TOPIC_VARIABLE.to_owned(), topic)));
    environment
}

/// Lets the scenario happen, in the region's time; then keeps serving.
async fn perform(region: &Region, served: &Served, mut script: Vec<Act>, people: Option<People>, speed: f64) {
    script.sort_by_key(|act| act.at_seconds);
    let began = tokio::time::Instant::now();
    for act in script {
        tokio::time::sleep_until(began + Duration::from_secs(act.at_seconds).div_f64(speed)).await;
        match (act.what, &people) {
            (Happening::Deed { deed, pick }, Some(people)) => {
                let done = people.clone().act(deed, pick).await;
                note(&format!("after {} s: {deed:?}: {done:?}", act.at_seconds));
            }
            (Happening::Deed { .. }, None) => {}
            (Happening::Fault(fault), _) => inject(region, act.at_seconds, &fault),
            (Happening::Event(event), _) => send(served, act.at_seconds, event),
        }
    }
    std::future::pending::<()>().await;
}

fn inject(region: &Region, at_seconds: u64, json: &Value) {
    match Fault::from_json(json.to_string().as_bytes()).and_then(|fault| region.inject(fault)) {
        Ok(()) => note(&format!("after {at_seconds} s: {json}")),
        Err(error) => note(&format!("after {at_seconds} s: {json}: {error}")),
    }
}

fn send(served: &Served, at_seconds: u64, event: Value) {
    match served.dispatcher() {
        Some(dispatcher) => note(&format!("after {at_seconds} s: event {}", dispatcher.accept(event))),
        None => note(&format!("after {at_seconds} s: {event} reaches nobody, since there is no --lambda")),
    }
}
