//! Zones and groups as people read them.

use std::collections::BTreeMap;

use crate::model::zone::Zone;
use crate::state::State;

impl State {
    /// Zones as people read them.
    pub(crate) fn zones_readable(&self) -> BTreeMap<String, serde_json::Value> {
        let readable = |zone: &Zone| match zone.down {
            None => serde_json::json!({"zone_id": zone.id, "subnet_id": zone.subnet_id, "up": true}),
            Some((loss, since)) => {
                serde_json::json!({"zone_id": zone.id, "subnet_id": zone.subnet_id, "up": false, "lost": loss, "since_seconds": since.seconds(), "stuck_transitions": zone.deferred.len()})
            }
        };
        self.zones.values().map(|zone| (zone.name.clone(), readable(zone))).collect()
    }

    /// Groups as people read them.
    pub(crate) fn groups_readable(&self) -> serde_json::Map<String, serde_json::Value> {
        let readable = |group: &crate::model::scaling::group::Group| {
            let members = group.members.values().map(|member| {
                let shown = serde_json::json!({
                    "lifecycle_state": member.state.name(),
                    "health_status": member.health(),
                    "unhealthy_because": member.unhealthy,
                    "zone": member.zone,
                    "protected": member.protected_from_scale_in,
                    "leaving": member.leaving,
                    "open_actions": member.open_actions,
                    "launched_at_seconds": member.launched_at.seconds(),
                });
                (member.instance_id.clone(), shown)
            });
            serde_json::json!({
                "size": group.spec.size,
                "zones": group.spec.zones,
                "maintenance": group.spec.maintenance,
                "hooks": group.hooks,
                "suspended": group.suspended,
                "tags": group.tags,
                "deleting": group.deleting,
                "failed_launches": group.attempts.failures,
                "members": members.collect::<serde_json::Map<_, _>>(),
            })
        };
        self.scaling.groups.iter().map(|(name, group)| (name.to_owned(), readable(group))).collect()
    }
}
