//! The glue between the controller's SDK clients and a region that lives in this process.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use failover_aws::{Aws, Clock, Transport, TransportError};
use failover_engine::{Engine, Names};
use failover_simulator::Region;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::jitter::Jitter;

#[derive(Debug)]
struct InProcess {
    region: Region,
    jitter: Jitter,
}

impl Transport for InProcess {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let (region, reseeding) = (self.region.clone(), self.jitter.reseeding());
        // No answer: the request may have been received, and may have had its effect.
        async move {
            let _reseeding = reseeding;
            region.call(request).await.map_err(|error| TransportError::Broken(error.to_string()))
        }
        .boxed()
    }
}

/// The region, in place of the network.
pub fn transport(region: &Region) -> Arc<dyn Transport> {
    Arc::new(InProcess { region: region.clone(), jitter: Jitter::from_thread() })
}

/// The region's wall clock.
pub fn clock(region: &Region) -> Clock {
    let region = region.clone();
    Clock::new(move || wall_time(region.wall_now()))
}

/// A region's wall time lies within a few years of 2026, so that the conversion can't fail; 1970 would be seen at once.
pub fn wall_time(at: SystemTime) -> Timestamp {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The SDK clients over the region.
pub fn aws(region: &Region, region_name: &str) -> Aws {
    Aws::over(transport(region), clock(region), region_name)
}

/// A controller over the region. `holder` names it in leases: two that run at once must not share one.
pub fn engine(region: &Region, region_name: &str, names: &Names, holder: &str) -> Engine {
    Engine::new(aws(region, region_name), names, holder)
}
