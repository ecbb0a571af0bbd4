//! The controller over a simulated region within one process: scenarios, each with what happens and how it must end, and a judge who asks the
//! region, not the controller.
//!
//! ```text
//! layout ◄── scenario ◄── stories (all of them)
//!    ▲           ▲
//!    └──── play ─┴──► judge (by the region's ground truth)
//!           │
//!           ├──► transport (injected faults, broken controllers, a witness of what is changed), background faults
//!           └──► boot agents' doubles, people and their other automation
//! ```
//!
//! [`swarm`] draws stories from seeds that nobody wrote, and shortens those that go wrong.
//!
//! [`embedded`] is the region in AWS's place, with a sample service: for the command's `--simulated`, for tests and benchmarks.

mod agents;
mod background;
mod broken;
mod bystanders;
pub mod embedded;
mod finding;
mod injected;
mod judge;
pub mod layout;
mod people;
mod play;
pub mod scenario;
mod stories;
pub mod swarm;
mod transport;
mod witness;

pub use broken::Breakage;
pub use finding::Finding;
pub use injected::{Crash, InjectedFaults};
pub use layout::Agents;
pub use people::{Deed, Done, People};
pub use play::{Played, play, play_traced};
pub use scenario::{Expect, Scenario};
pub use stories::{SCENARIOS, named};
