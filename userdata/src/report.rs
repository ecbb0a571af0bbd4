//! What this instance says of itself in the ledger's table, and the lease that comes with it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use failover_aws::{Clock, Store, StoreError};
use failover_core::agent::{AgentReport, AgentState};
use failover_core::ids::{InstanceId, ServiceName};
use tokio::time::Instant;

/// The same is said again after this, several times before an agent counts as silent ([`failover_core::agent::SILENCE`]).
const HEARTBEAT: Duration = Duration::from_secs(10);
/// What did not arrive is sent again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// A report that takes longer has not arrived.
const WITHIN: Duration = Duration::from_secs(5);
/// Characters of a reason that are reported.
const LONGEST_REASON: usize = 2_000;
/// The same trouble is told again after this.
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// Writes this instance's reports.
#[derive(Debug)]
pub(crate) struct Reporter {
    store: Store,
    clock: Clock,
    service: ServiceName,
    me: InstanceId,
    lease: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last report, whether it arrived or not.
    last: Option<AgentReport>,
    /// It arrived.
    arrived: bool,
    /// When it was last sent.
    sent: Option<Instant>,
    /// When the last one that arrived and that renews the lease was begun.
    renewed: Option<Instant>,
    told: Option<Instant>,
}

impl Reporter {
    /// A reporter that has not said anything.
    pub(crate) fn new(
        store: &Store,
        clock: &Clock,
        service: &ServiceName,
        me: &InstanceId,
        lease: Option<Duration>,
    ) -> Self {
        let (store, clock) = (store.clone(), clock.clone());
        Self { store, clock, service: service.clone(), me: me.clone(), lease, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last report of this instance.
    pub(crate) fn last(&self) -> Option<AgentReport> {
        self.state().last.clone()
    }

    /// Whether the last report is this, and arrived.
    pub(crate) fn has_said(&self, epoch: u64, said: &AgentState) -> bool {
        let state = self.state();
        state.arrived && state.last.as_ref().is_some_and(|last| last.epoch == epoch && last.state == *said)
    }

    /// Says something, now. It stands as the last word even if it did not arrive, and is sent again by [`Self::keep`].
    pub(crate) async fn say(&self, epoch: u64, said: AgentState) -> Result<(), StoreError> {
        let said = bounded(said);
        let at = self.clock.now();
        let lease_seconds = self.lease.map(|lease| lease.as_secs());
        let report = AgentReport { epoch, state: said, at, lease_seconds };
        let began = Instant::now();
        {
            let mut state = self.state();
            state.last = Some(report.clone());
            state.arrived = false;
            state.sent = Some(began);
        }
        let sent = tokio::time::timeout(WITHIN, self.store.report(&self.service, &self.me, &report)).await;
        let result = sent.unwrap_or_else(|_| Err(late()));
        let mut state = self.state();
        match &result {
            Ok(()) => {
                state.arrived = true;
                state.told = None;
                if matches!(report.state, AgentState::Starting | AgentState::Ready) {
                    state.renewed = Some(began);
                }
            }
            Err(error) if state.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) => {
                state.told = Some(began);
                tracing::warn!(%error, epoch, "the report did not reach the ledger; it is sent again");
            }
            Err(_) => {}
        }
        result
    }

    /// The same, if it was not said already. That it does not arrive is told in the log only.
    pub(crate) async fn change(&self, epoch: u64, said: AgentState) {
        let said = bounded(said);
        let is_new = {
            let state = self.state();
            state.last.as_ref().is_none_or(|last| last.epoch != epoch || last.state != said)
        };
        if is_new {
            // Not arrived: `keep` sends it again.
            let _arrived = self.say(epoch, said).await;
        } else {
            self.keep().await;
        }
    }

    /// Says the last again, if it did not arrive or was said long ago.
    pub(crate) async fn keep(&self) {
        let due = {
            let state = self.state();
            let pause = if state.arrived { self.heartbeat() } else { AGAIN };
            let is_due = state.sent.is_some_and(|sent| sent.elapsed() >= pause);
            state.last.clone().filter(|_| is_due)
        };
        if let Some(report) = due {
            let _arrived = self.say(report.epoch, report.state).await;
        }
    }

    /// A lease is renewed often enough for two reports to be lost.
    fn heartbeat(&self) -> Duration {
        self.lease.map_or(HEARTBEAT, |lease| HEARTBEAT.min(lease / 4))
    }

    /// When the lease ends, if one is asked for. It counts from the beginning of the last report that renewed it.
    pub(crate) fn lease_ends(&self) -> Option<Instant> {
        Some(self.state().renewed? + self.lease?)
    }

    /// Whether the spec asks for a lease.
    pub(crate) fn has_lease(&self) -> bool {
        self.lease.is_some()
    }
}

/// A reason may hold what a command said: people need its beginning, the table no more.
fn bounded(said: AgentState) -> AgentState {
    match said {
        AgentState::Failed(why) if why.len() > LONGEST_REASON => {
            AgentState::Failed(why.chars().take(LONGEST_REASON).chain(['…']).collect())
        }
        other => other,
    }
}

fn late() -> StoreError {
    StoreError::Aws(failover_aws::AwsError {
        operation: "PutItem",
        class: failover_core::step::FailureClass::UnknownOutcome,
        code: failover_aws::code::TIMEOUT.to_owned(),
        message: format!("no answer within {} s", WITHIN.as_secs()),
    })
}
