//! The laws of the region: how long things take, when calls are refused, what is shown when.
//!
//! Every number can be set. The defaults are AWS's own where AWS publishes one; all others are assumptions, stated with the field, and
//! drawn from the region's seed. Durations are in seconds of region time.

pub(crate) mod address;
pub mod alarm;
pub mod distribution;
pub(crate) mod instance;
pub(crate) mod scaling;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod throttle;
pub(crate) mod volume;
pub(crate) mod zone;

use serde::{Deserialize, Serialize};

pub use distribution::Distribution;
pub use scaling::numbers::ScalingLaws;

/// All laws of a region.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Laws {
    /// Latency, consistency and throttling of calls.
    pub calls: CallLaws,
    /// Life of instances.
    pub instances: InstanceLaws,
    /// What runs inside instances.
    pub guests: GuestLaws,
    /// Status checks and alarms.
    pub status: StatusLaws,
    /// Life of volumes and their attachments.
    pub volumes: VolumeLaws,
    /// Life of snapshots.
    pub snapshots: SnapshotLaws,
    /// Elastic IP addresses.
    pub addresses: AddressLaws,
    /// Delivery of events.
    pub events: EventLaws,
    /// What calls meet in a zone that is down.
    pub zone_down: ZoneDownLaws,
    /// How fast Auto Scaling groups act.
    pub scaling: ScalingLaws,
}

impl Laws {
    /// Laws without chance at the edges: calls take no time, reads never lag, nothing is throttled, events arrive at once, exactly once.
    /// The transitions themselves keep their durations. For tests and for measuring.
    pub fn exact_calls() -> Self {
        Self {
            calls: CallLaws {
                describe_latency: Distribution::NONE,
                mutate_latency: Distribution::NONE,
                run_instances_latency: Distribution::NONE,
                dynamodb_latency: Distribution::NONE,
                ssm_latency: Distribution::NONE,
                scaling_latency: Distribution::NONE,
                other_latency: Distribution::NONE,
                visibility_lag_seconds: 0.0,
                throttling: false,
                ..CallLaws::default()
            },
            events: EventLaws {
                delay: Distribution::NONE,
                loss_probability: 0.0,
                duplicate_probability: 0.0,
                reorder_probability: 0.0,
                ..EventLaws::default()
            },
            ..Self::default()
        }
    }
}

/// Latency, consistency and throttling of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallLaws {
    /// EC2 reads. Assumed: 50-300 ms.
    pub describe_latency: Distribution,
    /// EC2 writes. Assumed: 100-800 ms.
    pub mutate_latency: Distribution,
    /// `RunInstances`: about 1.5 s in the field.
    pub run_instances_latency: Distribution,
    /// `DynamoDB`. Assumed: 5-15 ms.
    pub dynamodb_latency: Distribution,
    /// Systems Manager. Assumed: 20-60 ms.
    pub ssm_latency: Distribution,
    /// Auto Scaling. Assumed: 50-500 ms.
    pub scaling_latency: Distribution,
    /// All other services. Assumed: 20-120 ms.
    pub other_latency: Distribution,
    /// A read shows EC2's state as it was at most this long ago, so that a new id may not be found yet. Assumed: 2 s; zero turns it off.
    pub visibility_lag_seconds: f64,
    /// How often a read lags at all. Assumed: one in ten.
    pub stale_read_probability: f64,
    /// Whether AWS's token buckets refuse calls. On.
    pub throttling: bool,
    /// After how long the transport gives up on a call that nobody answers. Longer than any caller waits.
    pub hang_seconds: f64,
}

impl Default for CallLaws {
    fn default() -> Self {
        Self {
            describe_latency: Distribution::between(0.05, 0.3),
            mutate_latency: Distribution::between(0.1, 0.8),
            run_instances_latency: Distribution::between(1.0, 2.0),
            dynamodb_latency: Distribution::between(0.005, 0.015),
            ssm_latency: Distribution::between(0.02, 0.06),
            scaling_latency: Distribution::between(0.05, 0.5),
            other_latency: Distribution::between(0.02, 0.12),
            visibility_lag_seconds: 2.0,
            stale_read_probability: 0.1,
            throttling: true,
            hang_seconds: 900.0,
        }
    }
}

/// Life of instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceLaws {
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

impl Default for InstanceLaws {
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
pub struct GuestLaws {
    /// From `running` to a guest that answers. Field: 17-23 s.
    pub boot: Distribution,
    /// From a guest that has its volumes to a service that works: mount and start. Assumed: 2-8 s.
    pub service_start: Distribution,
    /// How far into a graceful stop the guest stops writing: a share of the stop's duration.
    pub shutdown_share: f64,
    /// How much a serving guest changes on each of its volumes. Assumed: 1 GiB an hour.
    pub write_gib_per_hour: f64,
}

impl Default for GuestLaws {
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
pub struct StatusLaws {
    /// `initializing` after `running`. AWS: "within a few minutes".
    pub initializing: Distribution,
    /// Between two evaluations. AWS: one minute.
    pub check_every_seconds: f64,
    /// From evaluation to a data point that alarms see. Assumed: 5-45 s.
    pub publish_delay: Distribution,
}

impl Default for StatusLaws {
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
pub struct VolumeLaws {
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
    /// Reading a restored volume in full when no rate was asked for, in MiB/s. Unpredictable, says AWS; assumed: 40.
    pub default_initialization_mib_per_second: f64,
}

impl Default for VolumeLaws {
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
            default_initialization_mib_per_second: 40.0,
        }
    }
}

/// Life of snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotLaws {
    /// What even an empty difference takes. No source; assumed: 15 s.
    pub base: Distribution,
    /// For each changed GiB. Assumed: 10-30 s.
    pub per_changed_gib: Distribution,
    /// Whether the first snapshot of a restored volume copies all of it. No source; assumed so, the worse case.
    pub first_of_restored_volume_is_full: bool,
    /// Between two snapshots of one volume. AWS: 15 s.
    pub least_interval_seconds: f64,
    /// Pending snapshots of one volume. AWS: 5, and 1 for st1 and sc1.
    pub pending_per_volume: usize,
}

impl Default for SnapshotLaws {
    fn default() -> Self {
        Self {
            base: Distribution::fixed(15.0),
            per_changed_gib: Distribution::between(10.0, 30.0),
            first_of_restored_volume_is_full: true,
            least_interval_seconds: 15.0,
            pending_per_volume: 5,
        }
    }
}

/// Elastic IP addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressLaws {
    /// From the API's success to traffic at the new place. Field: 5-6 s; assumed: 2-8 s.
    pub switch: Distribution,
}

impl Default for AddressLaws {
    fn default() -> Self {
        Self { switch: Distribution::between(2.0, 8.0) }
    }
}

/// Delivery of events. EC2, EBS, spot and Health are best effort; alarms are delivered at least once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventLaws {
    /// From the change to its event. Assumed: 0.2-5 s, one in a hundred up to 60 s.
    pub delay: Distribution,
    /// Best-effort events lost. Assumed: 0.1 %.
    pub loss_probability: f64,
    /// Events that come twice, alarms included. Assumed: 0.5 %.
    pub duplicate_probability: f64,
    /// Events held back so that later ones overtake them. Assumed: 1 %.
    pub reorder_probability: f64,
    /// How long such an event is held back.
    pub reorder_delay: Distribution,
}

impl Default for EventLaws {
    fn default() -> Self {
        Self {
            delay: Distribution::LongTail {
                low_seconds: 0.2,
                high_seconds: 5.0,
                tail_probability: 0.01,
                tail_seconds: 60.0,
            },
            loss_probability: 0.001,
            duplicate_probability: 0.005,
            reorder_probability: 0.01,
            reorder_delay: Distribution::between(5.0, 90.0),
        }
    }
}

/// What calls meet that touch a zone that is down. AWS documents the effect on `DescribeInstances` only; the rest is assumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneDownLaws {
    /// How often a call that must fail hangs instead of answering with an error.
    pub hang_probability: f64,
    /// How often a write is accepted and its transition stays stuck until the zone is back.
    pub stuck_probability: f64,
    /// How often a write that was accepted so is never answered.
    pub lost_answer_probability: f64,
    /// Whether `DescribeInstanceStatus` fails as `DescribeInstances` does. No source; assumed so.
    pub describe_instance_status_alike: bool,
    /// Whether `DescribeVolumes` fails as `DescribeInstances` does. No source; assumed not.
    pub describe_volumes_alike: bool,
    /// How long after the zone is back its transitions go on.
    pub recovery: Distribution,
    /// When `DescribeAvailabilityZones` begins to call the zone impaired.
    pub reported_after_seconds: f64,
}

impl Default for ZoneDownLaws {
    fn default() -> Self {
        Self {
            hang_probability: 0.4,
            stuck_probability: 0.4,
            lost_answer_probability: 0.3,
            describe_instance_status_alike: true,
            describe_volumes_alike: false,
            recovery: Distribution::between(1.0, 60.0),
            reported_after_seconds: 600.0,
        }
    }
}
