//! The agent: what it knows of its instance, and how it observes the world.

use std::path::PathBuf;
use std::time::Duration;

use failover_aws::{Aws, Metadata, Store};
use failover_core::agent::AgentReport;
use failover_core::ids::{InstanceId, VolumeName};
use failover_core::ledger::Ledger;
use failover_core::spec::Spec;
use failover_core::world::Listing;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::duty::{Assignment, DutyReason, InstanceNotice, LeaseState, Phase, Seen};
use crate::host::notify::Systemd;
use crate::machine::{Context, Machine};
use crate::notices::Notices;
use crate::report::Reporter;

/// Reading the ledger takes milliseconds. What takes longer is read again.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// Added to the time that stopping takes, so that it is over before the lease is.
const LEASE_MARGIN: Duration = Duration::from_secs(2);
/// Stopping may not take longer than this in any case, however long the grace of the spec is, nor be shorter than this.
const LEAST_GRACE: Duration = Duration::from_secs(5);

/// An agent of a service that has a ledger.
#[derive(Debug)]
pub struct Agent<M> {
    pub(crate) me: InstanceId,
    pub(crate) spec: Spec,
    pub(crate) store: Store,
    pub(crate) machine: M,
    pub(crate) reporter: Reporter,
    pub(crate) notices: Notices,
    pub(crate) systemd: Systemd,
}

/// What was seen in one observation.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    pub(crate) seen: Seen,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) notice: Option<InstanceNotice>,
}

/// Told to end: the machine shuts down, or somebody stops the agent.
pub type Stop = watch::Receiver<bool>;

impl<M: Machine> Agent<M> {
    /// The agent of `spec`'s service on the instance `me`, with the ledger in `table`.
    pub fn new(aws: &Aws, table: &str, metadata: &Metadata, me: InstanceId, spec: Spec, machine: M) -> Self {
        let store = Store::new(aws, table);
        let lease = spec.fence.lease_seconds.map(failover_core::spec::Bounded::duration);
        let reporter = Reporter::new(&store, aws.clock(), &spec.service, &me, lease);
        let notices = Notices::new(metadata);
        Self { me, spec, store, machine, reporter, notices, systemd: Systemd::default() }
    }

    /// Tells systemd how it goes.
    #[must_use]
    pub fn with_systemd(mut self, systemd: Systemd) -> Self {
        self.systemd = systemd;
        self
    }

    /// The machine that it works on.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The volumes of the spec that are to be mounted, with their mount points.
    pub(crate) fn mounts(&self) -> Vec<(VolumeName, PathBuf)> {
        mounts(&self.spec)
    }

    pub(crate) fn context(&self, epoch: Option<u64>) -> Context {
        Context { service: self.spec.service.to_string(), instance: self.me.to_string(), epoch }
    }

    /// How long stopping may take: what the controller waits for it.
    pub(crate) fn grace(&self) -> Duration {
        grace(&self.spec)
    }

    /// Reads the ledger and the notices.
    pub(crate) async fn observe(&self, stop: &Stop) -> Observation {
        let read = tokio::time::timeout(READ_WITHIN, self.store.read(&self.spec.service));
        let (read, notice) = tokio::join!(read, self.notices.observe());
        let notice = if *stop.borrow() { Some(InstanceNotice::Shutdown) } else { notice };
        let (seen, ledger) = match read {
            Err(_) => (Seen::Unreadable(format!("no answer within {} s", READ_WITHIN.as_secs())), None),
            Ok(Err(error)) => (Seen::Unreadable(error.to_string()), None),
            Ok(Ok(None)) => (Seen::NoLedger, None),
            Ok(Ok(Some(stored))) => {
                let names: Vec<VolumeName> = self.mounts().into_iter().map(|(name, _)| name).collect();
                (Seen::Read(Assignment::of(&stored.ledger, &self.me, &names)), Some(stored.ledger))
            }
        };
        Observation { seen, ledger, notice }
    }

    /// What all agents of the service said last; none where it can't be read.
    pub(crate) async fn all_reports(&self) -> Option<Listing<InstanceId, AgentReport>> {
        let listing = tokio::time::timeout(READ_WITHIN, self.store.reports(&self.spec.service)).await.ok()?;
        listing.is_complete().then_some(listing)
    }

    /// When the service has to be stopped if the lease is not renewed until then.
    pub(crate) fn lease_deadline(&self) -> Option<Instant> {
        let ends = self.reporter.lease_ends()?;
        let lease = self.spec.fence.lease_seconds?.duration();
        let reserve = (self.grace() + LEASE_MARGIN).min(lease / 2);
        ends.checked_sub(reserve)
    }

    pub(crate) fn lease(&self, seen: &Seen, phase: Phase) -> LeaseState {
        let runs_out = match self.lease_deadline() {
            Some(deadline) => Instant::now() >= deadline,
            // An earlier run of the agent may have left the service up, and nobody knows since when its lease has not been renewed.
            None => self.reporter.has_lease() && phase != Phase::Down && !matches!(seen, Seen::Read(_)),
        };
        if runs_out { LeaseState::RunsOut } else { LeaseState::Holds }
    }

    /// Whether the lease is over: from now on the controller may count on it that nothing writes here.
    pub(crate) fn lease_has_expired(&self, why: &DutyReason) -> bool {
        match self.reporter.lease_ends() {
            Some(ends) => Instant::now() >= ends,
            // One that was started anew does not know: where it can't renew, it has to assume so.
            None => *why == DutyReason::LeaseRunsOut,
        }
    }
}

/// The volumes of a spec that are to be mounted, with their mount points: those above before those below.
pub(crate) fn mounts(spec: &Spec) -> Vec<(VolumeName, PathBuf)> {
    let with_mount = spec.volumes.iter().filter_map(|it| Some((it.name.clone(), PathBuf::from(it.mount.as_ref()?))));
    let mut mounts: Vec<_> = with_mount.collect();
    mounts.sort_by_key(|(_, mount)| mount.components().count());
    mounts
}

/// How long stopping may take: what the controller waits for it.
pub(crate) fn grace(spec: &Spec) -> Duration {
    spec.fence.stop_grace_seconds.duration().max(LEAST_GRACE)
}
