//! The `failover-agent` command: reads what it is told, builds its parts, runs one of them.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use failover_agent::cli::{Cli, Command};
use failover_agent::config::{Config, ConfigError};
use failover_agent::host::notify::Systemd;
use failover_agent::machine::ThisMachine;
use failover_agent::remembered::{self, Remembered};
use failover_agent::standalone::Standalone;
use failover_agent::{Agent, Stop, Until, doctor};
use failover_aws::{Aws, ClientSettings, Metadata};
use failover_core::ids::InstanceId;
use failover_core::spec::Spec;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// One agent at a time: two would tell the ledger different things.
const LOCK: &str = "/run/failover-agent.lock";
/// Between two tries to learn what the service is.
const LEARN_PAUSE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

// One thread: a program that was started by another would for a moment have this one's claims on devices (`disk::taken`).
#[tokio::main(flavor = "current_thread")]
async fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let config = Config::read(cli.config.as_deref(), &cli.overrides())?;
    let metadata = Metadata::from_environment();
    if cli.command == Command::Doctor {
        let findings = doctor::examine(&config, &metadata).await;
        doctor::print(&findings);
        return Ok(if findings.iter().any(doctor::DoctorFinding::is_wrong) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        });
    }
    let _lock = lock()?;
    let systemd = Systemd::from_environment();
    let stop = stop_on_signals()?;
    let Some(known) = learn(&config, &metadata, &systemd, stop.clone()).await? else {
        tracing::info!("told to stop before it was known what the service is: nothing was started");
        return Ok(ExitCode::SUCCESS);
    };
    let Known { aws, me, spec } = known;
    let until = if cli.command == Command::Boot { Until::Ready } else { Until::Stopped };
    // `quiesce` is the end of a run that never began.
    let stop = if cli.command == Command::Quiesce { stopped() } else { stop };
    if let Some(table) = &config.table {
        let agent = Agent::new(&aws, table, &metadata, me, spec, ThisMachine::default()).with_systemd(systemd);
        Box::pin(agent.run(stop, until)).await?;
    } else {
        let agent = Standalone::new(&aws, &metadata, me, spec, ThisMachine::default())?.with_systemd(systemd);
        Box::pin(agent.run(stop, until)).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What has to be known before anything can be done.
struct Known {
    aws: Aws,
    me: InstanceId,
    spec: Spec,
}

/// Asks until it is known, for as long as it may come to be known by itself. None: told to stop.
async fn learn(
    config: &Config,
    metadata: &Metadata,
    systemd: &Systemd,
    mut stop: Stop,
) -> anyhow::Result<Option<Known>> {
    let mut told = String::new();
    loop {
        let error = match learn_once(config, metadata).await {
            Ok(known) => return Ok(Some(known)),
            Err(error) if error.downcast_ref::<ConfigError>().is_some_and(|error| !error.may_pass()) => {
                return Err(error);
            }
            Err(error) => format!("{error:#}"),
        };
        if error != told {
            tracing::warn!(%error, "it is not known yet what to do; trying again every {} s", LEARN_PAUSE.as_secs());
        }
        told = error;
        // The unit has started, as far as others wait for it.
        systemd.ready(None);
        systemd.alive("waiting for what it has to know");
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|it| *it) => return Ok(None),
            () = tokio::time::sleep(LEARN_PAUSE) => {}
        }
    }
}

async fn learn_once(config: &Config, metadata: &Metadata) -> anyhow::Result<Known> {
    let path = Path::new(remembered::PATH);
    match learn_anew(config, metadata).await {
        Ok((known, remembered)) => {
            if let Err(error) = remembered.write(path) {
                tracing::warn!(%error, path = %path.display(), "what the agent knows is not kept for its next run");
            }
            Ok(known)
        }
        Err(error) if error.downcast_ref::<ConfigError>().is_some_and(|error| !error.may_pass()) => Err(error),
        Err(error) => {
            let Some(Remembered { instance, region, spec }) = Remembered::read(path) else { return Err(error) };
            if config.service.as_ref().is_some_and(|service| *service != spec.service) {
                return Err(error);
            }
            tracing::warn!(
                error = format!("{error:#}"),
                "the agent continues with what it knew before it was started again"
            );
            let aws =
                Aws::from_environment(&ClientSettings { region: Some(region), ..ClientSettings::default() }).await?;
            Ok(Known { aws, me: instance, spec })
        }
    }
}

async fn learn_anew(config: &Config, metadata: &Metadata) -> anyhow::Result<(Known, Remembered)> {
    let me = metadata.instance_id().await?;
    let service = config.service(metadata).await?;
    let region = if std::env::var_os("AWS_REGION").is_none() { Some(metadata.region().await?) } else { None };
    let aws = Aws::from_environment(&ClientSettings { region, ..ClientSettings::default() }).await?;
    let spec = config.spec.load(&aws, &service).await?;
    let remembered = Remembered { instance: me.clone(), region: aws.region().to_owned(), spec: spec.clone() };
    Ok((Known { aws, me, spec }, remembered))
}

fn lock() -> anyhow::Result<File> {
    let file = File::create(LOCK).with_context(|| format!("{LOCK} can't be made: the agent runs as root"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!(
                "another failover-agent runs ({LOCK} is locked): `systemctl stop failover-agent` stops the service cleanly"
            )
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("{LOCK} can't be locked")),
    }
}

fn stop_on_signals() -> anyhow::Result<Stop> {
    let (tell, stop) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(step = "told to stop", "told to stop: the service is stopped");
        tell.send_replace(true);
        // A receiver that finds its sender gone can't wait for a change.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}

fn stopped() -> Stop {
    watch::channel(true).1
}
