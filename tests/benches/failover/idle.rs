//! A tick over many services, all of them settled.
//!
//! Calls and time are those of a controller in this process. Memory is that of a controller alone: in a process of its own, which
//! reaches the same region over loopback, as a Lambda reaches AWS.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use failover_aws::{Aws, ClientSettings};
use failover_engine::{Deadline, Engine, Names};
use failover_scenarios::embedded;
use failover_simulator::serve::{ServeOptions, serve};
use failover_simulator::setup::DataName;
use failover_simulator::{AddressSetup, AlarmSetup, InstanceSetup, Region, Setup, VolumeSetup};

use crate::Failure;
use crate::drill::{Calls, calls_between};
use crate::memory::{self, Memory};

/// The argument that makes this program the controller that is measured alone.
pub(crate) const CHILD: &str = "--tick-against";

const REGION: &str = "eu-central-1";
const SEED: u64 = 1;
/// The first ticks take the first snapshots; this many are far more than that needs.
const MOST_TICKS: usize = 60;
/// Ticks that are timed; the median counts.
const TIMED: usize = 5;

/// What one tick cost.
pub(crate) struct IdleTick {
    pub(crate) calls: Calls,
    /// Real time, in process.
    pub(crate) wall: Duration,
    /// The region's time: what it would take with AWS's latencies.
    pub(crate) simulated: Duration,
    /// Of the controller's own process.
    pub(crate) memory: Memory,
}

/// Measures a tick over this many services.
pub(crate) fn measure(services: usize) -> Result<IdleTick, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    fastrand::seed(SEED);
    runtime.block_on(async {
        let region = Region::new(Setup {
            seed: SEED,
            region_name: REGION.to_owned(),
            // The other process's clock is the machine's.
            origin: SystemTime::now(),
            ..Setup::default()
        });
        let engine = embedded::engine(&region, REGION, &Names::default(), "tick");
        adopt(&region, &engine, services).await?;
        settle(&engine, services).await?;
        let (calls, simulated, wall) = in_process(&region, &engine).await?;
        // From here on in real time, for the sake of the other process.
        tokio::time::resume();
        let memory = alone(&region).await?;
        Ok(IdleTick { calls, wall, simulated, memory })
    })
}

async fn adopt(region: &Region, engine: &Engine, services: usize) -> Result<(), Failure> {
    engine.store().create_table().await?;
    let names: Vec<String> = (0..services).map(|number| format!("service-{number:05}")).collect();
    for service in &names {
        put(region, service);
    }
    // A read may lag: what was only just made may not be found yet.
    tokio::time::sleep(Duration::from_secs(10)).await;
    for service in &names {
        engine.apply(&spec(service)).await?;
    }
    Ok(())
}

fn spec(service: &str) -> String {
    format!(
        "service = \"{service}\"\ntopology = \"standby\"\n\n[[volume]]\nname = \"data\"\n\n\
         [detect]\nalarms = [\"{service}-status\"]\n\n[data]\nsnapshot_every_seconds = 86400\n"
    )
}

fn put(region: &Region, service: &str) {
    let tags = |more: &[(&str, &str)]| -> BTreeMap<String, String> {
        let own = [("failover:service", service), ("Name", service)];
        own.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let instance = |zone: char| {
        region.add_instance(InstanceSetup {
            zone: format!("{REGION}{zone}"),
            tags: tags(&[]),
            workload: Some(service.to_owned()),
            ..InstanceSetup::default()
        })
    };
    let (active, _standby) = (instance('a'), instance('b'));
    let volume = region.add_volume(VolumeSetup {
        zone: format!("{REGION}a"),
        tags: tags(&[("failover:volume", "data")]),
        data: Some(DataName { service: service.to_owned(), volume_name: "data".to_owned() }),
        ..VolumeSetup::default()
    });
    region.attach_at_start(&volume, &active, "/dev/sdf");
    region.add_address(AddressSetup {
        instance_id: Some(active.clone()),
        service: Some(service.to_owned()),
        tags: tags(&[]),
    });
    region.add_alarm(AlarmSetup { name: format!("{service}-status"), instance_id: active, ..AlarmSetup::default() });
}

/// Ticks, a minute apart, until there is nothing left to do.
async fn settle(engine: &Engine, services: usize) -> Result<(), Failure> {
    for _ in 0..MOST_TICKS {
        let tick = engine.tick(Deadline::none()).await?;
        if tick.services != services || !tick.broken.is_empty() {
            return Err(format!("{} services were seen, broken: {:?}", tick.services, tick.broken).into());
        }
        if tick.driven.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    Err(format!("not settled after {MOST_TICKS} ticks").into())
}

async fn in_process(region: &Region, engine: &Engine) -> Result<(Calls, Duration, Duration), Failure> {
    let mut walls = Vec::new();
    let (mut calls, mut simulated) = (Calls::new(), Duration::ZERO);
    for _ in 0..TIMED {
        tokio::time::sleep(Duration::from_mins(1)).await;
        let (before, began_at, began) = (region.call_counts(), region.now(), Instant::now());
        let tick = engine.tick(Deadline::none()).await?;
        walls.push(began.elapsed());
        simulated = region.now().since(began_at);
        calls = calls_between(&before, region.call_counts());
        if !tick.driven.is_empty() {
            return Err(format!("an idle tick had something to do: {:?}", tick.driven).into());
        }
    }
    walls.sort_unstable();
    let wall = walls.get(TIMED / 2).copied().unwrap_or_default();
    Ok((calls, simulated, wall))
}

/// The same tick by a process that holds nothing but the controller.
async fn alone(region: &Region) -> Result<Memory, Failure> {
    let served = serve(region.clone(), ServeOptions::default()).await?;
    let child = tokio::process::Command::new(std::env::current_exe()?)
        .args([CHILD, &served.url()])
        .env_clear()
        .envs([("AWS_ACCESS_KEY_ID", "simulated"), ("AWS_SECRET_ACCESS_KEY", "simulated")])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&child.stdout);
    let mut figures = said.split_whitespace().map(str::parse::<f64>);
    match (child.status.success(), figures.next(), figures.next()) {
        (true, Some(Ok(before_mb)), Some(Ok(peak_mb))) => Ok(Memory { before_mb, peak_mb }),
        _ => Err(format!("the controller in a process of its own: {}, {said}", child.status).into()),
    }
}

/// That process: prints what it held before and at most, in MB.
pub(crate) fn tick_against(url: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let settings =
            ClientSettings { region: Some(REGION.to_owned()), profile: None, endpoint_url: Some(url.to_owned()) };
        let aws = Aws::from_environment(&settings).await?;
        let engine = Engine::new(aws, &Names::default(), "alone");
        let before_mb = memory::resident_mb()?;
        let tick = engine.tick(Deadline::none()).await?;
        if !tick.driven.is_empty() || !tick.broken.is_empty() {
            return Err(format!("driven: {:?}, broken: {:?}", tick.driven, tick.broken).into());
        }
        println!("{before_mb} {}", memory::peak_mb()?);
        Ok(())
    })
}
