//! The stage of a story: the region, the controller's way to it, and everything that happens on it, one after another.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use failover_aws::{Aws, Clock};
use failover_core::ids::ServiceName;
use failover_core::ledger::Ledger;
use failover_core::report::Report;
use failover_engine::{Deadline, Engine, Names};
use failover_lambda::{Invocation, handle};
use failover_simulator::{Fault, Region};
use futures::StreamExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::Instant;

use super::queue::{Event, Queue};
use super::settled::{Settled, rest};
use crate::agents::GuestAgents;
use crate::background;
use crate::broken::Breakage;
use crate::bystanders::Bystanders;
use crate::embedded;
use crate::finding::Finding;
use crate::injected::InjectedFaults;
use crate::layout::{Agents, Group, Layout, Made, REGION, SERVICE, region_setup};
use crate::people::{Deed, Done, People};
use crate::scenario::{Act, Expect, Happening, Scenario};
use crate::transport::FaultyTransport;

/// The topic that hears of failovers.
const TOPIC: &str = "failover";
/// Lambda's longest time limit.
const LAMBDA_TIMEOUT: Duration = Duration::from_mins(15);
/// How far a host's clock may be off.
const MOST_SKEW_SECONDS: i64 = 300;
/// A controller that has not settled by then does not converge.
const LONGEST: Duration = Duration::from_hours(4);

pub(super) struct Stage<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) seed: u64,
    pub(super) region: Region,
    pub(super) made: Made,
    pub(super) transport: FaultyTransport,
    faults: InjectedFaults,
    names: Names,
    /// The operators' own way to the region, into which no faults are injected.
    operator: Engine,
    numbers: u64,
    findings: Vec<Finding>,
    /// What the agents found.
    found_by_agents: Rc<RefCell<Vec<Finding>>>,
    queue: Queue,
    running: FuturesUnordered<LocalBoxFuture<'static, (Event, bool)>>,
    /// The events of what is running.
    in_flight: Vec<Event>,
    /// What is still to happen, the next one last.
    script: Vec<Act>,
    /// Who else is in the account, if the script has something for them to do.
    people: Option<People>,
    at_work: FuturesUnordered<LocalBoxFuture<'static, Option<Done>>>,
    done: Vec<Done>,
    /// The most that an operator accepts to lose.
    accepted_seconds: u64,
    is_undisturbed: bool,
    asks_for_drills_only: bool,
    do_no_harm: bool,
}

/// What is next.
enum Next {
    /// The controller dies.
    Crash,
    /// An invocation has ended, well or not.
    Ended(Event, bool),
    /// The script goes on.
    Act(Act),
    /// Somebody has done something.
    Done(Option<Done>),
    /// An event reaches the Lambda.
    Arrived(Event),
}

impl<'a> Stage<'a> {
    pub(super) fn set(
        scenario: &'a Scenario,
        script: impl FnOnce(&Made) -> Vec<Act>,
        seed: u64,
        faults: InjectedFaults,
    ) -> Self {
        let region = Region::new(region_setup(seed, scenario.layout.agents()));
        let made = scenario.layout.build(&region);
        let transport = FaultyTransport::new(&region, faults, &made);
        let names = Names { topic: region.add_topic(TOPIC), ..Names::default() };
        let operator = embedded::engine(&region, REGION, &Names::default(), "operator");
        let mut script = script(&made);
        script.sort_by_key(|act| Reverse(act.at_seconds));
        let accepted = script.iter().filter_map(|act| match &act.what {
            Happening::Event(event) => event.get("accept_data_loss_seconds")?.as_u64(),
            Happening::Fault(_) | Happening::Deed { .. } => None,
        });
        let accepted_seconds = accepted.max().unwrap_or(0);
        let disturbs = |act: &Act| matches!(&act.what, Happening::Fault(fault) if fault.get("calls").is_some());
        let is_undisturbed =
            !(script.iter().any(disturbs) || faults.background || faults.double_calls || faults.crash.is_some());
        let asks_for_drills_only = script.iter().all(|act| match &act.what {
            Happening::Event(event) => event.get("drill").and_then(Value::as_bool) == Some(true),
            Happening::Fault(_) | Happening::Deed { .. } => true,
        });
        let do_no_harm = script.iter().all(|act| match &act.what {
            Happening::Deed { deed, .. } => deed.is_harmless(),
            Happening::Event(_) => true,
            Happening::Fault(_) => false,
        });
        let has_deeds = script.iter().any(|act| matches!(act.what, Happening::Deed { .. }));
        let people = has_deeds.then(|| People::settle(&region, &scenario.layout, &made));
        Self {
            scenario,
            seed,
            region,
            made,
            transport,
            faults,
            names,
            operator,
            numbers: 0,
            findings: Vec::new(),
            found_by_agents: Rc::default(),
            queue: Queue::default(),
            running: FuturesUnordered::new(),
            in_flight: Vec::new(),
            script,
            people,
            at_work: FuturesUnordered::new(),
            done: Vec::new(),
            accepted_seconds,
            is_undisturbed,
            asks_for_drills_only,
            do_no_harm,
        }
    }

    /// From the service's adoption until all is settled.
    pub(super) async fn play(&mut self) {
        match self.adopt().await {
            Ok(()) => self.until_settled().await,
            Err(error) => self.findings.push(Finding::new("set-up", error)),
        }
    }

    async fn adopt(&self) -> Result<(), String> {
        self.operator.store().create_table().await.map_err(|error| error.to_string())?;
        let applied = self.operator.apply(&self.scenario.layout.failover_toml(&self.made)).await;
        applied.map_err(|error| error.to_string())?;
        // People set up while all is well.
        if self.faults.background {
            background::begin(&self.region, self.seed).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn until_settled(&mut self) {
        let started = Instant::now();
        let last_act = Duration::from_secs(self.script.first().map_or(0, |act| act.at_seconds));
        let mut agents = self.agents();
        let mut settled = Settled::default();
        loop {
            match self.next(started, &mut agents).await {
                Next::Crash => self.crash(),
                Next::Ended(event, succeeded) => self.ended(event, succeeded),
                Next::Act(act) => self.happen(act.what),
                Next::Done(done) => self.done.extend(done),
                Next::Arrived(event) => self.arrive(&event),
            }
            let elapsed = started.elapsed();
            if elapsed > LONGEST {
                let found = format!("not settled after {} s", LONGEST.as_secs());
                self.findings.push(Finding::new("does not converge", found));
                return;
            }
            let all_happened =
                self.script.is_empty() && self.queue.is_empty() && self.running.is_empty() && self.at_work.is_empty();
            if all_happened {
                let ledger = self.ledger().await;
                if settled.is_reached(rest(ledger, self.scenario.expect, elapsed, last_act)) {
                    return;
                }
            }
        }
    }

    /// Waits for what is next. What comes at the same moment comes in this order, so that a story is always the same.
    async fn next(&mut self, started: Instant, agents: &mut LocalBoxFuture<'static, ()>) -> Next {
        let next_act = self.script.last().map(|act| started + Duration::from_secs(act.at_seconds));
        let next_queued = self.queue.next_at();
        loop {
            tokio::select! {
                biased;
                () = self.transport.crash() => return Next::Crash,
                Some((event, succeeded)) = self.running.next(), if !self.running.is_empty() => {
                    return Next::Ended(event, succeeded);
                }
                Some(done) = self.at_work.next(), if !self.at_work.is_empty() => return Next::Done(done),
                () = sleep_until(next_act) => {
                    if let Some(act) = self.script.pop() {
                        return Next::Act(act);
                    }
                }
                () = sleep_until(next_queued) => {
                    if let Some(event) = self.queue.pop() {
                        return Next::Arrived(event);
                    }
                }
                () = &mut *agents => {}
                delivery = self.region.next_delivery() => {
                    return Next::Arrived(Event::new(delivery.event, self.next_number()));
                }
            }
        }
    }

    /// The process is gone, and with it whatever it was doing.
    fn crash(&mut self) {
        self.running.clear();
        for event in std::mem::take(&mut self.in_flight) {
            self.queue.again(event);
        }
    }

    fn ended(&mut self, event: Event, succeeded: bool) {
        if let Some(index) = self.in_flight.iter().position(|it| it.request_id == event.request_id) {
            self.in_flight.swap_remove(index);
        }
        if !succeeded {
            self.queue.again(event);
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Event(payload) => {
                let number = self.next_number();
                self.arrive(&Event::new(payload, number));
            }
            Happening::Deed { deed, pick } => self.act(deed, pick),
            Happening::Fault(json) => {
                let injected =
                    Fault::from_json(json.to_string().as_bytes()).and_then(|fault| self.region.inject(fault));
                // What nobody wrote may also be something that can't happen just then.
                if let Err(error) = injected
                    && self.scenario.expect != Expect::Anything
                {
                    self.findings.push(Finding::new("script", format!("{json}: {error}")));
                }
            }
        }
    }

    fn act(&mut self, deed: Deed, pick: usize) {
        if let Some(people) = &self.people {
            self.at_work.push(Box::pin(people.clone().act(deed, pick)));
        }
    }

    /// What everybody else did, and what is theirs.
    pub(super) fn bystanders(&self) -> Bystanders {
        let (done, witness) = (self.done.clone(), self.transport.witness());
        let mut theirs = self.people.as_ref().map(People::theirs).unwrap_or_default();
        theirs.retain(|id| !witness.made.contains(id));
        // Also what is gone by now.
        theirs.extend(done.iter().filter_map(|done| done.made.clone()));
        let notices = self.names.topic.iter().flat_map(|topic| self.region.messages(topic)).collect();
        Bystanders {
            theirs,
            done,
            accepted_seconds: self.accepted_seconds,
            witness,
            is_undisturbed: self.is_undisturbed,
            asks_for_drills_only: self.asks_for_drills_only,
            do_no_harm: self.do_no_harm,
            notices,
        }
    }

    /// Each controller gets the event.
    fn arrive(&mut self, event: &Event) {
        if self.faults.double_events && !event.is_copy {
            self.queue.double(event);
        }
        let controllers = if self.faults.two_controllers { 2 } else { 1 };
        for _ in 0..controllers {
            self.in_flight.push(event.clone());
            let invocation = self.invoke(event.clone());
            self.running.push(invocation);
        }
    }

    /// A Lambda process of its own, with this event.
    fn invoke(&mut self, event: Event) -> LocalBoxFuture<'static, (Event, bool)> {
        let number = self.next_number();
        let holder = format!("lambda-{number}");
        let clock = self.clock_of_host(number);
        let aws = Aws::over(Arc::new(self.transport.of(&holder)), clock, REGION);
        let engine = Engine::new(aws, &self.names, holder);
        Box::pin(async move {
            let deadline = Deadline::within(LAMBDA_TIMEOUT);
            let invocation = Invocation { deadline, request_id: Some(event.request_id.clone()) };
            match handle(&engine, event.payload.clone(), invocation).await {
                Ok(_) => (event, true),
                Err(error) => {
                    tracing::warn!(error = %error.text(), "the invocation failed");
                    (event, false)
                }
            }
        })
    }

    /// The clock of the host that a process runs on: as the region's, or off by minutes.
    fn clock_of_host(&self, number: u64) -> Clock {
        let is_off = self.faults.skewed_clocks || self.faults.breakage == Some(Breakage::BelievesItsClock);
        if !is_off {
            return embedded::clock(&self.region);
        }
        let mut random = fastrand::Rng::with_seed(self.seed ^ number);
        let behind = SignedDuration::from_secs(random.i64(-MOST_SKEW_SECONDS..=MOST_SKEW_SECONDS));
        let region = self.region.clone();
        Clock::new(move || {
            let right = embedded::wall_time(region.wall_now());
            right.checked_sub(behind).unwrap_or(right)
        })
    }

    /// The agents in the guests, if the scenario has any. They never end.
    fn agents(&self) -> LocalBoxFuture<'static, ()> {
        let kind = self.scenario.layout.agents();
        match ServiceName::new(SERVICE) {
            Ok(service) if kind != Agents::None => {
                let (region, store) = (self.region.clone(), self.operator.store().clone());
                let holds = matches!(self.scenario.layout, Layout::Group(Group { hooks: true, .. }));
                let (clock, findings) = (embedded::clock(&self.region), Rc::clone(&self.found_by_agents));
                Box::pin(GuestAgents { region, store, clock, service, kind, holds, findings }.run())
            }
            _ => Box::pin(std::future::pending()),
        }
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) async fn ledger(&self) -> Option<Ledger> {
        let service = ServiceName::new(SERVICE).ok()?;
        self.operator.store().read(&service).await.ok().flatten().map(|stored| stored.ledger)
    }

    /// Reports as the history keeps them, oldest first: an answer may be lost with the invocation that would have given it.
    pub(super) async fn history(&self) -> Vec<Report> {
        let Ok(service) = ServiceName::new(SERVICE) else { return Vec::new() };
        let mut reports = self.operator.history(&service, 100).await.unwrap_or_default();
        reports.reverse();
        reports
    }

    /// What was found while the story was played.
    pub(super) fn findings(&self) -> Vec<Finding> {
        self.findings.iter().chain(self.found_by_agents.borrow().iter()).cloned().collect()
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
