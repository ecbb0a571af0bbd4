//! The loop: observe, decide, act; for as long as the agent lives.

use std::time::Duration;

use failover_core::agent::AgentState;
use failover_core::ledger::Ledger;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::agent::{Agent, Observation, Stop};
use crate::boot::NotUp;
use crate::duty::{Assignment, Duty, DutyReason, FailoverRole, InstanceNotice, LeaseState, Phase, Say, Seen, duty};
use crate::machine::{Machine, Trouble};
use crate::quiesce::take_down;

/// Between two observations.
const OBSERVE_EVERY: Duration = Duration::from_secs(2);
/// Between two observations while a failover runs that concerns this instance.
const OBSERVE_OFTEN: Duration = Duration::from_secs(1);
/// The first pause after a failed start; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How often taking down is tried when the agent is to end.
const LAST_TRIES: u32 = 3;
/// The last report gets this long.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(5);

/// When to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When told to.
    Stopped,
    /// When the service is up, too; it stays up.
    Ready,
}

/// The agent ended without having taken the service down.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the service could not be stopped: {0}")]
pub struct StillUp(Trouble);

/// What the loop remembers from round to round.
struct Rounds {
    phase: Phase,
    failures: u32,
    not_before: Option<(u64, Instant)>,
    tries_to_end: u32,
    /// What was last told in the log.
    told: Option<DutyReason>,
    /// The ledger as it was last read: which volumes were brought up.
    ledger: Option<Ledger>,
}

impl<M: Machine> Agent<M> {
    /// Serves while the ledger says so. Ends when told to, with the service stopped.
    pub async fn run(&self, mut stop: Stop, until: Until) -> Result<(), StillUp> {
        let mut rounds =
            Rounds { phase: Phase::Unsure, failures: 0, not_before: None, tries_to_end: 0, told: None, ledger: None };
        // One that hangs must be started anew in time to find its lease over, and to take down what nobody counts on any more.
        let lease = self.spec.fence.lease_seconds.as_ref().map(|seconds| seconds.duration() / 2);
        self.systemd.ready(lease);
        tracing::info!(step = "watching", service = %self.spec.service, instance = %self.me, "the agent watches the ledger");
        loop {
            let began = Instant::now();
            let observation = Box::pin(self.observe_within_lease(rounds.phase, &stop)).await;
            let often = self.round(&observation, &mut rounds, &stop).await;
            if rounds.phase == Phase::Down && observation.notice == Some(InstanceNotice::Shutdown) {
                self.systemd.stopping();
                return self.last_word().await;
            }
            if let (Until::Ready, Phase::Serving(_)) = (until, rounds.phase) {
                return Ok(());
            }
            if rounds.tries_to_end >= LAST_TRIES {
                let why = self.reporter.last().map(|last| last.state);
                let why = if let Some(AgentState::Failed(why)) = why { why } else { "it takes too long".to_owned() };
                return Err(StillUp(Trouble::new("stopping", why)));
            }
            self.systemd.alive(&status(rounds.phase, rounds.told.as_ref()));
            let mut next = began + if often { OBSERVE_OFTEN } else { OBSERVE_EVERY };
            if let Some(deadline) = self.lease_deadline().filter(|_| rounds.phase != Phase::Down) {
                next = next.min(deadline);
            }
            let was_stopped = *stop.borrow();
            tokio::select! {
                biased;
                Ok(()) = stop.changed(), if !was_stopped => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Observes and keeps the report fresh, side by side; an observation that hangs ends when the lease is about to.
    async fn observe_within_lease(&self, phase: Phase, stop: &Stop) -> Observation {
        let observation = Box::pin(async { tokio::join!(self.observe(stop), self.reporter.keep()).0 });
        // What is down has nothing to stop in time.
        let Some(deadline) = self.lease_deadline().filter(|_| phase != Phase::Down) else { return observation.await };
        // The deadline first: what is late must not even try to renew.
        tokio::select! {
            biased;
            () = sleep_until(deadline) => {
                let seen = Seen::Unreadable("no answer before the lease runs out".to_owned());
                Observation { seen, ledger: None, notice: stop.borrow().then_some(InstanceNotice::Shutdown) }
            }
            observation = observation => observation,
        }
    }

    /// One round. Says whether the next observation is to come soon.
    async fn round(&self, observation: &Observation, rounds: &mut Rounds, stop: &Stop) -> bool {
        if observation.ledger.is_some() {
            rounds.ledger.clone_from(&observation.ledger);
        }
        let duty = duty(
            &observation.seen,
            rounds.phase,
            observation.notice.as_ref(),
            self.lease(&observation.seen, rounds.phase),
        );
        match duty {
            Duty::Serve { epoch } if rounds.phase == Phase::Serving(epoch) => {
                rounds.tell(None);
                self.reporter.change(epoch, AgentState::Ready).await;
            }
            Duty::Serve { epoch } if rounds.may_start(epoch) => {
                rounds.tell(None);
                self.start(epoch, rounds, stop).await;
            }
            Duty::Serve { .. } => {}
            Duty::Rest { epoch, say, why } => {
                rounds.tell(Some(&why));
                self.rest(epoch, say, &why, rounds).await;
            }
            Duty::Hold(why) => {
                rounds.tell(Some(&why));
                if let (Seen::Read(claim), Phase::Down) = (&observation.seen, rounds.phase) {
                    self.reporter.change(claim.epoch, AgentState::Waiting).await;
                }
            }
        }
        concerns_me(&observation.seen)
    }

    /// Says that it starts, observes again, and starts the service while it is still to serve.
    async fn start(&self, epoch: u64, rounds: &mut Rounds, stop: &Stop) {
        tracing::info!(step = "claiming", epoch, "the ledger names this instance: the service is started");
        if self.reporter.say(epoch, AgentState::Starting).await.is_err() {
            return;
        }
        let observation = self.observe(stop).await;
        let Some(ledger) = observation.ledger.as_ref().filter(|_| may_begin(&observation, epoch)) else { return };
        let Some(reports) = self.all_reports().await else { return };
        if self.lease(&observation.seen, Phase::Unsure) == LeaseState::RunsOut {
            return;
        }
        rounds.phase = Phase::Unsure;
        let (revoke, revoked) = watch::channel(false);
        let mut work = std::pin::pin!(self.bring_up(ledger, &reports, &revoked));
        let mut watching = std::pin::pin!(self.until_revoked(epoch, stop));
        let up = tokio::select! {
            biased;
            why = &mut watching => {
                tracing::warn!(step = "revoked", %why, "starting the service is interrupted");
                revoke.send_replace(true);
                // Without a lease nothing more may happen, not even what was begun on a disk.
                if why == DutyReason::LeaseRunsOut { Err(NotUp::Revoked) } else { work.await }
            }
            up = &mut work => up,
        };
        match up {
            Ok(()) if *revoked.borrow() => {}
            Ok(()) => {
                rounds.phase = Phase::Serving(epoch);
                rounds.failures = 0;
                rounds.not_before = None;
                tracing::info!(step = "ready", epoch, "the service is ready");
                self.reporter.change(epoch, AgentState::Ready).await;
            }
            // The next round sees why, and takes down what was started.
            Err(NotUp::Revoked) => {}
            Err(NotUp::Failed(trouble)) => self.failed(epoch, &trouble, rounds).await,
        }
    }

    /// Until this instance is not to serve any more. Reports go on meanwhile.
    async fn until_revoked(&self, epoch: u64, stop: &Stop) -> DutyReason {
        let mut stop = stop.clone();
        // What starts counts as serving: it reported so, and nobody counts on its being quiet.
        let phase = Phase::Serving(epoch);
        loop {
            let observation = Box::pin(self.observe_within_lease(phase, &stop)).await;
            let lease = self.lease(&observation.seen, phase);
            if let Duty::Rest { why, .. } = duty(&observation.seen, phase, observation.notice.as_ref(), lease) {
                return why;
            }
            self.systemd.alive("starting");
            let next = Instant::now() + OBSERVE_EVERY;
            let next = self.lease_deadline().map_or(next, |deadline| next.min(deadline));
            let was_stopped = *stop.borrow();
            tokio::select! {
                biased;
                Ok(()) = stop.changed(), if !was_stopped => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// What was started is stopped again; the next try comes later and later.
    async fn failed(&self, epoch: u64, trouble: &Trouble, rounds: &mut Rounds) {
        let mut why = trouble.to_string();
        rounds.phase = Phase::Unsure;
        match self.take_down(Some(epoch), false).await {
            Ok(()) => rounds.phase = Phase::Down,
            Err(also) => why = format!("{why}; and it could not be undone: {also}"),
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << rounds.failures.min(10)).min(LONGEST_PAUSE);
        rounds.failures += 1;
        rounds.not_before = Some((epoch, Instant::now() + pause));
        tracing::error!(step = "failed", %why, "the service is not running; the next try is in {} s", pause.as_secs());
        self.reporter.change(epoch, AgentState::Failed(why)).await;
    }

    /// Makes sure that nothing of the service runs here, then says so.
    async fn rest(&self, epoch: Option<u64>, say: Say, why: &DutyReason, rounds: &mut Rounds) {
        let epoch = epoch.or_else(|| self.reporter.last().map(|last| last.epoch));
        if rounds.phase != Phase::Down {
            let serves = matches!(rounds.phase, Phase::Serving(_));
            tracing::info!(step = "quiescing", %why, serves, "the service is stopped");
            rounds.phase = Phase::Unsure;
            let down = match self.take_down(epoch, serves).await {
                Ok(()) => self.let_go(rounds.ledger.as_ref()).await,
                trouble => trouble,
            };
            match down {
                Ok(()) => {
                    rounds.phase = Phase::Down;
                    tracing::info!(step = "quiet", "nothing of the service runs here");
                }
                Err(trouble) => {
                    if self.lease_has_expired(why) {
                        return self.reset(&trouble).await;
                    }
                    tracing::error!(step = "not quiesced", %trouble, "the service could not be stopped; it is tried again");
                    if *why == DutyReason::Noticed(InstanceNotice::Shutdown) {
                        rounds.tries_to_end += 1;
                    }
                    if let Some(epoch) = epoch {
                        self.reporter.change(epoch, AgentState::Failed(trouble.to_string())).await;
                    }
                    return;
                }
            }
        }
        let said = match say {
            Say::Waiting => AgentState::Waiting,
            Say::Quiesced => AgentState::Quiesced,
        };
        if let Some(epoch) = epoch {
            self.reporter.change(epoch, said).await;
        }
    }

    /// Makes sure that nobody else on this machine holds the data: a container may see it at a path of its own.
    async fn let_go(&self, ledger: Option<&Ledger>) -> Result<(), Trouble> {
        let Some(ledger) = ledger else { return Ok(()) };
        for volume in self.volumes_of(ledger) {
            self.machine.released(&volume).await?;
        }
        Ok(())
    }

    pub(crate) async fn take_down(&self, epoch: Option<u64>, serves: bool) -> Result<(), Trouble> {
        let context = self.context(epoch);
        let mounts = self.mounts();
        let work = take_down(&self.machine, &self.spec, &mounts, &context, serves, self.grace());
        let mut work = std::pin::pin!(work);
        let lease_ends = self.reporter.lease_ends().filter(|ends| *ends > Instant::now());
        // systemd must not take a slow unmount for a hang.
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = at(lease_ends) => return Err(Trouble::new("stopping", "it was not done when the lease ended")),
                () = tokio::time::sleep(OBSERVE_EVERY) => self.systemd.alive("stopping the service"),
            }
        }
    }

    /// The lease is over, and something here may still write. The promise is kept by the machine, if its units can't be made to.
    async fn reset(&self, trouble: &Trouble) {
        tracing::error!(step = "resetting", %trouble, "the lease has expired and the service could not be stopped: the machine is reset");
        if let Err(error) = self.machine.reset().await {
            tracing::error!(step = "resetting", %error, "the machine could not be reset; it is tried again");
        }
    }

    /// The last report is sent until it arrives, but not for ever: the machine is about to go.
    async fn last_word(&self) -> Result<(), StillUp> {
        let Some(last) = self.reporter.last() else { return Ok(()) };
        let arrives = async {
            while !self.reporter.has_said(last.epoch, &last.state) {
                self.reporter.keep().await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        if tokio::time::timeout(LAST_WORD_WITHIN, arrives).await.is_err() {
            tracing::warn!("the last report did not reach the ledger");
        }
        Ok(())
    }
}

/// At a moment; never, where there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The second observation shows what the first did: named under this epoch, and no failover away.
fn may_begin(observation: &Observation, epoch: u64) -> bool {
    duty(&observation.seen, Phase::Unsure, observation.notice.as_ref(), LeaseState::Holds) == Duty::Serve { epoch }
}

fn concerns_me(seen: &Seen) -> bool {
    matches!(seen, Seen::Read(Assignment { failover: FailoverRole::ToMe | FailoverRole::FromMe { .. }, .. }))
}

fn status(phase: Phase, why: Option<&DutyReason>) -> String {
    match (phase, why) {
        (Phase::Serving(epoch), None) => format!("serving, epoch {epoch}"),
        (Phase::Serving(epoch), Some(why)) => format!("serving, epoch {epoch}: {why}"),
        (Phase::Down | Phase::Unsure, Some(why)) => format!("waiting: {why}"),
        (Phase::Down | Phase::Unsure, None) => "not running".to_owned(),
    }
}

impl Rounds {
    fn may_start(&self, epoch: u64) -> bool {
        self.not_before.is_none_or(|(failed, at)| failed != epoch || Instant::now() >= at)
    }

    /// What changes is told once.
    fn tell(&mut self, why: Option<&DutyReason>) {
        if self.told.as_ref() == why {
            return;
        }
        match why {
            Some(why @ (DutyReason::Unreadable(_) | DutyReason::NoLedger)) => {
                // The text of an error may differ from time to time: one line for all of them.
                if !matches!((&self.told, why), (Some(DutyReason::Unreadable(_)), DutyReason::Unreadable(_))) {
                    tracing::warn!(phase = ?self.phase, "{why}");
                }
            }
            Some(why) => tracing::info!(phase = ?self.phase, "{why}"),
            None => tracing::info!(phase = ?self.phase, "the ledger names this instance"),
        }
        self.told = why.cloned();
    }
}
