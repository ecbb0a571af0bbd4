//! Every scenario, by topology.

mod group;
mod standby;

use crate::scenario::Scenario;

/// Every scenario, those of the topology `standby` first.
pub const SCENARIOS: &[Scenario] = &ALL;

const ALL: [Scenario; standby::SCENARIOS.len() + group::SCENARIOS.len()] = all();

const fn all() -> [Scenario; standby::SCENARIOS.len() + group::SCENARIOS.len()] {
    let mut all = [standby::SCENARIOS[0]; standby::SCENARIOS.len() + group::SCENARIOS.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] = match index.checked_sub(standby::SCENARIOS.len()) {
            None => standby::SCENARIOS[index],
            Some(index) => group::SCENARIOS[index],
        };
        index += 1;
    }
    all
}

/// The scenario of a name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
