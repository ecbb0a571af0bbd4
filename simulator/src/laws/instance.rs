//! The life of an instance: launch, start, run, terminate. Stopping has a module of its own.
//!
//! ```text
//! launch ─► pending ─► running ─► stopping ─► stopped ─► pending (start)
//!              └──────────┴───► shutting-down ◄──┴─ terminate ─► terminated ─► forgotten after about an hour
//! ```

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::laws::status::StatusChecks;
use crate::laws::stop::Stop;
use crate::laws::volume::{AttachmentState, VolumeRequest, VolumeState};
use crate::schedule::Transition;
use crate::state::State;
use crate::time::{RegionTime, timestamp};
use crate::wire::AwsError;

/// The six states of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    /// The low byte of the state's code.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// Terminated or on the way there: nothing brings it back.
    pub(crate) const fn is_ending(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// How a forced stop ends on a failed host.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForceStop {
    /// After a while that the laws draw.
    Works,
    /// After this many seconds.
    AfterSeconds(f64),
    /// Never.
    Never,
}

/// What is wrong with an instance, put there by faults.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Condition {
    /// The host is dead: no guest, no graceful stop.
    pub(crate) host_failed: Option<ForceStop>,
    /// The guest does not answer the shutdown.
    pub(crate) ignores_shutdown: bool,
    /// The guest lives and writes, but nobody reaches it.
    pub(crate) network_impaired: bool,
    /// The attached volumes do no I/O.
    pub(crate) ebs_impaired: bool,
}

/// What the instance's metadata service announces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Notices {
    /// A spot interruption: `stop` or `terminate`, and when.
    pub(crate) spot: Option<(&'static str, RegionTime)>,
    /// A rebalance recommendation, and when it came.
    pub(crate) rebalance: Option<RegionTime>,
}

/// One instance.
#[expect(clippy::struct_field_names, clippy::struct_excessive_bools, reason = "EC2's own names and switches")]
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) reservation_id: String,
    pub(crate) client_token: String,
    pub(crate) zone: String,
    pub(crate) subnet_id: String,
    pub(crate) instance_type: String,
    pub(crate) image_id: String,
    pub(crate) state: InstanceState,
    pub(crate) launched_at: RegionTime,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) network_interface_id: String,
    pub(crate) root_device: &'static str,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) state_reason: Option<(&'static str, &'static str)>,
    pub(crate) transition_reason: String,
    pub(crate) disable_api_termination: bool,
    pub(crate) disable_api_stop: bool,
    pub(crate) terminate_on_shutdown: bool,
    pub(crate) user_data: Option<String>,
    pub(crate) workload: Option<String>,
    /// The instance profile's name.
    pub(crate) profile: Option<String>,
    /// Whether its metadata service shows its tags.
    pub(crate) metadata_tags: bool,
    pub(crate) notices: Notices,
    pub(crate) status: StatusChecks,
    pub(crate) condition: Condition,
    pub(crate) stop: Option<Stop>,
    /// Grows with each request that changes the state; a transition of an older one is void.
    pub(crate) generation: u64,
    /// When the transition under way was asked for.
    pub(crate) requested_at: RegionTime,
}

/// What a new instance is made from.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) zone: String,
    pub(crate) instance_type: String,
    pub(crate) image_id: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) client_token: String,
    pub(crate) user_data: Option<String>,
    pub(crate) disable_api_termination: bool,
    pub(crate) terminate_on_shutdown: bool,
    pub(crate) workload: Option<String>,
    pub(crate) root: RootDisk,
    pub(crate) profile: Option<String>,
    pub(crate) metadata_tags: bool,
}

/// The root volume that a launch makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RootDisk {
    pub(crate) size_gib: u32,
    pub(crate) delete_on_termination: bool,
}

impl RootDisk {
    /// Where current Amazon machine images have it.
    pub(crate) const DEVICE: &str = "/dev/xvda";
}

impl Default for RootDisk {
    fn default() -> Self {
        Self { size_gib: 8, delete_on_termination: true }
    }
}

const USER_INITIATED_SHUTDOWN: (&str, &str) =
    ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown");

impl State {
    /// Makes an instance, `pending`, and lets it start. The caller has checked the zone and its capacity.
    pub(crate) fn launch(&mut self, launch: Launch, reservation_id: &str, at: RegionTime) -> String {
        let id = self.new_instance(launch, reservation_id, at);
        self.begin_start(&id, at);
        id
    }

    /// Puts a stopped instance there, of which nothing has happened yet.
    pub(crate) fn new_instance(&mut self, launch: Launch, reservation_id: &str, at: RegionTime) -> String {
        let id = self.ids.id("i");
        let (root, zone) = (launch.root, launch.zone.clone());
        let (index, subnet_id) =
            self.zones.get(&launch.zone).map_or((0, String::new()), |zone| (zone.index, zone.subnet_id.clone()));
        let workload =
            launch.workload.or_else(|| self.workload_tag.as_ref().and_then(|key| launch.tags.get(key).cloned()));
        let instance = Instance {
            id: id.clone(),
            reservation_id: reservation_id.to_owned(),
            client_token: launch.client_token,
            zone: launch.zone,
            subnet_id,
            instance_type: launch.instance_type,
            image_id: launch.image_id,
            state: InstanceState::Stopped,
            launched_at: at,
            private_ip: self.ids.private_address(index),
            network_interface_id: self.ids.id("eni"),
            root_device: RootDisk::DEVICE,
            tags: launch.tags,
            state_reason: None,
            transition_reason: String::new(),
            disable_api_termination: launch.disable_api_termination,
            disable_api_stop: false,
            terminate_on_shutdown: launch.terminate_on_shutdown,
            user_data: launch.user_data,
            workload,
            profile: launch.profile,
            metadata_tags: launch.metadata_tags,
            notices: Notices::default(),
            status: StatusChecks::not_running(),
            condition: Condition::default(),
            stop: None,
            generation: 0,
            requested_at: at,
        };
        self.instances.insert(&id, instance, at);
        self.guests.insert(id.clone(), crate::guest::Guest::default());
        self.put_root_volume(&id, zone, root, at);
        id
    }

    fn put_root_volume(&mut self, instance_id: &str, zone: String, root: RootDisk, at: RegionTime) {
        let request = VolumeRequest {
            zone,
            size_gib: root.size_gib,
            volume_type: "gp3".to_owned(),
            iops: None,
            throughput: None,
            kms_key_id: None,
            snapshot_id: None,
            multi_attach: false,
            initialization_mib_per_second: None,
            tags: BTreeMap::new(),
        };
        let volume = self.put_volume(request, VolumeState::InUse, at);
        self.put_attachment(&volume, instance_id, RootDisk::DEVICE, AttachmentState::Attached, at);
        self.set_delete_on_termination(instance_id, RootDisk::DEVICE, root.delete_on_termination, at);
    }

    /// `StartInstances` on one instance. A running or pending one stays as it is; that this succeeds is commonly relied on.
    pub(crate) fn start_instance(&mut self, id: &str, at: RegionTime) -> Result<(), AwsError> {
        let Some(instance) = self.instances.get(id) else { return Ok(()) };
        match instance.state {
            InstanceState::Pending | InstanceState::Running => Ok(()),
            InstanceState::Stopped => {
                let (zone, instance_type) = (instance.zone.clone(), instance.instance_type.clone());
                self.check_capacity(Some(id), &zone, &instance_type, at)?;
                self.begin_start(id, at);
                Ok(())
            }
            InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                Err(wrong_state(id, "started"))
            }
        }
    }

    fn begin_start(&mut self, id: &str, at: RegionTime) {
        let duration = self.sample(self.laws.instances.pending);
        self.cut_guest(id);
        let Some(instance) = self.instances.change(id, at) else { return };
        instance.state = InstanceState::Pending;
        instance.launched_at = at;
        instance.requested_at = at;
        instance.state_reason = None;
        instance.transition_reason = String::new();
        instance.stop = None;
        instance.generation += 1;
        // A start from stopped moves the instance to another host, and boots another kernel: what was wrong with the old ones is gone.
        instance.condition = Condition::default();
        instance.notices = Notices::default();
        let generation = instance.generation;
        self.schedule.add(at.after(duration), Transition::InstanceRunning { instance: id.to_owned(), generation });
        self.emit_instance_state(id, InstanceState::Pending, at);
    }

    pub(crate) fn instance_runs(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(instance) = self.instances.change(id, at) else { return };
        if instance.generation != generation || instance.state != InstanceState::Pending {
            return;
        }
        instance.state = InstanceState::Running;
        let requested_at = instance.requested_at;
        self.record_transition("start", id, requested_at, at);
        self.emit_instance_state(id, InstanceState::Running, at);
        self.begin_status_checks(id, at);
        self.member_runs(id, at);
        let boot = self.sample(self.laws.guests.boot);
        self.schedule.add(at.after(boot), Transition::GuestUp { instance: id.to_owned(), generation });
    }

    /// The zone has its power back: what was running boots.
    pub(crate) fn boot_after_power_loss(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.state != InstanceState::Running || instance.condition.host_failed.is_some() {
            return;
        }
        let generation = instance.generation;
        let wait = self.sample(self.laws.zone_down.recovery) + self.sample(self.laws.guests.boot);
        self.schedule.add(at.after(wait), Transition::GuestUp { instance: id.to_owned(), generation });
    }

    /// `RebootInstances` on one instance: the state stays `running`, the guest goes and comes back.
    pub(crate) fn reboot_instance(&mut self, id: &str, at: RegionTime) -> Result<(), AwsError> {
        let Some(instance) = self.instances.get(id) else { return Ok(()) };
        match instance.state {
            InstanceState::Running => {
                if instance.condition.host_failed.is_none() {
                    let generation = instance.generation;
                    self.cut_guest(id);
                    let boot = self.sample(self.laws.guests.boot);
                    self.schedule.add(at.after(boot), Transition::GuestUp { instance: id.to_owned(), generation });
                }
                Ok(())
            }
            _ => Err(AwsError::client(
                "IncorrectState",
                format!("The instance '{id}' is not in a state from which it can be rebooted."),
            )),
        }
    }

    /// `TerminateInstances` on one instance. Idempotent, as AWS documents.
    pub(crate) fn terminate_instance(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.state.is_ending() {
            return;
        }
        let dead_host = instance.condition.host_failed.is_some();
        let was_stopped = instance.state == InstanceState::Stopped;
        let law = if dead_host && !was_stopped {
            self.laws.instances.terminate_on_failed_host
        } else {
            self.laws.instances.terminate
        };
        let duration = self.sample(law);
        let reason = self.user_initiated(at);
        let Some(instance) = self.instances.change(id, at) else { return };
        instance.state = InstanceState::ShuttingDown;
        instance.state_reason = Some(USER_INITIATED_SHUTDOWN);
        instance.transition_reason = reason;
        instance.requested_at = at;
        instance.stop = None;
        instance.generation += 1;
        instance.status = StatusChecks::not_running();
        let generation = instance.generation;
        self.emit_instance_state(id, InstanceState::ShuttingDown, at);
        let share = self.laws.guests.shutdown_share;
        let guest_down = at.after(duration.mul_f64(share.clamp(0.0, 1.0)));
        self.schedule.add(guest_down, Transition::GuestDown { instance: id.to_owned(), generation });
        self.schedule.add(at.after(duration), Transition::InstanceTerminated { instance: id.to_owned(), generation });
    }

    /// Ends the instance: volumes go or stay as `DeleteOnTermination` says, the address is dropped.
    pub(crate) fn instance_terminated(&mut self, id: &str, generation: u64, at: RegionTime) {
        let Some(instance) = self.instances.change(id, at) else { return };
        if instance.generation != generation || instance.state != InstanceState::ShuttingDown {
            return;
        }
        instance.state = InstanceState::Terminated;
        instance.stop = None;
        let requested_at = instance.requested_at;
        self.record_transition("terminate", id, requested_at, at);
        self.cut_guest(id);
        self.emit_instance_state(id, InstanceState::Terminated, at);
        self.drop_addresses_of(id, at);
        self.release_volumes_of_terminated(id, at);
        let visible = self.sample(self.laws.instances.terminated_visible);
        self.schedule.add(at.after(visible), Transition::InstanceForgotten { instance: id.to_owned() });
        self.member_ended(id, at);
    }

    pub(crate) fn forget_instance(&mut self, id: &str, at: RegionTime) {
        self.instances.remove(id, at);
        self.guests.remove(id);
        self.attached_to.remove(id);
    }

    /// The spot notice has run out.
    pub(crate) fn spot_reclaimed(&mut self, id: &str, terminate: bool, at: RegionTime) {
        if terminate {
            self.terminate_instance(id, at);
        } else if self.instances.get(id).is_some_and(|instance| instance.state == InstanceState::Running) {
            self.begin_stop(id, crate::laws::stop::StopMode::default(), at);
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.state_reason =
                Some(("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination"));
        }
    }

    /// The guest itself shuts down. AWS: what happens then, stop or terminate, the instance was launched with.
    pub(crate) fn shut_down_os(&mut self, id: &str, at: RegionTime) {
        let Some(instance) = self.instances.get(id) else { return };
        if instance.terminate_on_shutdown {
            self.terminate_instance(id, at);
        } else {
            self.begin_stop(id, crate::laws::stop::StopMode::default(), at);
        }
        if let Some(instance) = self.instances.get_mut(id) {
            let text = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
            instance.state_reason = Some(("Client.InstanceInitiatedShutdown", text));
        }
    }

    /// The zone's, the type's or the instance's capacity may be refused by a fault: AWS answers with a server error then.
    pub(crate) fn check_capacity(
        &self,
        id: Option<&str>,
        zone: &str,
        instance_type: &str,
        at: RegionTime,
    ) -> Result<(), AwsError> {
        if !self.faults.refuses_capacity(id, zone, at) {
            return Ok(());
        }
        let elsewhere: Vec<&str> = self.zones.keys().map(String::as_str).filter(|other| *other != zone).collect();
        Err(AwsError::with_status(
            500,
            "InsufficientInstanceCapacity",
            format!(
                "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity. You can currently get {instance_type} capacity by not specifying an Availability Zone in your request or choosing {}.",
                elsewhere.join(", ")
            ),
        ))
    }

    pub(crate) fn user_initiated(&self, at: RegionTime) -> String {
        let text = timestamp(self.clock.wall(at));
        let day = text.get(..10).unwrap_or_default();
        let time = text.get(11..19).unwrap_or_default();
        format!("User initiated ({day} {time} GMT)")
    }
}

/// `IncorrectInstanceState` in the words seen in the field.
pub(crate) fn wrong_state(id: &str, participle: &str) -> AwsError {
    AwsError::client(
        "IncorrectInstanceState",
        format!("The instance '{id}' is not in a state from which it can be {participle}."),
    )
}

pub(crate) const fn shutdown_reason() -> (&'static str, &'static str) {
    USER_INITIATED_SHUTDOWN
}
