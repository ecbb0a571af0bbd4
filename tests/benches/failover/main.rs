//! What a failover costs: in time to compute, in downtime beyond AWS's own, in calls; and what looking at settled services costs.
//!
//! Everything runs in this process on one thread: a controller as it is shipped (real SDK clients, signing and parsing included) over
//! the simulated region under virtual time. `docs/performance.md` defines every figure. It fails if a failover does not end as it must,
//! if its downtime can't be accounted for to the microsecond, or if an idle tick finds something to do.

mod chain;
mod drill;
mod figures;
mod idle;
mod memory;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use crate::chain::Chain;
use crate::drill::Drill;
use crate::figures::{median, quantile};

/// What can go wrong on the way; it ends the benchmark.
pub(crate) type Failure = Box<dyn Error>;

/// The median of several batches is less shaken by what else the machine does than one long run.
const BATCHES: u64 = 5;
const BATCH: u64 = 100;
/// For how many services the tick is.
const SERVICES: [usize; 3] = [1, 100, 1000];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().position(|argument| argument == idle::CHILD).map(|index| index + 1) {
        Some(index) => idle::tick_against(arguments.get(index).map_or("", String::as_str)),
        None => measure(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let drills = failovers()?;
    downtime(&drills);
    calls(&drills);
    idle_ticks(&SERVICES)
}

/// Complete failovers, one after the other, each in a region of its own.
fn failovers() -> Result<Vec<Drill>, Failure> {
    // Tables and caches that are filled once are nobody's failover.
    for seed in 0..10 {
        drill::play(u64::MAX - seed)?;
    }
    let mut drills = Vec::new();
    let mut rates = Vec::new();
    let mut rates_by_cpu = Vec::new();
    let mut rates_with_set_up = Vec::new();
    for number in 0..BATCHES {
        let batch = (1..=BATCH).map(|seed| drill::play(number * BATCH + seed)).collect::<Result<Vec<Drill>, _>>()?;
        let failing_over: Duration = batch.iter().map(|drill| drill.wall).sum();
        let set_up: Duration = batch.iter().map(|drill| drill.wall_of_set_up).sum();
        rates.push(rate(batch.len(), failing_over));
        rates_by_cpu.push(rate(batch.len(), batch.iter().map(|drill| drill.cpu).sum()));
        rates_with_set_up.push(rate(batch.len(), failing_over + set_up));
        drills.extend(batch);
    }
    println!(
        "1. Complete cross-zone failovers, ask -> settled, one thread ({BATCHES} batches of {BATCH}, each failover from its own seed)"
    );
    row("failovers per second, set-up excluded", &rates, 0);
    row("failovers per second of processor time", &rates_by_cpu, 0);
    row("failovers per second, set-up included", &rates_with_set_up, 0);
    let walls: Vec<f64> = drills.iter().map(|drill| drill.wall.as_secs_f64() * 1e3).collect();
    spread("wall time of one, ms", &walls, 2);
    let simulated: Vec<f64> = drills.iter().map(|drill| drill.simulated.as_secs_f64()).collect();
    spread("the region's time of one, s", &simulated, 0);
    Ok(drills)
}

#[allow(clippy::cast_precision_loss)] // Far below 2^52.
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn downtime(drills: &[Drill]) {
    let of = |figure: fn(&Chain) -> Duration| -> Vec<f64> {
        drills.iter().map(|drill| figure(&drill.chain).as_secs_f64()).collect()
    };
    let ratio = |floor: fn(&Chain) -> Duration| -> Vec<f64> {
        drills.iter().map(|drill| drill.chain.downtime.as_secs_f64() / floor(&drill.chain).as_secs_f64()).collect()
    };
    println!(
        "\n2. Downtime as clients saw it, over the longest chain of AWS's own durations ({} failovers)",
        drills.len()
    );
    spread("downtime, s", &of(|chain| chain.downtime), 1);
    spread("AWS's transitions, s", &of(Chain::transitions), 1);
    spread("... and indispensable calls, s", &of(Chain::floor), 1);
    spread("downtime / transitions", &ratio(Chain::transitions), 3);
    spread("downtime / (transitions + calls)", &ratio(Chain::floor), 3);
    println!("   Where the rest goes, s");
    spread("stopped -> snapshot asked for", &of(|chain| chain.until_snapshot), 2);
    spread("snapshot complete -> volume asked for", &of(|chain| chain.until_volume), 2);
    spread("volume available -> attach, address asked for", &of(|chain| chain.until_attach), 2);
}

fn calls(drills: &[Drill]) {
    let mut by_action: BTreeMap<&(&'static str, String), Vec<u64>> = BTreeMap::new();
    for (index, drill) in drills.iter().enumerate() {
        for (action, count) in &drill.calls {
            let counts = by_action.entry(action).or_default();
            counts.resize(index, 0);
            counts.push(*count);
        }
    }
    let mut by_service: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    println!("\n3. API calls of one failover, ask -> settled");
    for ((service, action), mut counts) in by_action {
        counts.resize(drills.len(), 0);
        #[allow(clippy::cast_precision_loss)] // Far below 2^52.
        let counts: Vec<f64> = counts.into_iter().map(|count| count as f64).collect();
        spread(&format!("{service} {action}"), &counts, 0);
        let sums = by_service.entry(service).or_insert_with(|| vec![0.0; drills.len()]);
        sums.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count);
    }
    let mut all = vec![0.0; drills.len()];
    for (service, sums) in by_service {
        spread(&format!("all of {service}"), &sums, 0);
        all.iter_mut().zip(&sums).for_each(|(sum, count)| *sum += count);
    }
    spread("all", &all, 0);
}

fn idle_ticks(services: &[usize]) -> Result<(), Failure> {
    println!(
        "\n4. One tick over settled services, each with two instances, a volume, a snapshot, an address and an alarm"
    );
    println!(
        "   {:>8} {:>6} {:>10} {:>12} {:>14} {:>16}  calls",
        "services", "calls", "wall, ms", "region, s", "RSS before, MB", "peak RSS, MB"
    );
    for count in services {
        let tick = idle::measure(*count)?;
        let calls: Vec<String> = tick.calls.iter().map(|((_, action), count)| format!("{action} {count}")).collect();
        println!(
            "   {:>8} {:>6} {:>10.1} {:>12.2} {:>14.1} {:>16.1}  {}",
            count,
            tick.calls.values().sum::<u64>(),
            tick.wall.as_secs_f64() * 1e3,
            tick.simulated.as_secs_f64(),
            tick.memory.before_mb,
            tick.memory.peak_mb,
            calls.join(", ")
        );
    }
    Ok(())
}

/// One figure per batch.
fn row(what: &str, batches: &[f64], digits: usize) {
    let all: Vec<String> = batches.iter().map(|figure| format!("{figure:.digits$}")).collect();
    println!("   {what:<48} median {:>8.digits$}   batches {}", median(batches), all.join(" "));
}

/// One figure per failover.
fn spread(what: &str, figures: &[f64], digits: usize) {
    println!(
        "   {what:<48} median {:>8.digits$}   p95 {:>8.digits$}   most {:>8.digits$}",
        median(figures),
        quantile(figures, 0.95),
        quantile(figures, 1.0)
    );
}
