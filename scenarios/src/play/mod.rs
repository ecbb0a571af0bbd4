//! Plays a scenario: the region's events go through the Lambda's own code, until all is settled.

mod queue;
mod settled;
mod stage;

use failover_core::report::Report;
use failover_simulator::CallRecord;
use serde::Serialize;

use self::stage::Stage;
use crate::finding::Finding;
use crate::injected::InjectedFaults;
use crate::judge;
use crate::layout::Made;
use crate::scenario::{Act, Scenario};

/// How a scenario was played, and what the region's ground truth says of it.
#[derive(Debug, Clone, Serialize)]
pub struct Played {
    /// Which.
    pub scenario: &'static str,
    /// From which seed.
    pub seed: u64,
    /// Whether it ended as it must, with every rule kept.
    pub as_expected: bool,
    /// In one word: done, halted, refused, untouched.
    pub outcome: &'static str,
    /// The report of the failover, if there was one.
    pub report: Option<Report>,
    /// What is not as it must be.
    pub findings: Vec<Finding>,
    /// Calls of AWS that the controller made.
    pub api_calls: u64,
    /// Whether the controller was killed on the way.
    pub crashed: bool,
    /// The longest gap in service as clients saw it.
    pub client_downtime_seconds: f64,
    /// Acknowledged writes that the active volumes lack, as time.
    pub lost_seconds: f64,
    /// How long it took, in the region's time.
    pub simulated_seconds: f64,
}

/// Plays a scenario in a region of its own, on a runtime of its own, under virtual time: the same seed, the same story.
pub fn play(scenario: &Scenario, seed: u64, faults: InjectedFaults) -> std::io::Result<Played> {
    play_traced(scenario, seed, faults).map(|(played, _)| played)
}

/// The same, with every call that reached the region.
pub fn play_traced(
    scenario: &Scenario,
    seed: u64,
    faults: InjectedFaults,
) -> std::io::Result<(Played, Vec<CallRecord>)> {
    play_script(scenario, scenario.script, seed, faults)
}

/// The same with a script in place of the scenario's own.
pub(crate) fn play_script(
    scenario: &Scenario,
    script: impl FnOnce(&Made) -> Vec<Act>,
    seed: u64,
    faults: InjectedFaults,
) -> std::io::Result<(Played, Vec<CallRecord>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    // The SDK's retry jitter draws from this thread's generator.
    fastrand::seed(seed);
    // The region's clock is the runtime's: it has to be made inside.
    Ok(runtime.block_on(async {
        let mut stage = Stage::set(scenario, script, seed, faults);
        stage.play().await;
        (verdict(&stage).await, stage.region.calls())
    }))
}

/// A failover makes a hundred calls or two within minutes, and then there is little to do: more is a circle without a pause.
const MOST_CALLS_A_MINUTE: f64 = 400.0;

#[allow(clippy::cast_precision_loss)] // Calls of a story are far below 2^52.
fn too_busy(stage: &Stage<'_>) -> Option<Finding> {
    let (calls, minutes) = (stage.transport.calls(), stage.region.now().seconds() / 60.0);
    let found = format!("{calls} calls in {minutes:.0} minutes");
    (calls as f64 > MOST_CALLS_A_MINUTE * (minutes + 1.0))
        .then(|| Finding::new("it does not go round in circles", found))
}

/// What the judge says of the story, with what was found on the way.
async fn verdict(stage: &Stage<'_>) -> Played {
    let ledger = stage.ledger().await;
    let reports = stage.history().await;
    let truth = stage.region.truth();
    let mut verdict = judge::judge(stage.scenario, &stage.made, ledger.as_ref(), &reports, &truth, &stage.bystanders());
    verdict.findings.extend(stage.findings());
    verdict.findings.extend(too_busy(stage));
    Played {
        scenario: stage.scenario.name,
        seed: stage.seed,
        as_expected: verdict.findings.is_empty(),
        outcome: verdict.outcome,
        report: reports.last().cloned().or(verdict.running),
        findings: verdict.findings,
        api_calls: stage.transport.calls(),
        crashed: stage.transport.has_crashed(),
        client_downtime_seconds: verdict.client_downtime_seconds,
        lost_seconds: verdict.lost_seconds,
        simulated_seconds: stage.region.now().seconds(),
    }
}
