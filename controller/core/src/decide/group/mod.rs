//! An Auto Scaling group of one: the group launches and terminates, the controller sees to it that the data and the address follow.
//!
//! ```text
//! the active goes ─► fence ─► copy, let the volumes go ─► complete its terminate hook
//!                      the group launches another ─► volumes, address ─► complete its launch hook
//! ```
//! The two rows run side by side, in whichever order the group chooses (aws-facts 4.3: it does not wait for one to do the other).

mod fate;
mod first;
mod hooks;
mod known;
mod relocate;
mod replacement;

pub(super) use first::bring_up;
pub(super) use hooks::{is_completing, release_holds, tend, tend_beside};
pub(super) use known::{ambiguity, is_going, known, lifecycle};
pub(super) use relocate::{destination, put_back};
pub(super) use replacement::{choose, newcomer, prepare};
