//! Housekeeping of the boot agents' reports: each instance of a group leaves one behind.

use failover_core::ids::InstanceId;
use failover_core::ledger::Ledger;
use failover_core::world::{Sight, World};
use jiff::{SignedDuration, Timestamp};

use crate::Engine;

/// A report as old as this is no running agent's: a list of instances that lacks its instance does not lack it for being late.
const LONG_SILENT: SignedDuration = SignedDuration::from_hours(1);

/// Deletions in one run: there is one a failover at most, and the lease must not run out over housekeeping.
const MOST: usize = 4;

impl Engine {
    /// Deletes the reports of instances that are no more. What fails is tried again when the service is settled the next time.
    pub(crate) async fn forget_agents(&self, ledger: &Ledger, world: &World) {
        for instance in long_gone(ledger, world, self.now()).into_iter().take(MOST) {
            if let Err(error) = self.store.forget_report(&ledger.service, &instance).await {
                tracing::warn!(service = %ledger.service, %instance, %error, "an agent's report was not deleted");
            }
        }
    }
}

/// Who reported once, and is neither part of the service nor of EC2 any more.
fn long_gone(ledger: &Ledger, world: &World, now: Timestamp) -> Vec<InstanceId> {
    let is_gone = |id: &InstanceId| {
        *id != ledger.active && !ledger.members.contains_key(id) && world.instances.sight(id) == Sight::Absent
    };
    let silent = world.agents.iter_known().filter(|(_, report)| now.duration_since(report.at) > LONG_SILENT);
    silent.filter(|(id, _)| is_gone(id)).map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use failover_core::agent::{AgentReport, AgentState};
    use failover_core::world::Listing;

    use super::*;

    const ACTIVE: &str = "i-00000000000000001";
    const OLD: &str = "i-00000000000000002";

    fn id(text: &str) -> InstanceId {
        InstanceId::new(text).unwrap()
    }

    fn now() -> Timestamp {
        "2026-01-05T09:00:00Z".parse().unwrap()
    }

    fn ledger() -> Ledger {
        serde_json::from_value(serde_json::json!({
            "service": "db", "epoch": 1, "active": ACTIVE, "active_zone": "eu-central-1a",
            "active_since": now().to_string(), "members": {}, "current_volumes": {}, "addresses": [],
        }))
        .unwrap()
    }

    fn world(report_age: SignedDuration) -> World {
        let report = |id_text: &str| {
            (
                id(id_text),
                AgentReport { epoch: 1, state: AgentState::Quiesced, at: now() - report_age, lease_seconds: None },
            )
        };
        let mut world = World::unseen(now());
        world.agents = Listing::known([report(ACTIVE), report(OLD)], now());
        world.instances = Listing::known([], now());
        world
    }

    #[test]
    fn only_reports_of_instances_that_are_surely_no_more_are_forgotten() {
        let day = SignedDuration::from_hours(24);
        assert_eq!(long_gone(&ledger(), &world(day), now()), [id(OLD)]);
        // A list may lack an instance that has just begun to report.
        assert_eq!(long_gone(&ledger(), &world(SignedDuration::from_mins(5)), now()), []);
        let mut unseen = world(day);
        unseen.instances = Listing::unknown("throttled", now());
        assert_eq!(long_gone(&ledger(), &unseen, now()), []);
    }
}
