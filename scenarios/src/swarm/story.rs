//! A story of the swarm, and how it is played.

use std::io;

use super::incident::Incident;
use crate::injected::InjectedFaults;
use crate::layout::Layout;
use crate::play::{self, Played};
use crate::scenario::{Expect, Scenario};

/// A story of the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What it was drawn from, and what the region draws from.
    pub seed: u64,
    /// The service.
    pub layout: Layout,
    /// What is done to the controller.
    pub faults: InjectedFaults,
    /// What happens, in order.
    pub incidents: Vec<Incident>,
}

impl Story {
    /// Plays it.
    pub fn play(&self) -> io::Result<Played> {
        let scenario = Scenario {
            name: "swarm",
            summary: "whatever its seed says",
            layout: self.layout,
            script: |_| Vec::new(),
            expect: Expect::Anything,
        };
        let script = |made: &_| self.incidents.iter().map(|incident| incident.act(&self.layout, made)).collect();
        play::play_script(&scenario, script, self.seed, self.faults).map(|(played, _)| played)
    }
}
