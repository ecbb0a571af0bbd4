//! Faults that wait for calls, or last.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::time::RegionTime;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct CapacityRefusal {
    pub(crate) zone: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) until: RegionTime,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ThrottleFault {
    pub(crate) action: Option<String>,
    pub(crate) until: RegionTime,
    pub(crate) probability: f64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ActionFault {
    pub(crate) action: String,
    pub(crate) left: u32,
    pub(crate) effect: ActionEffect,
}

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionEffect {
    Fail { code: String, status: u16, after_effect: bool },
    Hang { after_effect: bool },
    Slow { seconds: f64 },
}

/// Faults that wait for calls or last.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ActiveFaults {
    pub(crate) capacity: Vec<CapacityRefusal>,
    pub(crate) throttles: Vec<ThrottleFault>,
    pub(crate) actions: Vec<ActionFault>,
    pub(crate) failing_snapshots: u32,
    pub(crate) failing_volumes: u32,
    /// So many volumes that are made with a key find it unusable.
    pub(crate) failing_keys: u32,
    /// By what follows `key/` in their ARNs.
    pub(crate) disabled_keys: BTreeSet<String>,
    pub(crate) stale_reads_seconds: Option<f64>,
    /// Every fault so far, for people to read.
    #[serde(skip)]
    pub(crate) injected: Vec<serde_json::Value>,
}

impl ActiveFaults {
    pub(crate) fn refuses_capacity(&self, instance: Option<&str>, zone: &str, at: RegionTime) -> bool {
        self.capacity.iter().any(|refusal| {
            let named = refusal.zone.as_deref() == Some(zone)
                || (instance.is_some() && refusal.instance.as_deref() == instance);
            named && at < refusal.until
        })
    }

    /// How likely a call is to be throttled now.
    pub(crate) fn throttle_probability(&self, action: &str, at: RegionTime) -> f64 {
        let applies = |throttle: &&ThrottleFault| {
            throttle.action.as_deref().is_none_or(|named| named == action) && at < throttle.until
        };
        self.throttles.iter().filter(applies).fold(0.0, |most, throttle| most.max(throttle.probability))
    }

    /// Takes what waits for this call: one fault of each kind at most.
    pub(crate) fn take_for_call(&mut self, action: &str) -> Vec<ActionEffect> {
        let mut kinds = BTreeSet::new();
        let mut effects = Vec::new();
        for fault in self.actions.iter_mut().filter(|fault| fault.action == action && fault.left > 0) {
            let kind = match fault.effect {
                ActionEffect::Fail { .. } => 0,
                ActionEffect::Hang { .. } => 1,
                ActionEffect::Slow { .. } => 2,
            };
            if kinds.insert(kind) {
                fault.left -= 1;
                effects.push(fault.effect.clone());
            }
        }
        self.actions.retain(|fault| fault.left > 0);
        effects
    }

    pub(crate) fn takes_failing_snapshot(&mut self) -> bool {
        take_one(&mut self.failing_snapshots)
    }

    pub(crate) fn takes_failing_volume(&mut self) -> bool {
        take_one(&mut self.failing_volumes)
    }

    pub(crate) fn takes_failing_key(&mut self) -> bool {
        take_one(&mut self.failing_keys)
    }

    pub(crate) fn is_disabled(&self, key_id: &str) -> bool {
        self.disabled_keys.contains(key_name(key_id))
    }
}

/// What a key is known by, whether its ARN or its id is given: the id, or an alias.
pub(crate) fn key_name(key_id: &str) -> &str {
    let within_account = key_id.rsplit(':').next().unwrap_or(key_id);
    within_account.strip_prefix("key/").unwrap_or(within_account)
}

fn take_one(left: &mut u32) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}
