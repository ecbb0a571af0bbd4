//! Why an instance changed its state, and why it may not, in EC2's words.

use crate::protocol::error::ApiError;
use crate::state::State;
use crate::time::{RegionTime, timestamp};

pub(crate) const USER_INITIATED_SHUTDOWN: (&str, &str) =
    ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown");

impl State {
    pub(crate) fn user_initiated(&self, at: RegionTime) -> String {
        let text = timestamp(self.clock.wall(at));
        let day = text.get(..10).unwrap_or_default();
        let time = text.get(11..19).unwrap_or_default();
        format!("User initiated ({day} {time} GMT)")
    }
}

/// `IncorrectInstanceState` in the words seen in the field.
pub(crate) fn wrong_state(id: &str, participle: &str) -> ApiError {
    ApiError::client(
        "IncorrectInstanceState",
        format!("The instance '{id}' is not in a state from which it can be {participle}."),
    )
}
