//! The region's chance: independent generators, all from its seed.

use fastrand::Rng;

/// Independent generators, so that one more call does not change how long a stop takes.
#[derive(Debug)]
pub(crate) struct Chance {
    pub(crate) timing: Rng,
    pub(crate) latency: Rng,
    pub(crate) consistency: Rng,
    pub(crate) events: Rng,
    pub(crate) faults: Rng,
    /// The last to fork, so that regions without groups are as they were before there were any.
    pub(crate) scaling: Rng,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let mut root = Rng::with_seed(seed);
        Self {
            timing: root.fork(),
            latency: root.fork(),
            consistency: root.fork(),
            events: root.fork(),
            faults: root.fork(),
            scaling: root.fork(),
        }
    }
}
