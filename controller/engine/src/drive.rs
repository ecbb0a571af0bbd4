//! One service, driven until it is settled, stands still, or the deadline is near.

use std::time::Duration;

use failover_aws::{Acquired, Released, StoreError, Stored};
use failover_core::decide;
use failover_core::ids::ServiceName;
use failover_core::ledger::{Change, Notification};
use failover_core::report::Report;
use failover_core::spec::{Spec, Topology};
use failover_core::step::{FailureClass, Step, StepOutcome};
use failover_core::verdict::{Awaited, Verdict};
use failover_core::world::{Listing, Part, World};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::observe::interest;
use crate::{Deadline, Engine, EngineError, ProgressKind};

/// How long a lease holds. After a crash, nobody takes over before it is past; every write extends it.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// A waiting holder extends its lease when less than this is left: more than the longest pause between two observations.
const LEASE_RENEWAL: SignedDuration = SignedDuration::from_secs(12);
/// How long one effect may take. With the margin it stays well within the lease that was extended just before.
const STEP_DEADLINE: Duration = Duration::from_secs(10);
const STEP_MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// More rounds than any failover takes in a Lambda's 15 minutes; a loop that does not get anywhere ends here.
const MOST_ROUNDS: usize = 20_000;

/// What came of driving a service.
#[derive(Debug, Clone)]
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// Reports of failovers that ended in it, oldest first.
    pub reports: Vec<Report>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// There is nothing to do.
    Settled {
        /// Why.
        reasons: Vec<String>,
    },
    /// Another holds the lease; it observes again before it releases it.
    Busy {
        /// Who.
        holder: String,
    },
    /// The active instance fails, and no failover may begin.
    Refused {
        /// Why.
        reason: String,
    },
    /// A failover stands still.
    Halted {
        /// Its report.
        report: Box<Report>,
    },
    /// The deadline is near; the next tick or event goes on.
    OutOfTime {
        /// The report of the failover that runs, if one does.
        report: Option<Box<Report>>,
        /// What is waited for.
        waiting_for: Vec<String>,
    },
}

impl Engine {
    /// Drives a service: observes it and does what is to be done.
    ///
    /// # Guarantees
    /// Every effect is preceded by a compare-and-set that names it, under a lease that outlives it.
    pub async fn run(&self, service: &ServiceName, deadline: Deadline) -> Result<Run, EngineError> {
        let spec = self.spec_of(service).await?;
        self.run_with(&spec, deadline).await
    }

    /// The same, with a spec that was read already.
    pub async fn run_with(&self, spec: &Spec, deadline: Deadline) -> Result<Run, EngineError> {
        let service = &spec.service;
        let now = self.now();
        let held = match self.store.acquire(service, &self.holder, now, lease_end(now)).await? {
            Acquired::Held(stored) => stored,
            Acquired::Busy { holder, .. } => {
                return Ok(Run { ended: Ended::Busy { holder }, reports: Vec::new() });
            }
            Acquired::NoLedger if spec.topology == Topology::AutoScaling => {
                return self.run_first(spec, deadline).await;
            }
            Acquired::NoLedger => return Err(EngineError::NoLedger { service: service.clone() }),
        };
        let mut drive = Drive::new(self, spec, held, deadline);
        let ended = drive.until_it_ends().await;
        tracing::debug!(at = %self.now(), %service, holder = self.holder, ?ended, "the run ended");
        match ended {
            Ok(ended) => Ok(Run { ended, reports: drive.reports }),
            // Somebody else went on: that is for them to finish.
            Err(EngineError::Store(StoreError::LostLease { .. })) => {
                let ended = Ended::Busy { holder: "another".to_owned() };
                Ok(Run { ended, reports: drive.reports })
            }
            Err(error) => {
                // The lease would hold others up for nothing; if it can't be released, it expires.
                if let Err(release) = self.store.release(&drive.held, &self.holder).await {
                    tracing::warn!(%service, error = %release, "the lease was not released");
                }
                Err(error)
            }
        }
    }
}

impl Engine {
    /// A group comes under control with its first instance.
    async fn run_first(&self, spec: &Spec, deadline: Deadline) -> Result<Run, EngineError> {
        match Box::pin(self.adopt(spec)).await {
            Ok(_) => Box::pin(self.run_with(spec, deadline)).await,
            Err(error) if Self::awaits_its_first(spec, &error) => {
                let ended = Ended::Settled { reasons: vec![error.to_string()] };
                Ok(Run { ended, reports: Vec::new() })
            }
            Err(error) => Err(error),
        }
    }
}

fn lease_end(now: Timestamp) -> Timestamp {
    now.saturating_add(LEASE).unwrap_or(now)
}

struct Drive<'a> {
    engine: &'a Engine,
    spec: &'a Spec,
    deadline: Deadline,
    /// The record as it was last written or read, with `unsaved` on top.
    held: Stored,
    /// Outcomes that ride along with the next write. Were they lost, the steps would count as unanswered: read first, then tried again.
    unsaved: Vec<Change>,
    world: World,
    reports: Vec<Report>,
}

impl<'a> Drive<'a> {
    fn new(engine: &'a Engine, spec: &'a Spec, held: Stored, deadline: Deadline) -> Self {
        let world = World::unseen(Timestamp::UNIX_EPOCH);
        Self { engine, spec, deadline, held, unsaved: Vec::new(), world, reports: Vec::new() }
    }

    async fn until_it_ends(&mut self) -> Result<Ended, EngineError> {
        for _ in 0..MOST_ROUNDS {
            if !self.deadline.has_time_after(SignedDuration::ZERO) {
                return self.out_of_time(Vec::new()).await;
            }
            self.post().await?;
            let verdict = decide(self.spec, &self.held.ledger, &self.world, self.engine.now());
            if let Some(ended) = self.follow(verdict).await? {
                return Ok(ended);
            }
        }
        self.out_of_time(vec!["too many rounds without an end".to_owned()]).await
    }

    /// Does what the verdict says; says how the run ended, if it did.
    async fn follow(&mut self, verdict: Verdict) -> Result<Option<Ended>, EngineError> {
        match verdict {
            Verdict::Observe(parts) => self.observe(&parts).await?,
            Verdict::Record { changes, reasons } => {
                for reason in &reasons {
                    self.engine.tell(&self.spec.service, ProgressKind::Recorded, reason);
                }
                self.commit(&changes).await?;
            }
            Verdict::Act { changes, steps, reasons: _ } => self.act(changes, steps).await?,
            Verdict::Wait { until, parts, reasons } => {
                for Awaited { step, text } in &reasons {
                    self.engine.tell(&self.spec.service, ProgressKind::Waiting(step.clone()), text);
                }
                if !self.deadline.has_time_after(until.duration_since(self.engine.now())) {
                    let waiting_for = reasons.into_iter().map(|awaited| awaited.text).collect();
                    return self.out_of_time(waiting_for).await.map(Some);
                }
                self.sleep_until(until).await;
                self.observe(&parts).await?;
            }
            Verdict::Settled { reasons } => {
                self.engine.forget_agents(&self.held.ledger, &self.world).await;
                return self.let_go(Ended::Settled { reasons }).await;
            }
            Verdict::Refuse { refusal, .. } => {
                return self.let_go(Ended::Refused { reason: refusal.to_string() }).await;
            }
            Verdict::Halt { .. } => {
                let report = self.running_report();
                return match report {
                    Some(report) => self.let_go(Ended::Halted { report }).await,
                    None => Ok(None),
                };
            }
        }
        Ok(None)
    }

    fn running_report(&self) -> Option<Box<Report>> {
        let failover = self.held.ledger.failover.as_ref()?;
        Some(Box::new(Report::running(&self.held.ledger, failover, self.engine.now())))
    }

    async fn observe(&mut self, parts: &[Part]) -> Result<(), EngineError> {
        self.renew().await?;
        let interest = interest(self.spec, Some(&self.held.ledger));
        let began = self.engine.now();
        Box::pin(self.engine.observe(self.spec, &interest, parts, &mut self.world)).await;
        self.world.observation_took = self.engine.now().duration_since(began);
        Ok(())
    }

    async fn sleep_until(&self, until: Timestamp) {
        let pause = until.duration_since(self.engine.now());
        tokio::time::sleep(Duration::try_from(pause).unwrap_or(Duration::ZERO)).await;
    }

    /// Keeps the lease while nothing is written.
    async fn renew(&mut self) -> Result<(), EngineError> {
        let left = self.lease_left();
        if left < LEASE_RENEWAL {
            self.commit(&[]).await?;
        }
        Ok(())
    }

    fn lease_left(&self) -> SignedDuration {
        self.held.lease.as_ref().map_or(SignedDuration::ZERO, |lease| lease.until.duration_since(self.engine.now()))
    }

    /// Writes changes that were decided on, and what was not saved yet. If an operator's edit came between, nothing is written: it is
    /// decided again.
    async fn commit(&mut self, changes: &[Change]) -> Result<bool, EngineError> {
        let now = self.engine.now();
        let mut next = self.held.ledger.clone();
        for change in changes {
            next = next.apply(change, now)?;
        }
        match self.engine.store.write(&self.held, &self.engine.holder, &next, now, lease_end(now)).await {
            Ok(stored) => {
                self.held = stored;
                self.unsaved.clear();
                if changes.iter().any(|change| matches!(change, Change::Begin(_))) {
                    self.forget_agent_reports();
                }
                Ok(true)
            }
            Err(StoreError::Conflict { .. }) => {
                self.read_again().await?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What an agent said before the failover stood in the ledger, it may have taken back meanwhile (decision 11). The order of reading and
    /// writing tells that, no clock has to.
    fn forget_agent_reports(&mut self) {
        self.world.agents = Listing::unknown("not observed since the failover began", Timestamp::UNIX_EPOCH);
    }

    /// Keeps a fact, which holds whatever else is edited meanwhile, for the next write.
    fn keep(&mut self, fact: Change) -> Result<(), EngineError> {
        self.held.ledger = self.held.ledger.apply(&fact, self.engine.now())?;
        self.unsaved.push(fact);
        Ok(())
    }

    /// Writes what was not saved yet.
    async fn save(&mut self) -> Result<(), EngineError> {
        while !self.unsaved.is_empty() {
            self.commit(&[]).await?;
        }
        Ok(())
    }

    async fn read_again(&mut self) -> Result<(), EngineError> {
        let service = &self.spec.service;
        let fresh = self.engine.store.read(service).await?;
        let fresh = fresh.ok_or_else(|| EngineError::NoLedger { service: service.clone() })?;
        if fresh.lease.as_ref().is_none_or(|lease| lease.holder != self.engine.holder) {
            return Err(StoreError::LostLease {
                service: service.to_string(),
                to: fresh.lease.map(|lease| lease.holder),
            }
            .into());
        }
        self.held = fresh;
        for fact in std::mem::take(&mut self.unsaved) {
            self.keep(fact)?;
        }
        Ok(())
    }

    async fn act(&mut self, mut changes: Vec<Change>, steps: Vec<Step>) -> Result<(), EngineError> {
        changes.push(Change::Intend(steps.clone()));
        if !self.commit(&changes).await? {
            return Ok(());
        }
        let deadline = SignedDuration::try_from(STEP_DEADLINE).unwrap_or(SignedDuration::MAX);
        // The write itself may have been slow: an effect is only begun if the lease outlives it.
        let outcomes = if self.lease_left() < deadline + STEP_MARGIN {
            steps.iter().map(|step| (step.key(), not_begun(), 0)).collect()
        } else {
            join_all(steps.iter().map(|step| self.act_once(step))).await
        };
        self.keep(Change::Resolve(outcomes))
    }

    async fn act_once(&self, step: &Step) -> (failover_core::step::StepKey, StepOutcome, u32) {
        let (service, key) = (&self.spec.service, step.key());
        self.engine.tell(service, ProgressKind::Trying(key.clone()), step.to_string());
        let acted = self.engine.aws.act(step, STEP_DEADLINE).await;
        let (kind, text) = match &acted.outcome {
            StepOutcome::Accepted { made } if made.is_empty() => {
                (ProgressKind::Accepted(key.clone()), step.to_string())
            }
            StepOutcome::Accepted { made } => {
                (ProgressKind::Accepted(key.clone()), format!("{step}: {}", made.join(", ")))
            }
            StepOutcome::Failed { code, message, .. } => {
                (ProgressKind::Failed(key.clone()), format!("{step}: {code}: {message}"))
            }
            StepOutcome::Unanswered => (ProgressKind::Failed(key.clone()), format!("{step}: no answer")),
        };
        self.engine.tell(service, kind, text);
        (key, acted.outcome, acted.api_calls)
    }

    /// Sends what waits to be sent.
    async fn post(&mut self) -> Result<(), EngineError> {
        if self.held.ledger.outbox.is_empty() {
            return Ok(());
        }
        let sent = self.engine.post(&self.held.ledger).await?;
        let ended = self.held.ledger.outbox.iter().take(sent).filter_map(|notice| match notice {
            Notification::Ended(report) => Some(report.as_ref().clone()),
            Notification::Halted(_) | Notification::Maintenance { .. } | Notification::Refused { .. } => None,
        });
        let ended: Vec<Report> = ended.collect();
        self.keep(Change::Sent(sent))?;
        self.save().await?;
        self.reports.extend(ended);
        Ok(())
    }

    /// Ends the run, unless somebody left a wake-up mark: then it observes again.
    async fn let_go(&mut self, ended: Ended) -> Result<Option<Ended>, EngineError> {
        self.save().await?;
        match self.engine.store.release(&self.held, &self.engine.holder).await? {
            Released::Gone => Ok(Some(ended)),
            Released::Woken(stored) => {
                self.held = stored;
                self.world = World::unseen(Timestamp::UNIX_EPOCH);
                Ok(None)
            }
        }
    }

    async fn out_of_time(&mut self, waiting_for: Vec<String>) -> Result<Ended, EngineError> {
        self.save().await?;
        let ended = Ended::OutOfTime { report: self.running_report(), waiting_for };
        // A wake-up mark does not keep a run whose deadline is near; whoever comes next sees the same ledger.
        if let Released::Woken(stored) = self.engine.store.release(&self.held, &self.engine.holder).await? {
            self.engine.store.release(&stored, &self.engine.holder).await?;
        }
        Ok(ended)
    }
}

fn not_begun() -> StepOutcome {
    StepOutcome::Failed {
        class: FailureClass::Retryable,
        code: "NotBegun".to_owned(),
        message: "the lease would have expired first".to_owned(),
    }
}
