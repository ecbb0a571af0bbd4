//! A simulated region in AWS's place, within this process: no network, no account, and under tokio's paused clock no waiting.

mod jitter;
pub mod sample;
mod transport;
pub mod truth;

use failover_aws::{Aws, StoreError};
use failover_engine::{Engine, EngineError, Names};
use failover_simulator::{Region, Setup};
use thiserror::Error;

use crate::layout::REGION;

pub use jitter::Jitter;
pub use sample::Sample;
pub use transport::{aws, clock, engine, transport, wall_time};

/// Why the embedded region does not stand.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// Its table was not made.
    #[error("the table of ledgers was not made")]
    Table(#[from] StoreError),
    /// Its sample service was not adopted.
    #[error("the sample service was not adopted")]
    Adopt(#[from] EngineError),
}

/// A region with the sample service under control.
pub struct Embedded {
    /// The region.
    pub region: Region,
    /// What the sample is made of.
    pub sample: Sample,
    /// The SDK clients over it.
    pub aws: Aws,
}

impl Embedded {
    /// A region from `seed`: the sample's resources, the table, and the sample's spec applied as an operator would.
    ///
    /// Must be called within a tokio runtime: the region's clock is tokio's.
    pub async fn new(seed: u64, names: &Names) -> Result<Self, EmbeddedError> {
        let region = Region::new(Setup { seed, region_name: REGION.to_owned(), ..Setup::default() });
        let sample = sample::add(&region);
        let aws = transport::aws(&region, REGION);
        let engine = Engine::new(aws.clone(), names, "setup");
        engine.store().create_table().await?;
        engine.apply(sample::SPEC).await?;
        Ok(Self { region, sample, aws })
    }
}
