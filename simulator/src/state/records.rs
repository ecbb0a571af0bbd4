//! What was called and what happened, for whoever measures.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::time::RegionTime;

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRecord {
    /// Such as `ec2`.
    pub service: &'static str,
    /// Such as `DescribeInstances`.
    pub action: String,
    /// When it was made.
    pub at: RegionTime,
    /// HTTP status of the answer; none if there is none (yet, or ever).
    pub status: Option<u16>,
    /// The error's code.
    pub error_code: Option<String>,
    /// From call to answer.
    pub latency: Option<Duration>,
}

/// A transition that the region carried out, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransitionRecord {
    /// `start`, `stop`, `terminate`, `snapshot`, `create_volume`, `modify_volume`, `attach`, `detach`, `address` or `status_checks`.
    pub kind: &'static str,
    /// The resource's id.
    pub resource: String,
    /// When it was asked for.
    pub requested_at: RegionTime,
    /// When it was done.
    pub done_at: RegionTime,
}

impl TransitionRecord {
    /// From request to end.
    pub fn duration(&self) -> Duration {
        self.done_at.since(self.requested_at)
    }
}

/// The log of calls.
#[derive(Debug)]
pub(crate) struct CallLog {
    pub(crate) records: Vec<CallRecord>,
    /// Calls per service and action.
    pub(crate) counts: BTreeMap<(&'static str, String), u64>,
    pub(crate) keep: bool,
}

impl Default for CallLog {
    fn default() -> Self {
        Self { records: Vec::new(), counts: BTreeMap::new(), keep: true }
    }
}

/// Records of calls are kept up to this many; the counts go on.
const CALLS_KEPT: usize = 1_000_000;

impl CallLog {
    pub(crate) fn begin(&mut self, service: &'static str, action: &str, at: RegionTime) -> Option<usize> {
        if !self.keep || self.records.len() >= CALLS_KEPT {
            return None;
        }
        *self.counts.entry((service, action.to_owned())).or_default() += 1;
        let action = action.to_owned();
        self.records.push(CallRecord { service, action, at, status: None, error_code: None, latency: None });
        Some(self.records.len() - 1)
    }

    pub(crate) fn end(&mut self, index: Option<usize>, status: u16, error_code: Option<String>, now: RegionTime) {
        if let Some(record) = index.and_then(|index| self.records.get_mut(index)) {
            record.status = Some(status);
            record.error_code = error_code;
            record.latency = Some(now.since(record.at));
        }
    }
}
