//! The controller as a long-running process: a look at every service, again and again.
//!
//! A failover takes minutes, and must not keep other services from being looked at. So looks overlap; one that
//! finds a service's lease held by an earlier look leaves it alone.

use std::time::Duration;

use clap::Args;
use failover_engine::{Ended, Engine, EngineError, Host, Tick, in_one_line};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::SignedDuration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::duration;
use crate::error::CliError;
use crate::exit_codes::ExitCode;
use crate::output::{Format, note, show_one_of_many};
use crate::render;
use crate::session::Session;

/// How long one look may go on: as in a Lambda. The next one goes on where it ended.
const LOOK: SignedDuration = SignedDuration::from_mins(15);
/// Looks that may go on at once: more would mean that AWS hangs, and that asking it more often does not help.
const MOST_LOOKS: usize = 16;
/// What looks may still take after a signal. A lease that is not let go runs out by itself after 30 s.
const GRACE: Duration = Duration::from_secs(20);

/// Options of `daemon`.
#[derive(Debug, Args)]
pub struct DaemonArgs {
    /// Time between two looks at every service
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

/// Looks at every service, every so often, until a signal.
pub(super) async fn run(session: &Session, args: &DaemonArgs, format: Format) -> Result<ExitCode, CliError> {
    let mut stop = Stop::listen()?;
    let mut clock = tokio::time::interval(args.every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = FuturesUnordered::new();
    let mut count: u64 = 0;
    note(&format!("failover daemon: looks at every service every {} s", args.every.as_secs()));
    loop {
        tokio::select! {
            biased;
            () = stop.asked() => break,
            Some(looked) = looks.next() => say_looked(&looked, format)?,
            _ = clock.tick() => {
                if looks.len() < MOST_LOOKS {
                    count += 1;
                    looks.push(look(session.another_engine(count)));
                } else {
                    note(&format!("{MOST_LOOKS} looks are still going on: this one is left out"));
                }
            }
        }
    }
    note("failover daemon: stopping; what is under way is finished or left to the next controller");
    let drained = tokio::time::timeout(GRACE, async {
        while let Some(looked) = looks.next().await {
            say_looked(&looked, format)?;
        }
        Ok::<(), CliError>(())
    });
    tokio::select! {
        biased;
        () = stop.asked() => note("stopped at once"),
        drained = drained => match drained {
            Ok(said) => said?,
            Err(_) => note("a failover is still under way: whoever looks next goes on with it"),
        },
    }
    Ok(ExitCode::Done)
}

/// SIGINT and SIGTERM: the wish that a long-running process ends.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
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

async fn look(engine: Engine) -> Result<Tick, EngineError> {
    let ends_at = engine.now().saturating_add(LOOK).unwrap_or(jiff::Timestamp::MAX);
    engine.tick(Host::until(ends_at)).await
}

fn say_looked(looked: &Result<Tick, EngineError>, format: Format) -> Result<(), CliError> {
    match looked {
        Ok(tick) => say(tick, format),
        Err(error) => {
            // The next look may do better: a daemon does not end because AWS does not answer.
            note(&format!("the services could not be looked at: {}", in_one_line(error)));
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
            Ended::Refused { reason } => note(&format!("{service}: fails, and no failover begins: {reason}")),
            Ended::OutOfTime { waiting_for, .. } => note(&format!("{service}: goes on: {}", waiting_for.join("; "))),
            Ended::Settled { .. } | Ended::Busy { .. } => {}
        }
    }
    Ok(())
}
