//! Scenarios against the simulated region: what happens, how it must end, and a judge who asks the region, not the controller.

mod agents;
mod broken;
mod judge;
pub mod layout;
mod meddle;
mod play;
pub mod scenario;
mod stories;
mod weather;

pub use agents::Agents;
pub use broken::Breakage;
pub use judge::Finding;
pub use meddle::{Crash, Meddling};
pub use play::{Played, play, play_traced};
pub use scenario::{Expect, Scenario};
pub use stories::SCENARIOS;

/// The scenario of a name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
