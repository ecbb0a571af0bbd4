//! Boot agents: a double of what runs in the guests. The controller hears of them through the table of ledgers only.
//!
//! Each guest that is up has one. It reads the ledger and its metadata service every other second, lets its service run while the ledger
//! names its instance, stops it when the ledger or a notice says so, and reports. What it reported last counts also after a reboot: once quiet
//! in an epoch, it serves again in a later one only.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use failover_aws::{Clock, Store};
use failover_core::agent::{AgentReport, AgentState};
use failover_core::ids::{InstanceId, ServiceName};
use failover_core::ledger::Ledger;
use failover_core::world::Sight;
use failover_simulator::Region;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};

use crate::finding::Finding;
use crate::layout::{Agents, GROUP};

/// How often an agent reads the ledger and its notices.
const ROUND: Duration = Duration::from_secs(2);
/// How often it reports if nothing changes.
const HEARTBEAT: SignedDuration = SignedDuration::from_secs(10);
/// How soon after its guest an agent is up.
const BOOT_POLL: Duration = Duration::from_secs(1);

/// What an agent has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Another instance is named.
    Wait,
    /// The service is to run here.
    Serve,
    /// It is to stop here, and its volumes are to be let go.
    Quiesce,
}

/// What speaks for serving here and what against it. `quiet_in` is the epoch in which this instance reported that it is quiet.
fn task(ledger: &Ledger, instance: &InstanceId, leaves: bool, quiet_in: Option<u64>) -> Task {
    let fenced = ledger.failover.as_ref().is_some_and(|failover| {
        failover.from.instance_id == *instance && !failover.is_promoted() && failover.has_begun_to_fence()
    });
    // A planned failover holds it in its group until the replacement is well: until then it serves.
    let held = ledger.failover.as_ref().is_some_and(|failover| {
        failover.from.instance_id == *instance && failover.planned && !failover.has_begun_to_fence()
    });
    let quiet = quiet_in.is_some_and(|epoch| epoch >= ledger.epoch);
    if ledger.active != *instance {
        Task::Wait
    } else if fenced || (leaves && !held) || quiet {
        Task::Quiesce
    } else {
        Task::Serve
    }
}

/// The agents of a region's guests.
pub(crate) struct GuestAgents {
    pub(crate) region: Region,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) service: ServiceName,
    pub(crate) kind: Agents,
    /// Whether a launch hook holds instances.
    pub(crate) holds: bool,
    /// What is not as it must be, as only the guests can tell.
    pub(crate) findings: Rc<RefCell<Vec<Finding>>>,
}

impl GuestAgents {
    /// Runs an agent in each guest that is up. Never ends.
    pub(crate) async fn run(self) {
        let shared = Rc::new(self);
        let mut at_work: BTreeSet<String> = shared.region.guests_up().into_iter().collect();
        let mut agents = FuturesUnordered::new();
        // What exists from the start is in service already.
        agents.extend(at_work.iter().filter_map(|id| Agent::new(&shared, id, false)).map(Agent::live));
        loop {
            for id in shared.region.guests_up() {
                if !at_work.contains(&id) {
                    agents.extend(Agent::new(&shared, &id, true).map(Agent::live));
                    at_work.insert(id);
                }
            }
            tokio::select! {
                biased;
                Some(gone) = agents.next(), if !agents.is_empty() => drop(at_work.remove(&gone)),
                () = tokio::time::sleep(BOOT_POLL) => {}
            }
        }
    }
}

/// The agent of one guest, from its boot to its end.
struct Agent {
    at: Rc<GuestAgents>,
    id: String,
    instance: InstanceId,
    /// It is not in service yet: its launch hook has to wait for it.
    is_new: bool,
    /// Whether its own last report was read.
    remembers: bool,
    quiet_in: Option<u64>,
    reported: Option<AgentReport>,
}

impl Agent {
    fn new(at: &Rc<GuestAgents>, id: &str, is_new: bool) -> Option<Self> {
        let instance = InstanceId::new(id).ok()?;
        let (at, id) = (Rc::clone(at), id.to_owned());
        Some(Self { at, id, instance, is_new, remembers: false, quiet_in: None, reported: None })
    }

    async fn live(mut self) -> String {
        while let Some(view) = self.at.region.agent_view(&self.id) {
            if view.online {
                self.round().await;
            }
            tokio::time::sleep(ROUND).await;
        }
        self.id
    }

    async fn round(&mut self) {
        let Ok(Some(stored)) = self.at.store.read(&self.at.service).await else { return };
        if !self.remembers && !self.remember().await {
            return;
        }
        // The guest may have gone down meanwhile.
        let Some(view) = self.at.region.agent_view(&self.id) else { return };
        let ledger = stored.ledger;
        let state = match task(&ledger, &self.instance, self.leaves(), self.quiet_in) {
            Task::Serve => {
                self.at.region.resume(&self.id);
                if view.serves { AgentState::Ready } else { AgentState::Starting }
            }
            Task::Wait | Task::Quiesce if view.serves && self.at.kind == Agents::NeverStopping => AgentState::Ready,
            Task::Wait if !view.serves => AgentState::Waiting,
            Task::Wait | Task::Quiesce => {
                self.at.region.quiesce(&self.id);
                self.quiet_in = self.quiet_in.max(Some(ledger.epoch));
                AgentState::Quiesced
            }
        };
        self.report(ledger.epoch, state).await;
    }

    /// Its own last report, as of before a reboot. Tells whether it could be read.
    async fn remember(&mut self) -> bool {
        let reports = self.at.store.reports(&self.at.service).await;
        let last = match reports.sight(&self.instance) {
            Sight::Known(report) => Some(report),
            Sight::Absent => None,
            Sight::Unknown(_) => return false,
        };
        self.quiet_in = last.filter(|last| last.state == AgentState::Quiesced).map(|last| last.epoch);
        self.remembers = true;
        true
    }

    /// What has changed is reported at once, the rest now and then.
    async fn report(&mut self, epoch: u64, state: AgentState) {
        let at: Timestamp = self.at.clock.now();
        let known = self.reported.as_ref().filter(|last| last.epoch == epoch && last.state == state);
        if known.is_some_and(|last| at.duration_since(last.at) < HEARTBEAT) {
            return;
        }
        if state == AgentState::Ready && self.is_new {
            self.is_new = false;
            self.was_held();
        }
        let report = AgentReport { epoch, state, at, lease_seconds: None };
        if self.at.store.report(&self.at.service, &self.instance, &report).await.is_ok() {
            self.reported = Some(report);
        }
    }

    /// The launch hook has to hold an instance until its agent says that the service is ready.
    fn was_held(&self) {
        let members = self.at.region.group_members(GROUP);
        let state = members.iter().find(|it| it.instance == self.id).map(|it| it.lifecycle_state);
        if self.at.holds && state == Some("InService") {
            let found = format!("{} was in service before its agent was ready", self.id);
            self.at.findings.borrow_mut().push(Finding::new("a launch waits for the agent", found));
        }
    }

    /// Whether the metadata service says that the instance is to go.
    fn leaves(&self) -> bool {
        let target = self.metadata("/latest/meta-data/autoscaling/target-lifecycle-state");
        target.as_deref() == Some("Terminated") || self.metadata("/latest/meta-data/spot/instance-action").is_some()
    }

    /// An item of the metadata service, version 2: a token first, then what is asked for.
    fn metadata(&self, path: &str) -> Option<String> {
        let ask = |method: Method, path: &str, header: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).ok()?;
            let headers = HeaderMap::from_iter([(http::HeaderName::from_static(header), value)]);
            let answer = self.at.region.metadata(&self.id, &method, path, &headers)?;
            (answer.status == StatusCode::OK).then_some(answer.body)
        };
        let token = ask(Method::PUT, "/latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds", "60")?;
        ask(Method::GET, path, "x-aws-ec2-metadata-token", &token)
    }
}
