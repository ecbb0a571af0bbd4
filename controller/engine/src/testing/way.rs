//! The way to the region: what was called on it, and what happens there.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use failover_aws::{Transport, TransportError};
use failover_simulator::Region;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::SignedDuration;

/// A call as whoever made it sent it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `StopInstances`, `UpdateItem`, ...
    pub(crate) action: String,
    /// As it was sent: a form for EC2 and Auto Scaling, JSON for DynamoDB and SSM.
    pub(crate) body: String,
    pub(crate) by: String,
}

impl Call {
    pub(crate) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    /// Whether it changes what AWS has beside the controller's own records.
    pub(crate) fn is_effect(&self) -> bool {
        let reads = ["Describe", "Get", "Query", "Update", "Put", "Delete", "Publish"];
        self.action == "DeleteSnapshot"
            || self.action == "DeleteVolume"
            || !reads.iter().any(|read| self.action.starts_with(read))
    }

    /// Whether it replaces a ledger.
    pub(crate) fn is_write(&self) -> bool {
        self.action == "UpdateItem" && self.has("SET body = :body")
    }

    /// Whether it gives a lease back.
    pub(crate) fn is_release(&self) -> bool {
        self.action == "UpdateItem" && self.has("REMOVE lease_holder")
    }
}

/// What happens at a call.
pub(crate) enum At {
    /// Nothing beyond it.
    Nothing,
    /// This, before the call reaches AWS.
    Before(BoxFuture<'static, ()>),
    /// This, after AWS has done it and before its answer is seen.
    After(BoxFuture<'static, ()>),
}

impl At {
    pub(crate) fn before(what: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Before(what.boxed())
    }

    pub(crate) fn after(what: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::After(what.boxed())
    }
}

pub(super) type Rule = Box<dyn FnMut(&Call) -> At + Send>;

/// The way to the region: what was called, and what happens there.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) region: Region,
    pub(super) by: String,
    pub(super) shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) calls: Mutex<Vec<Call>>,
    pub(super) rules: Mutex<Vec<Rule>>,
}

impl fmt::Debug for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Way")
    }
}

impl Transport for Way {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let call = read(&request, &self.by);
        self.shared.calls.lock().unwrap().push(call.clone());
        let at: Vec<At> = self.shared.rules.lock().unwrap().iter_mut().map(|rule| rule(&call)).collect();
        let region = self.region.clone();
        async move {
            let mut after = Vec::new();
            for what in at {
                match what {
                    At::Nothing => {}
                    At::Before(what) => what.await,
                    At::After(what) => after.push(what),
                }
            }
            let answer = region.call(request).await.map_err(|error| TransportError::Broken(error.to_string()));
            for what in after {
                what.await;
            }
            answer
        }
        .boxed()
    }
}

fn read(request: &http::Request<Bytes>, by: &str) -> Call {
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let target = request.headers().get("x-amz-target").map(|value| value.to_str().unwrap());
    let in_target = target.and_then(|target| target.split_once('.')).map(|(_, action)| action.to_owned());
    let in_form = || body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
    // CloudWatch's protocol has the action in its path (aws-facts 10).
    let in_path = || request.uri().path().rsplit('/').next().unwrap().to_owned();
    let action = in_target.or_else(in_form).unwrap_or_else(in_path);
    Call { action, body, by: by.to_owned() }
}

/// How far a controller's clock is ahead of the region's; a host that was suspended finds it ahead at once.
#[derive(Clone, Default)]
pub(crate) struct Ahead(Arc<AtomicI64>);

impl Ahead {
    pub(crate) fn by(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    pub(super) fn seconds(&self) -> SignedDuration {
        SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }
}
