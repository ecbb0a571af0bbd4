//! Without a ledger: an Auto Scaling group of one, whose address says who serves.
//!
//! The one that the address leads to serves. It is taken when it is free, or when its holder is dead or on its way out of the group; a
//! holder that lives and is in service is never robbed. An address that leads elsewhere stops the service here at once.
//!
//! There is no data volume in this: without a ledger nobody knows which copy of the data is the newest.

mod claim;
pub mod judge;

use std::time::Duration;

use failover_aws::{Aws, AwsError, Metadata};
use failover_core::ids::{AddressId, InstanceId};
use failover_core::spec::Spec;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::agent::{Stop, grace};
use crate::boot::{NotUp, start_service};
use crate::duty::InstanceNotice;
use crate::host::notify::Systemd;
use crate::machine::{Context, Machine, Trouble};
use crate::notices::Notices;
use crate::quiesce::take_down;
use crate::watch::Until;
use judge::{AddressHolder, HeldAddress, StandaloneDuty, StandaloneReason, StandaloneView, Standing, duty};

/// Between two observations: the calls count towards the account's limits.
const OBSERVE_EVERY: Duration = Duration::from_secs(3);
/// One observation: several calls.
const OBSERVE_WITHIN: Duration = Duration::from_secs(15);
/// The first pause after a failed start; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How often taking down is tried when the agent is to end.
const LAST_TRIES: u32 = 3;

/// An agent of a service that has no ledger.
#[derive(Debug)]
pub struct Standalone<M> {
    aws: Aws,
    me: InstanceId,
    spec: Spec,
    machine: M,
    notices: Notices,
    systemd: Systemd,
}

/// The service can't be run without a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StandaloneError {
    /// It has data.
    #[error(
        "{0} has [[volume]]s: without a ledger nobody knows which copy of the data is the newest; name the controller's table \
             (table = \"...\" in agent.toml, or FAILOVER_TABLE)"
    )]
    HasVolumes(String),
    /// The service could not be stopped.
    #[error("the service could not be stopped: {0}")]
    StillUp(Trouble),
}

impl<M: Machine> Standalone<M> {
    /// The agent of `spec`'s service on the instance `me`.
    pub fn new(
        aws: &Aws,
        metadata: &Metadata,
        me: InstanceId,
        spec: Spec,
        machine: M,
    ) -> Result<Self, StandaloneError> {
        if !spec.volumes.is_empty() {
            return Err(StandaloneError::HasVolumes(spec.service.to_string()));
        }
        let notices = Notices::new(metadata);
        Ok(Self { aws: aws.clone(), me, spec, machine, notices, systemd: Systemd::default() })
    }

    /// Tells systemd how it goes.
    #[must_use]
    pub fn with_systemd(mut self, systemd: Systemd) -> Self {
        self.systemd = systemd;
        self
    }

    /// Serves while the address leads here. Ends when told to, with the service stopped.
    pub async fn run(&self, mut stop: Stop, until: Until) -> Result<(), StandaloneError> {
        let mut rounds = Rounds { up: Up::Unsure, failures: 0, not_before: None, tries_to_end: 0, told: None };
        self.systemd.ready(None);
        tracing::info!(step = "watching", service = %self.spec.service, instance = %self.me,
            "the agent watches the service's address and its group, without a ledger");
        loop {
            let view = self.observe(&stop).await;
            let result = self.round(&view, &mut rounds, &stop).await;
            if let Err(trouble) = result {
                if rounds.tries_to_end >= LAST_TRIES {
                    return Err(StandaloneError::StillUp(trouble));
                }
                tracing::error!(step = "not quiesced", %trouble, "the service could not be stopped; it is tried again");
            }
            match (&view.notice, rounds.up, until) {
                (Some(InstanceNotice::Shutdown), Up::Down, _) => {
                    self.systemd.stopping();
                    return Ok(());
                }
                (_, Up::Serving, Until::Ready) => return Ok(()),
                _ => {}
            }
            let status = rounds.told.as_ref().map_or_else(|| "serving".to_owned(), ToString::to_string);
            self.systemd.alive(&status);
            let was_stopped = *stop.borrow();
            tokio::select! {
                biased;
                Ok(()) = stop.changed(), if !was_stopped => {}
                () = sleep_until(Instant::now() + OBSERVE_EVERY) => {}
            }
        }
    }

    async fn round(&self, view: &StandaloneView, rounds: &mut Rounds, stop: &Stop) -> Result<(), Trouble> {
        match duty(view, rounds.up == Up::Serving) {
            StandaloneDuty::Serve if rounds.up == Up::Serving => rounds.tell(None),
            StandaloneDuty::Serve | StandaloneDuty::Take(_)
                if rounds.not_before.is_some_and(|at| Instant::now() < at) => {}
            StandaloneDuty::Serve | StandaloneDuty::Take(_) => {
                rounds.tell(None);
                self.serve(rounds, stop).await;
            }
            StandaloneDuty::Hold(why) => rounds.tell(Some(why)),
            StandaloneDuty::Rest(why) => {
                if rounds.up != Up::Down {
                    tracing::info!(step = "quiescing", %why, "the service is stopped");
                    let serves = rounds.up == Up::Serving;
                    if view.notice == Some(InstanceNotice::Shutdown) {
                        rounds.tries_to_end += 1;
                    }
                    rounds.up = Up::Unsure;
                    self.take_down(serves).await?;
                    rounds.up = Up::Down;
                    tracing::info!(step = "quiet", "nothing of the service runs here");
                }
                rounds.tell(Some(why));
            }
        }
        Ok(())
    }

    /// Starts the service, then takes the address.
    async fn serve(&self, rounds: &mut Rounds, stop: &Stop) {
        let was_up = rounds.up == Up::Serving;
        rounds.up = Up::Unsure;
        if !was_up {
            tracing::info!(step = "claiming", "the service's address may lead here: the service is started");
            match self.start(stop).await {
                Ok(()) => {}
                // The next round sees why, and takes down what was started.
                Err(NotUp::Revoked) => return,
                Err(NotUp::Failed(trouble)) => return self.failed(&trouble, rounds).await,
            }
        }
        match self.take_address(stop).await {
            Ok(true) => {
                rounds.up = Up::Serving;
                rounds.failures = 0;
                rounds.not_before = None;
                tracing::info!(step = "ready", "the service is ready, and its address leads here");
            }
            // Somebody else was quicker: the next round sees who, and takes down what was started.
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the address was not taken; it is checked again"),
        }
    }

    async fn start(&self, stop: &Stop) -> Result<(), NotUp> {
        let (revoke, revoked) = watch::channel(false);
        let context = self.context();
        let mut work = std::pin::pin!(start_service(&self.machine, &self.spec, &context, &revoked));
        let mut watching = std::pin::pin!(self.until_revoked(stop));
        tokio::select! {
            biased;
            why = &mut watching => {
                tracing::warn!(step = "revoked", %why, "starting the service is interrupted");
                revoke.send_replace(true);
                Err(NotUp::Revoked)
            }
            up = &mut work => up,
        }
    }

    async fn until_revoked(&self, stop: &Stop) -> StandaloneReason {
        let mut stop = stop.clone();
        loop {
            let was_stopped = *stop.borrow();
            tokio::select! {
                biased;
                Ok(()) = stop.changed(), if !was_stopped => {}
                () = tokio::time::sleep(OBSERVE_EVERY) => {}
            }
            self.systemd.alive("starting");
            if let StandaloneDuty::Rest(why) = duty(&self.observe(&stop).await, true) {
                return why;
            }
        }
    }

    async fn failed(&self, trouble: &Trouble, rounds: &mut Rounds) {
        let pause = FIRST_PAUSE.saturating_mul(1 << rounds.failures.min(10)).min(LONGEST_PAUSE);
        rounds.failures += 1;
        rounds.not_before = Some(Instant::now() + pause);
        let undone = self.take_down(false).await;
        tracing::error!(step = "failed", %trouble, "the service is not running; the next try is in {} s", pause.as_secs());
        match undone {
            Ok(()) => rounds.up = Up::Down,
            Err(also) => tracing::error!(%also, "what was started could not be stopped"),
        }
    }

    async fn take_down(&self, serves: bool) -> Result<(), Trouble> {
        take_down(&self.machine, &self.spec, &[], &self.context(), serves, grace(&self.spec)).await
    }

    fn context(&self) -> Context {
        Context { service: self.spec.service.to_string(), instance: self.me.to_string(), epoch: None }
    }

    /// What AWS and the metadata service say now.
    async fn observe(&self, stop: &Stop) -> StandaloneView {
        let seen = tokio::time::timeout(OBSERVE_WITHIN, self.standing_and_addresses());
        let (seen, notice) = tokio::join!(seen, self.notices.observe());
        let notice = if *stop.borrow() { Some(InstanceNotice::Shutdown) } else { notice };
        let seen = match seen {
            Ok(seen) => seen.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", OBSERVE_WITHIN.as_secs())),
        };
        StandaloneView { seen, notice }
    }

    async fn standing_and_addresses(&self) -> Result<(Standing, Vec<HeldAddress>), AwsError> {
        let (standing, addresses) = tokio::join!(self.standing(&self.me), self.read_addresses());
        let mut judged = Vec::new();
        for address in addresses? {
            let holder = match &address.association {
                None => AddressHolder::Nobody,
                Some(association) if association.instance.as_ref() == Some(&self.me) => AddressHolder::Me,
                Some(association) => self.other(association).await?,
            };
            judged.push(HeldAddress { allocation: address.allocation, holder });
        }
        Ok((standing?, judged))
    }

    async fn other(&self, association: &failover_aws::claim::Association) -> Result<AddressHolder, AwsError> {
        let id = association.id.clone();
        let Some(instance) = association.instance.clone() else { return Ok(AddressHolder::Interface) };
        let (life, standing) = tokio::join!(self.aws.life_of(&instance), self.standing(&instance));
        Ok(AddressHolder::Other { association: id, instance, life: life?, standing: standing? })
    }

    async fn read_addresses(&self) -> Result<Vec<failover_aws::claim::ServiceAddress>, AwsError> {
        let named: Vec<_> = self.spec.address_ids().map(|AddressId::ElasticIp(allocation)| allocation).collect();
        self.aws.addresses_of(&self.spec.service, &named).await
    }

    async fn standing(&self, instance: &InstanceId) -> Result<Standing, AwsError> {
        Ok(match self.aws.group_standing(instance).await? {
            None => Standing::NoGroup,
            Some(standing) if standing.lifecycle.is_coming_or_in() && standing.healthy => Standing::In,
            Some(standing) if standing.lifecycle.is_coming_or_in() => Standing::Unhealthy,
            Some(standing) if standing.lifecycle.is_going() => Standing::Leaving,
            Some(_) => Standing::Aside,
        })
    }
}

/// How far the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Up {
    Down,
    Unsure,
    Serving,
}

struct Rounds {
    up: Up,
    failures: u32,
    not_before: Option<Instant>,
    tries_to_end: u32,
    told: Option<StandaloneReason>,
}

impl Rounds {
    /// What changes is told once.
    fn tell(&mut self, why: Option<StandaloneReason>) {
        let same_kind =
            matches!((&self.told, &why), (Some(StandaloneReason::Unknown(_)), Some(StandaloneReason::Unknown(_))));
        if self.told != why && !same_kind {
            let why = why
                .as_ref()
                .map_or_else(|| "the address is this instance's, or may be".to_owned(), StandaloneReason::to_string);
            tracing::info!(up = ?self.up, "{why}");
        }
        self.told = why;
    }
}
