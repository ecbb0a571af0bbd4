//! The swarm: stories that nobody wrote. From a seed come a layout, weather, and a sequence of what happens: to the region, and by the hands
//! of people and of other automation. No end is expected of them; what holds in every story has to hold in each.
//!
//! A story that goes wrong is shortened to what it needs to go wrong in the same way.

mod draw;
mod incident;
mod shorten;
mod story;

pub use draw::story;
pub use incident::{Incident, Mishap, What};
pub use shorten::shortest;
pub use story::Story;
