//! The controller's way to the region, meddled with: it dies at a call, or every call is made twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use failover_aws::{Transport, TransportError};
use failover_simulator::Region;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::broken::{Asked, Breakage, Broken};
use crate::embedded::Jitter;

/// What is done to the controller, beside what the scenario does to the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is done or not, whatever the others are.
pub struct Meddling {
    /// It dies at this call.
    pub crash: Option<Crash>,
    /// Every call is made twice, and the second answer is given.
    pub double_calls: bool,
    /// Every event arrives twice.
    pub double_events: bool,
    /// Every event is given to two controllers at once.
    pub two_controllers: bool,
    /// Events are lost, doubled, late and out of order, calls are throttled and reads are old, all of it more than usual.
    pub weather: bool,
    /// It does not keep one of its rules.
    pub breakage: Option<Breakage>,
}

/// Where the controller dies. Calls are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Before the call reaches AWS.
    Before(u64),
    /// After AWS has done it, before its answer is seen.
    After(u64),
}

/// The way to the region.
#[derive(Debug)]
pub(super) struct Meddled {
    region: Region,
    meddling: Meddling,
    broken: Option<Broken>,
    calls: AtomicU64,
    crashed: AtomicBool,
    crash: Notify,
    jitter: Jitter,
}

impl Meddled {
    /// `active` is the first active instance.
    pub(super) fn new(region: &Region, meddling: Meddling, active: Option<&str>) -> Arc<Self> {
        let region = region.clone();
        Arc::new(Self {
            region,
            meddling,
            broken: meddling.breakage.map(|breakage| Broken::new(breakage, active)),
            calls: AtomicU64::new(0),
            crashed: AtomicBool::new(false),
            crash: Notify::new(),
            jitter: Jitter::from_thread(),
        })
    }

    /// How many calls the controller made.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether the controller died.
    pub(super) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::Relaxed)
    }

    /// Waits until the controller dies.
    pub(super) async fn crash(&self) {
        self.crash.notified().await;
    }

    /// The controller dies here: its caller never hears of the call again.
    async fn die(&self) -> TransportError {
        self.dies();
        std::future::pending().await
    }

    /// The call as a controller makes it that may be broken.
    async fn ask(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, failover_simulator::TransportError> {
        let Some(broken) = &self.broken else { return self.region.call(request).await };
        match broken.ask(request) {
            Asked::Sent { action, request } => {
                self.region.call(request).await.map(|answer| broken.hear(action.as_deref(), answer))
            }
            Asked::MadeUp(answer) => Ok(answer),
        }
    }

    fn dies(&self) {
        if !self.crashed.swap(true, Ordering::Relaxed) {
            self.crash.notify_one();
        }
    }
}

/// A call that is never answered ends when its caller gives up: that is the moment after it.
struct LastWord<'a> {
    line: &'a Meddled,
    number: u64,
    answered: bool,
}

impl Drop for LastWord<'_> {
    fn drop(&mut self) {
        if !self.answered && self.line.meddling.crash == Some(Crash::After(self.number)) {
            self.line.dies();
        }
    }
}

/// A shared [`Meddled`], as the SDK clients want it.
#[derive(Debug)]
pub(super) struct Line(pub(super) Arc<Meddled>);

impl Transport for Line {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let line = Arc::clone(&self.0);
        let number = line.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let reseeding = line.jitter.reseeding();
        async move {
            let _reseeding = reseeding;
            if line.meddling.crash == Some(Crash::Before(number)) {
                return Err(line.die().await);
            }
            let again = line.meddling.double_calls.then(|| request.clone());
            let mut last_word = LastWord { line: &line, number, answered: false };
            let mut answer = line.ask(request).await;
            if let Some(request) = again {
                answer = line.ask(request).await;
            }
            last_word.answered = true;
            if line.meddling.crash == Some(Crash::After(number)) {
                return Err(line.die().await);
            }
            answer.map_err(|error| TransportError::Broken(error.to_string()))
        }
        .boxed()
    }
}
