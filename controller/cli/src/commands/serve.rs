//! A simulated region over HTTP, for the AWS CLI, SDKs of any language, this command itself, and a Lambda binary behind its rules.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use failover_engine::Names;
use failover_scenarios::embedded::{self, EmbeddedError, sample};
use failover_scenarios::layout::{REGION, region_setup};
use failover_scenarios::scenario::{Act, Happening};
use failover_scenarios::{Agents, named};
use failover_simulator::serve::lambda::LambdaOptions;
use failover_simulator::serve::{self, Served};
use failover_simulator::{Fault, Region, Setup};
use serde::Serialize;

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
    let script = set_up(&region, args.served_scenario.as_deref(), &config.names).await?;
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
        () = perform(&region, &served, script, args.speed) => {}
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

/// Puts there what the scenario starts with, under control; says what is going to happen.
async fn set_up(region: &Region, scenario: Option<&str>, names: &Names) -> Result<Vec<Act>, CliError> {
    let (spec, script) = match scenario {
        Some(EMPTY) => return Ok(Vec::new()),
        None | Some(sample::SERVICE) => {
            sample::add(region);
            (sample::SPEC.to_owned(), Vec::new())
        }
        Some(name) => {
            let scenario = named(name).ok_or_else(|| unknown(name, &[EMPTY, sample::SERVICE]))?;
            let made = scenario.layout.build(region);
            (scenario.layout.failover_toml(&made), (scenario.script)(&made))
        }
    };
    let engine = embedded::engine(region, REGION, names, "setup");
    engine.store().create_table().await.map_err(EmbeddedError::from)?;
    engine.apply(&spec).await.map_err(EmbeddedError::from)?;
    Ok(script)
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
async fn perform(region: &Region, served: &Served, mut script: Vec<Act>, speed: f64) {
    script.sort_by_key(|act| act.at_seconds);
    let began = tokio::time::Instant::now();
    for act in script {
        tokio::time::sleep_until(began + Duration::from_secs(act.at_seconds).div_f64(speed)).await;
        happen(region, served, act);
    }
    std::future::pending::<()>().await;
}

fn happen(region: &Region, served: &Served, act: Act) {
    match act.what {
        Happening::Fault(json) => {
            let injected = Fault::from_json(json.to_string().as_bytes()).and_then(|fault| region.inject(fault));
            match injected {
                Ok(()) => note(&format!("after {} s: {json}", act.at_seconds)),
                Err(error) => note(&format!("after {} s: {json}: {error}", act.at_seconds)),
            }
        }
        Happening::Event(event) => match served.dispatcher() {
            Some(dispatcher) => note(&format!("after {} s: event {}", act.at_seconds, dispatcher.accept(event))),
            None => note(&format!("after {} s: {event} reaches nobody, since there is no --lambda", act.at_seconds)),
        },
    }
}
