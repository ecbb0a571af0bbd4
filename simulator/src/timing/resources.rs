//! The lives of resources: instances and their guests, status checks, volumes, snapshots, addresses.

use serde::{Deserialize, Serialize};

use crate::timing::distribution::Distribution;

/// Life of instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceTiming {
    /// `pending` after a launch or a start. Field: 5-17 s.
    pub pending: Distribution,
    /// `stopping` while a guest shuts down. Assumed: 5-60 s.
    pub graceful_stop: Distribution,
    /// When a guest that ignores the shutdown is cut off. AWS: "a few minutes"; assumed: 180-300 s.
    pub graceful_stop_limit: Distribution,
    /// `stopping` with `SkipOsShutdown`. Assumed: 2-15 s.
    pub immediate_stop: Distribution,
    /// A forced stop on a failed host that lets itself be forced. Assumed: 10-600 s.
    pub forced_stop_of_failed_host: Distribution,
    /// How often a guest goes on writing after a forced stop was reported: AWS says "in rare cases". Assumed: never, until set.
    pub late_write_probability: f64,
    /// How long such a guest goes on.
    pub late_write: Distribution,
    /// `shutting-down`. Assumed: 10-120 s.
    pub terminate: Distribution,
    /// `shutting-down` on a failed host. AWS: "several hours" before it is forced; assumed: 10 min to 4 h.
    pub terminate_on_failed_host: Distribution,
    /// How long a terminated instance stays describable. AWS: usually less than an hour.
    pub terminated_visible: Distribution,
    /// From spot warning to the end. AWS: two minutes.
    pub spot_notice: Distribution,
}

impl Default for InstanceTiming {
    fn default() -> Self {
        Self {
            pending: Distribution::between(5.0, 20.0),
            graceful_stop: Distribution::between(5.0, 60.0),
            graceful_stop_limit: Distribution::between(180.0, 300.0),
            immediate_stop: Distribution::between(2.0, 15.0),
            forced_stop_of_failed_host: Distribution::between(10.0, 600.0),
            late_write_probability: 0.0,
            late_write: Distribution::between(1.0, 20.0),
            terminate: Distribution::between(10.0, 120.0),
            terminate_on_failed_host: Distribution::between(600.0, 14_400.0),
            terminated_visible: Distribution::between(1800.0, 3600.0),
            spot_notice: Distribution::fixed(120.0),
        }
    }
}

/// What runs inside instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuestTiming {
    /// From `running` to a guest that answers. Field: 17-23 s.
    pub boot: Distribution,
    /// From a guest that has its volumes to a service that works: mount and start. Assumed: 2-8 s.
    pub service_start: Distribution,
    /// How far into a graceful stop the guest stops writing: a share of the stop's duration.
    pub shutdown_share: f64,
    /// How much a serving guest changes on each of its volumes. Assumed: 1 GiB an hour.
    pub write_gib_per_hour: f64,
}

impl Default for GuestTiming {
    fn default() -> Self {
        Self {
            boot: Distribution::between(15.0, 25.0),
            service_start: Distribution::between(2.0, 8.0),
            shutdown_share: 0.5,
            write_gib_per_hour: 1.0,
        }
    }
}

/// Status checks and alarms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusTiming {
    /// `initializing` after `running`. AWS: "within a few minutes".
    pub initializing: Distribution,
    /// Between two evaluations. AWS: one minute.
    pub check_every_seconds: f64,
    /// From evaluation to a data point that alarms see. Assumed: 5-45 s.
    pub publish_delay: Distribution,
}

impl Default for StatusTiming {
    fn default() -> Self {
        Self {
            initializing: Distribution::between(60.0, 180.0),
            check_every_seconds: 60.0,
            publish_delay: Distribution::between(5.0, 45.0),
        }
    }
}

/// Life of volumes and their attachments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeTiming {
    /// `creating`. Assumed: 2-20 s.
    pub create: Distribution,
    /// `deleting`. Assumed: 1-10 s.
    pub delete: Distribution,
    /// `attaching`. Assumed: 2-15 s.
    pub attach: Distribution,
    /// `detaching` when nothing holds the device. Assumed: 2-10 s.
    pub detach: Distribution,
    /// `detaching` from a stopped instance: there is no guest to wait for. Assumed: 1-4 s.
    pub detach_from_stopped: Distribution,
    /// A forced detach from a guest that holds the device. Assumed: 5-60 s. Asking again may end it sooner, never later.
    pub forced_detach: Distribution,
    /// A forced detach from a failed host. Field: minutes, several tries. Assumed: 30-300 s; each try draws, the earliest end counts.
    pub forced_detach_from_failed_host: Distribution,
    /// Detach of the volumes of an instance that has just terminated. No source; assumed: 1-15 s.
    pub detach_after_terminate: Distribution,
    /// A modification's `modifying`. No source; assumed: 1-10 s.
    pub modifying: Distribution,
    /// From the beginning of `optimizing` to the new size, type and performance. AWS: "usually a few seconds", of the size; assumed: 1-5 s.
    pub modification_effect: Distribution,
    /// `optimizing`, whatever the volume holds. AWS: "a few minutes to a few hours"; assumed: 60-300 s.
    pub optimizing: Distribution,
    /// `optimizing`, for each GiB that the volume holds. AWS: about six hours for a full TiB; assumed: 10-32 s.
    pub optimizing_per_used_gib: Distribution,
    /// Modifications of one volume in a rolling day. AWS: 4.
    pub modifications_a_day: usize,
    /// Reading a restored volume in full when no rate was asked for, in MiB/s. Unpredictable, says AWS; assumed: 40.
    pub default_initialization_mib_per_second: f64,
}

impl Default for VolumeTiming {
    fn default() -> Self {
        Self {
            create: Distribution::between(2.0, 20.0),
            delete: Distribution::between(1.0, 10.0),
            attach: Distribution::between(2.0, 15.0),
            detach: Distribution::between(2.0, 10.0),
            detach_from_stopped: Distribution::between(1.0, 4.0),
            forced_detach: Distribution::between(5.0, 60.0),
            forced_detach_from_failed_host: Distribution::between(30.0, 300.0),
            detach_after_terminate: Distribution::between(1.0, 15.0),
            modifying: Distribution::between(1.0, 10.0),
            modification_effect: Distribution::between(1.0, 5.0),
            optimizing: Distribution::between(60.0, 300.0),
            optimizing_per_used_gib: Distribution::between(10.0, 32.0),
            modifications_a_day: 4,
            default_initialization_mib_per_second: 40.0,
        }
    }
}

/// Life of snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotTiming {
    /// What even an empty difference takes. No source; assumed: 15 s.
    pub base: Distribution,
    /// For each changed GiB. Assumed: 10-30 s.
    pub per_changed_gib: Distribution,
    /// Whether the first snapshot of a restored volume copies all of it. AWS: it goes on from the snapshot that the volume was made from.
    pub first_of_restored_volume_is_full: bool,
    /// Between two snapshots of one volume. AWS: 15 s.
    pub least_interval_seconds: f64,
    /// Pending snapshots of one volume. AWS: 5, and 1 for st1 and sc1.
    pub pending_per_volume: usize,
}

impl Default for SnapshotTiming {
    fn default() -> Self {
        Self {
            base: Distribution::fixed(15.0),
            per_changed_gib: Distribution::between(10.0, 30.0),
            first_of_restored_volume_is_full: false,
            least_interval_seconds: 15.0,
            pending_per_volume: 5,
        }
    }
}

/// Elastic IP addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressTiming {
    /// From the API's success to traffic at the new place. Field: 5-6 s; assumed: 2-8 s.
    pub switch: Distribution,
}

impl Default for AddressTiming {
    fn default() -> Self {
        Self { switch: Distribution::between(2.0, 8.0) }
    }
}
