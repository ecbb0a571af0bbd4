//! Plays a scenario: the region's events go through the Lambda's own code, until all is settled.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use failover_aws::Aws;
use failover_core::ids::ServiceName;
use failover_core::ledger::{FenceState, Ledger};
use failover_core::report::Report;
use failover_engine::{Engine, Host, Names};
use failover_lambda::{Invocation, handle};
use failover_simulator::{CallRecord, Fault, Region};
use futures::StreamExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::agents::{Agents, Attendance};
use super::judge::{self, Finding};
use super::layout::{Made, REGION, SERVICE, region_setup};
use super::meddle::{Line, Meddled, Meddling};
use super::scenario::{Act, Expect, Happening, Scenario};
use super::weather;
use crate::embedded;

/// Lambda's longest time limit.
const LAMBDA_TIMEOUT: SignedDuration = SignedDuration::from_mins(15);
/// Lambda hands a failed asynchronous event over again after one minute, then after two.
const RETRY_AFTER: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];
/// A doubled event comes again after this.
const COPY_AFTER: Duration = Duration::from_secs(20);
/// A controller that has not settled by then does not converge.
const LONGEST: Duration = Duration::from_hours(4);
/// What stands still for so long after the last thing that happened is taken for the end, where standing still is expected.
const QUIET: Duration = Duration::from_mins(6);
/// The same where it is not: a halted failover goes on when the world lets it.
const PATIENCE: Duration = Duration::from_mins(30);
/// After a failover, upkeep gets a few ticks to set aside what was left behind.
const AFTERMATH: Duration = Duration::from_secs(130);

/// How a scenario was played, and what the region's ground truth says of it.
#[derive(Debug, Clone, Serialize)]
pub struct Played {
    /// Which.
    pub scenario: &'static str,
    /// From which seed.
    pub seed: u64,
    /// Whether it ended as it must, with every rule kept.
    pub as_expected: bool,
    /// In one word: done, halted, refused, untouched.
    pub outcome: &'static str,
    /// The report of the failover, if there was one.
    pub report: Option<Report>,
    /// What is not as it must be.
    pub findings: Vec<Finding>,
    /// Calls of AWS that the controller made.
    pub api_calls: u64,
    /// Whether the controller was killed on the way.
    pub crashed: bool,
    /// The longest gap in service as clients saw it.
    pub client_downtime_seconds: f64,
    /// Acknowledged writes that the active volumes lack, as time.
    pub lost_seconds: f64,
    /// How long it took, in the region's time.
    pub simulated_seconds: f64,
}

/// Plays a scenario in a region of its own, on a runtime of its own, under virtual time: the same seed, the same story.
pub fn play(scenario: &Scenario, seed: u64, meddling: Meddling) -> std::io::Result<Played> {
    play_traced(scenario, seed, meddling).map(|(played, _)| played)
}

/// The same, with every call that reached the region.
pub fn play_traced(scenario: &Scenario, seed: u64, meddling: Meddling) -> std::io::Result<(Played, Vec<CallRecord>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    // The SDK's retry jitter draws from this thread's generator.
    fastrand::seed(seed);
    // The region's clock is the runtime's: it has to be made inside.
    Ok(runtime.block_on(async {
        let stage = Stage::set(scenario, seed, meddling);
        let region = stage.region.clone();
        (stage.play().await, region.calls())
    }))
}

struct Stage<'a> {
    scenario: &'a Scenario,
    seed: u64,
    meddling: Meddling,
    region: Region,
    made: Made,
    line: Arc<Meddled>,
    aws: Aws,
    /// The operators' own way to the region, which nobody meddles with.
    operator: Engine,
    invocations: u64,
    findings: Vec<Finding>,
    /// What the agents found.
    told_by_guests: Rc<RefCell<Vec<Finding>>>,
    reports: Vec<Report>,
}

/// An event on its way to the Lambda.
#[derive(Debug, Clone)]
struct Event {
    payload: Value,
    request_id: String,
    failures: usize,
    is_copy: bool,
}

/// What must stay the same for a while before a scenario counts as over.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rest {
    epoch: u64,
    halted: Option<String>,
    fenced: bool,
    kept: usize,
}

type Running<'r> = FuturesUnordered<LocalBoxFuture<'r, (Event, bool)>>;

impl<'a> Stage<'a> {
    fn set(scenario: &'a Scenario, seed: u64, meddling: Meddling) -> Self {
        let region = Region::new(region_setup(seed, scenario.layout.agents()));
        let made = scenario.layout.build(&region);
        let line = Meddled::new(&region, meddling, made.active.as_deref());
        let aws = Aws::over(Arc::new(Line(Arc::clone(&line))), embedded::clock(&region), REGION);
        let operator = embedded::engine(&region, REGION, &Names::default(), "operator");
        Self {
            scenario,
            seed,
            meddling,
            region,
            made,
            line,
            aws,
            operator,
            invocations: 0,
            findings: Vec::new(),
            told_by_guests: Rc::default(),
            reports: Vec::new(),
        }
    }

    async fn play(mut self) -> Played {
        match self.adopt().await {
            Ok(()) => self.until_quiet().await,
            Err(error) => self.findings.push(Finding::new("set-up", error)),
        }
        let ledger = self.ledger().await;
        self.reports = self.history().await;
        let mut verdict = judge::judge(self.scenario, &self.made, ledger.as_ref(), &self.reports, &self.region.truth());
        verdict.findings.append(&mut self.findings);
        verdict.findings.append(&mut self.told_by_guests.borrow_mut());
        Played {
            scenario: self.scenario.name,
            seed: self.seed,
            as_expected: verdict.findings.is_empty(),
            outcome: verdict.outcome,
            report: self.reports.last().cloned().or(verdict.running),
            findings: verdict.findings,
            api_calls: self.line.calls(),
            crashed: self.line.has_crashed(),
            client_downtime_seconds: verdict.client_downtime_seconds,
            lost_seconds: verdict.lost_seconds,
            simulated_seconds: self.region.now().seconds(),
        }
    }

    async fn adopt(&self) -> Result<(), String> {
        self.operator.store().create_table().await.map_err(|error| error.to_string())?;
        let applied = self.operator.apply(&self.scenario.layout.failover_toml(&self.made)).await;
        applied.map_err(|error| error.to_string())?;
        // People set up in fair weather.
        if self.meddling.weather {
            weather::over(&self.region, self.seed).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Reports as the history keeps them, oldest first: an answer may be lost with the invocation that would have given it.
    async fn history(&self) -> Vec<Report> {
        let Ok(service) = ServiceName::new(SERVICE) else { return Vec::new() };
        let mut reports = self.operator.history(&service, 100).await.unwrap_or_default();
        reports.reverse();
        reports
    }

    async fn ledger(&self) -> Option<Ledger> {
        let service = ServiceName::new(SERVICE).ok()?;
        self.operator.store().read(&service).await.ok().flatten().map(|stored| stored.ledger)
    }

    async fn until_quiet(&mut self) {
        let started = tokio::time::Instant::now();
        let mut acts: Vec<Act> = (self.scenario.script)(&self.made);
        acts.sort_by_key(|act| Reverse(act.at_seconds));
        let last_act = acts.first().map_or(0, |act| act.at_seconds);
        let mut retries: BinaryHeap<Reverse<(tokio::time::Instant, u64)>> = BinaryHeap::new();
        let mut waiting: std::collections::BTreeMap<u64, Event> = std::collections::BTreeMap::new();
        let running: Running<'_> = FuturesUnordered::new();
        tokio::pin!(running);
        let mut in_flight: Vec<Event> = Vec::new();
        let mut agents = self.agents();
        let mut ended_at: Option<(tokio::time::Instant, Rest)> = None;
        loop {
            let next_act = acts.last().map(|act| started + Duration::from_secs(act.at_seconds));
            let next_retry = retries.peek().map(|Reverse((at, _))| *at);
            let mut arrived: Vec<Event> = Vec::new();
            let mut failed: Vec<Event> = Vec::new();
            tokio::select! {
                biased;
                () = self.line.crash() => {
                    // The process is gone, and with it whatever it was doing.
                    running.clear();
                    failed.append(&mut in_flight);
                }
                Some((event, succeeded)) = running.next(), if !running.is_empty() => {
                    if let Some(index) = in_flight.iter().position(|it| it.request_id == event.request_id) {
                        in_flight.swap_remove(index);
                    }
                    if !succeeded {
                        failed.push(event);
                    }
                }
                () = sleep_until(next_act), if next_act.is_some() => {
                    if let Some(act) = acts.pop() {
                        arrived.extend(self.happen(act.what));
                    }
                }
                () = sleep_until(next_retry), if next_retry.is_some() => {
                    if let Some(Reverse((_, number))) = retries.pop() {
                        arrived.extend(waiting.remove(&number));
                    }
                }
                () = &mut agents => {}
                delivery = self.region.next_delivery() => {
                    arrived.push(self.event(delivery.event));
                }
            }
            for event in failed {
                if let Some(after) = RETRY_AFTER.get(event.failures) {
                    let number = self.next_number();
                    retries.push(Reverse((tokio::time::Instant::now() + *after, number)));
                    waiting.insert(number, Event { failures: event.failures + 1, ..event });
                }
            }
            for event in arrived {
                if self.meddling.double_events && !event.is_copy {
                    let number = self.next_number();
                    retries.push(Reverse((tokio::time::Instant::now() + COPY_AFTER, number)));
                    waiting.insert(number, Event { is_copy: true, ..event.clone() });
                }
                let controllers = if self.meddling.two_controllers { 2 } else { 1 };
                for _ in 0..controllers {
                    in_flight.push(event.clone());
                    running.push(self.invoke(event.clone()));
                }
            }
            let elapsed = started.elapsed();
            if elapsed > LONGEST {
                self.findings
                    .push(Finding::new("does not converge", format!("not settled after {} s", LONGEST.as_secs())));
                return;
            }
            let all_happened = acts.is_empty() && retries.is_empty() && running.is_empty();
            if !all_happened {
                continue;
            }
            let rest = self.rest(elapsed, Duration::from_secs(last_act)).await;
            match (rest, &ended_at) {
                (Some(now), Some((since, then))) if now == *then => {
                    if since.elapsed() >= AFTERMATH {
                        return;
                    }
                }
                (Some(now), _) => ended_at = Some((tokio::time::Instant::now(), now)),
                (None, _) => ended_at = None,
            }
        }
    }

    /// The agents in the guests, if the scenario has any. They never end.
    fn agents(&self) -> LocalBoxFuture<'static, ()> {
        let manner = self.scenario.layout.agents();
        match ServiceName::new(SERVICE) {
            Ok(service) if manner != Agents::None => {
                let (region, store) = (self.region.clone(), self.operator.store().clone());
                let (clock, findings) = (embedded::clock(&self.region), Rc::clone(&self.told_by_guests));
                Box::pin(Attendance { region, store, clock, service, manner, findings }.run())
            }
            _ => Box::pin(std::future::pending()),
        }
    }

    /// How the service rests: a failover is done, or nothing has moved for long enough. None: something is under way.
    async fn rest(&self, elapsed: Duration, last_act: Duration) -> Option<Rest> {
        let patience = match self.scenario.expect {
            Expect::Halted(_) | Expect::Refused(_) | Expect::StandsStill(_) | Expect::Untouched | Expect::Born => QUIET,
            Expect::DoneIn(_) | Expect::DoneWithLoss { .. } | Expect::Done | Expect::DrillIn(_) | Expect::Drill => {
                PATIENCE
            }
        };
        let quiet = elapsed >= last_act + patience;
        // A group is adopted with its first instance.
        let Some(ledger) = self.ledger().await else { return quiet.then(Rest::default) };
        let halted =
            ledger.failover.as_ref().map(|failover| failover.halted.as_ref().map(|halted| halted.reason.clone()));
        let rests = match &halted {
            Some(None) => false,
            None if ledger.is_settled() && ledger.last.is_some() => elapsed > last_act,
            None | Some(Some(_)) => quiet,
        };
        rests.then(|| Rest {
            epoch: ledger.epoch,
            halted: halted.flatten(),
            fenced: ledger.failover.is_some_and(|failover| !matches!(failover.fence, FenceState::Open { .. })),
            kept: ledger.superseded.len(),
        })
    }

    fn happen(&mut self, what: Happening) -> Option<Event> {
        match what {
            Happening::Event(payload) => Some(self.event(payload)),
            Happening::Fault(json) => {
                let injected =
                    Fault::from_json(json.to_string().as_bytes()).and_then(|fault| self.region.inject(fault));
                if let Err(error) = injected {
                    self.findings.push(Finding::new("script", format!("{json}: {error}")));
                }
                None
            }
        }
    }

    fn next_number(&mut self) -> u64 {
        self.invocations += 1;
        self.invocations
    }

    fn event(&mut self, payload: Value) -> Event {
        Event { payload, request_id: format!("request-{}", self.next_number()), failures: 0, is_copy: false }
    }

    /// A Lambda process of its own, with this event.
    fn invoke<'r>(&mut self, event: Event) -> LocalBoxFuture<'r, (Event, bool)> {
        let holder = format!("lambda-{}", self.next_number());
        let engine = Engine::new(self.aws.clone(), embedded::clock(&self.region), &Names::default(), holder);
        Box::pin(async move {
            let ends_at = engine.now().saturating_add(LAMBDA_TIMEOUT).unwrap_or(Timestamp::MAX);
            let invocation = Invocation { host: Host::until(ends_at), request_id: Some(event.request_id.clone()) };
            match handle(&engine, event.payload.clone(), invocation).await {
                Ok(_) => (event, true),
                Err(error) => {
                    tracing::warn!(error = %error.text(), "the invocation failed");
                    (event, false)
                }
            }
        })
    }
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
