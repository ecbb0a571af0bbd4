//! The controller as a long-running process: a tick over every service, again and again.
//!
//! A failover takes minutes, and must not keep other services from being observed. So ticks overlap; one that
//! finds a service's lease held by an earlier tick leaves it alone.

use std::time::Duration;

use clap::Args;
use failover_engine::{Deadline, Ended, Engine, EngineError, Tick, in_one_line};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::duration;
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, note, show_one_of_many};
use crate::render;
use crate::session::Session;

/// How long one tick may run: as in a Lambda. The next one continues where it ended.
const TICK_LIMIT: Duration = Duration::from_mins(15);
/// Ticks that may run at once: more would mean that AWS hangs, and that asking it more often does not help.
const MOST_TICKS: usize = 16;
/// What ticks may still take after a signal. A lease that is not released expires by itself after 30 s.
const GRACE: Duration = Duration::from_secs(20);

/// Options of `daemon`.
#[derive(Debug, Args)]
pub struct DaemonArgs {
    /// Time between two ticks over all services
    #[arg(long, value_name = "DURATION", value_parser = period, default_value = "60s")]
    pub every: Duration,
}

/// The shortest period keeps a slip from flooding AWS with calls.
fn period(text: &str) -> Result<Duration, String> {
    let period = duration::parse(text)?;
    if period < Duration::from_secs(5) {
        return Err("it is too short: allowed is 5s and more".to_owned());
    }
    Ok(period)
}

/// Observes every service, every so often, until a signal.
pub(super) async fn run(session: &Session, args: &DaemonArgs, format: Format) -> Result<ExitCode, CliError> {
    let mut stop = StopSignals::listen()?;
    let mut clock = tokio::time::interval(args.every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ticks = FuturesUnordered::new();
    let mut count: u64 = 0;
    note(&format!("failover daemon: observes every service every {} s", args.every.as_secs()));
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            Some(ended) = ticks.next() => show_result(&ended, format)?,
            _ = clock.tick() => {
                if ticks.len() < MOST_TICKS {
                    count += 1;
                    ticks.push(one_tick(session.another_engine(count)));
                } else {
                    note(&format!("{MOST_TICKS} ticks are still running: this one is skipped"));
                }
            }
        }
    }
    note("failover daemon: stopping; what is under way is finished or left to the next controller");
    let drained = tokio::time::timeout(GRACE, async {
        while let Some(ended) = ticks.next().await {
            show_result(&ended, format)?;
        }
        Ok::<(), CliError>(())
    });
    tokio::select! {
        biased;
        () = stop.asked() => note("stopped at once"),
        drained = drained => match drained {
            Ok(said) => said?,
            Err(_) => note("a failover is still under way: the next tick continues it"),
        },
    }
    Ok(ExitCode::Done)
}

/// SIGINT and SIGTERM: the request that a long-running process ends.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    pub(super) fn listen() -> Result<Self, CliError> {
        let listen =
            |kind| signal(kind).map_err(|source| CliError::System { what: "signals can't be listened for", source });
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn one_tick(engine: Engine) -> Result<Tick, EngineError> {
    engine.tick(Deadline::within(TICK_LIMIT)).await
}

fn show_result(ended: &Result<Tick, EngineError>, format: Format) -> Result<(), CliError> {
    match ended {
        Ok(tick) => say(tick, format),
        Err(error) => {
            // The next tick may do better: a daemon does not end because AWS does not answer.
            note(&format!("the services could not be observed: {}", in_one_line(error)));
            Ok(())
        }
    }
}

fn say(tick: &Tick, format: Format) -> Result<(), CliError> {
    for (service, why) in &tick.broken {
        note(&format!("{service}: {why}"));
    }
    for (service, run) in &tick.driven {
        let run = match run {
            Ok(run) => run,
            Err(why) => {
                note(&format!("{service}: {why}"));
                continue;
            }
        };
        for report in &run.reports {
            show_one_of_many(format, report, render::report::report)?;
        }
        match &run.ended {
            Ended::Halted { report } => note(&format!("{service}: halted: {}", report.reason)),
            Ended::Refused { reason } => note(&format!("{service}: failing, and no failover can begin: {reason}")),
            Ended::OutOfTime { waiting_for, .. } => note(&format!("{service}: continues: {}", waiting_for.join("; "))),
            Ended::Settled { .. } | Ended::Busy { .. } => {}
        }
    }
    Ok(())
}
