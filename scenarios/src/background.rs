//! Background faults: what AWS may do on any day, more of it than on most, drawn from the seed.

use failover_simulator::faults::{CallFault, EventFault};
use failover_simulator::{Fault, FaultError, Region};
use fastrand::Rng;

/// Longer than any scenario takes.
const ALWAYS_SECONDS: f64 = 86_400.0;
/// How often a best-effort event is lost, and how often one comes twice.
const LOST_OR_DOUBLED: f64 = 0.05;
/// Apart from the seeds of the region and of the SDK's jitter.
const STREAM: u64 = 0x7765_6174_6865_7221;

/// Events are lost, doubled, late and out of order; calls are throttled; reads are old.
pub(crate) fn begin(region: &Region, seed: u64) -> Result<(), FaultError> {
    let mut random = Rng::with_seed(seed ^ STREAM);
    let faults = [
        Fault::Events(EventFault::Lose { probability: LOST_OR_DOUBLED }),
        Fault::Events(EventFault::Repeat { probability: LOST_OR_DOUBLED }),
        Fault::Events(EventFault::Reorder { probability: LOST_OR_DOUBLED }),
        Fault::Events(EventFault::Delay { low_seconds: random.f64() * 2.0, high_seconds: 5.0 + random.f64() * 55.0 }),
        Fault::Calls(CallFault::Throttle {
            action: None,
            for_seconds: ALWAYS_SECONDS,
            probability: random.f64() * 0.15,
        }),
        Fault::Calls(CallFault::StaleReads { lag_seconds: 1.0 + random.f64() * 7.0 }),
    ];
    faults.into_iter().try_for_each(|fault| region.inject(fault))
}
