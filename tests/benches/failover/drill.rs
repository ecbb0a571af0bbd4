//! One planned failover to a warm standby in another zone, in a region of its own, from ask to settled.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use failover_core::ids::ServiceName;
use failover_core::ledger::{Destination, Request};
use failover_core::report::Outcome;
use failover_engine::{Deadline, Names};
use failover_scenarios::embedded::{self, Embedded, sample};
use failover_simulator::Region;

use crate::Failure;
use crate::chain::{self, Chain};

/// What one failover cost.
pub(crate) struct Drill {
    /// Real time from the operator's request to the settled service.
    pub(crate) wall: Duration,
    /// Processor time of this thread from request to settled: what others do on the machine counts less.
    pub(crate) cpu: Duration,
    /// Real time until then: the region, the clients, the adoption.
    pub(crate) wall_of_set_up: Duration,
    /// The region's time from request to settled.
    pub(crate) simulated: Duration,
    /// Calls from request to settled, by service and action.
    pub(crate) calls: Calls,
    /// The downtime, and what it consists of.
    pub(crate) chain: Chain,
}

/// How often each action was called, by service and action.
pub(crate) type Calls = BTreeMap<(&'static str, String), u64>;

/// The calls that were made between two counts.
pub(crate) fn calls_between(before: &Calls, after: Calls) -> Calls {
    let since = |(action, count): (_, u64)| {
        let count = count - before.get(&action).copied().unwrap_or(0);
        (count > 0).then_some((action, count))
    };
    after.into_iter().filter_map(since).collect()
}

/// Plays the failover of a seed.
pub(crate) fn play(seed: u64) -> Result<Drill, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    // The SDK's retry jitter draws from this thread's generator.
    fastrand::seed(seed);
    runtime.block_on(fail_over(seed)).map_err(|error| format!("seed {seed}: {error}").into())
}

async fn fail_over(seed: u64) -> Result<Drill, Failure> {
    let started = Instant::now();
    let names = Names::default();
    let region = Embedded::new(seed, &names).await?;
    let engine = embedded::engine(&region.region, "eu-central-1", &names, "controller");
    let wall_of_set_up = started.elapsed();

    let (before, asked_at) = (region.region.call_counts(), region.region.now());
    let (asked, cpu_then) = (Instant::now(), cpu_time()?);
    let service = ServiceName::new(sample::SERVICE)?;
    let request = Request {
        id: None,
        to: Destination::Standby,
        drill: true,
        accepted_loss_seconds: None,
        at: engine.now(),
        by: "benchmark".to_owned(),
    };
    engine.request(&service, request).await?;
    let run = engine.run(&service, Deadline::none()).await?;
    let (wall, cpu) = (asked.elapsed(), cpu_time()?.saturating_sub(cpu_then));
    let calls = calls_between(&before, region.region.call_counts());
    let simulated = region.region.now().since(asked_at);

    let [report] = run.reports.as_slice() else {
        return Err(format!("one report was expected, not {}: {:?}", run.reports.len(), run.ended).into());
    };
    let to = report.to.as_ref().map_or("nowhere", |target| target.instance_id.as_str());
    if report.outcome != Outcome::Done || to != region.sample.warm_standby || !run.is_settled() {
        return Err(format!("{:?} to {to}: {}; {:?}", report.outcome, report.reason, run.ended).into());
    }
    until_served(&region.region).await?;
    let chain = chain::of(&region.region, &region.sample)?;
    Ok(Drill { wall, cpu, wall_of_set_up, simulated, calls, chain })
}

/// How long this thread has run, as Linux's scheduler counts it.
fn cpu_time() -> Result<Duration, Failure> {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = counted.split_whitespace().next().ok_or("/proc/thread-self/schedstat is empty")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// The packets follow an address within seconds of the API's answer; clients are waited for, but not for long.
async fn until_served(region: &Region) -> Result<(), Failure> {
    for _ in 0..600 {
        if region.truth().serving().contains_key(sample::SERVICE) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("a minute after the failover nobody serves".into())
}
