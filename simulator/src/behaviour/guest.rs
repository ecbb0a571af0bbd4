//! What runs inside instances: a guest that boots, and a service in it that serves once its volumes are there.
//!
//! This is the part of the world that no AWS call shows. The controller never sees it; the ground truth is made from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::guest::{AgentView, Guest, ServicePhase};
use crate::model::instance::InstanceState;
use crate::model::transition::StateTransition;
use crate::model::volume::AttachmentState;
use crate::model::zone::ZoneLoss;
use crate::state::State;
use crate::time::RegionTime;

impl State {
    pub(crate) fn guest_up(&mut self, id: &str, generation: u64) {
        let Some(instance) = self.instances.get(id) else { return };
        let alive = instance.generation == generation
            && instance.state == InstanceState::Running
            && instance.condition.host_failed.is_none()
            && self.zone_loss(&instance.zone) != Some(ZoneLoss::Power);
        if let Some(guest) = self.guests.get_mut(id).filter(|_| alive) {
            guest.up = true;
            guest.quiesced = self.agents;
        }
    }

    pub(crate) fn guest_down(&mut self, id: &str, generation: u64) {
        if self.instances.get(id).is_some_and(|instance| instance.generation == generation) {
            self.cut_guest(id);
        }
    }

    /// The guest is gone, this moment. The caller settles.
    pub(crate) fn cut_guest(&mut self, id: &str) {
        if let Some(guest) = self.guests.get_mut(id) {
            *guest = Guest { generation: guest.generation + 1, ..Guest::default() };
        }
    }

    /// An agent's hand: the service stops, its volumes are unmounted; a detach that waits for it goes through.
    pub(crate) fn quiesce_guest(&mut self, id: &str, at: RegionTime) {
        if let Some(guest) = self.guests.get_mut(id) {
            guest.quiesced = true;
        }
        self.settle_guests(at);
        self.release_busy_volumes(id, at);
    }

    /// An agent's hand: the service may run again.
    pub(crate) fn resume_guest(&mut self, id: &str, at: RegionTime) {
        if let Some(guest) = self.guests.get_mut(id) {
            guest.quiesced = false;
        }
        self.settle_guests(at);
    }

    /// Volumes whose detach found them busy, and whose guest has let go since.
    pub(crate) fn release_busy_volumes(&mut self, id: &str, at: RegionTime) {
        if self.volumes_of(id).any(|(_, attachment)| attachment.state == AttachmentState::Busy) {
            self.finish_waiting_detaches(id, at);
        }
    }

    pub(crate) fn service_up(&mut self, id: &str, guest_generation: u64) {
        if let Some(guest) = self
            .guests
            .get_mut(id)
            .filter(|guest| guest.generation == guest_generation && guest.service == ServicePhase::Starting)
        {
            guest.service = ServicePhase::Serving;
        }
    }

    /// Whether the guest has the volume mounted, so that a clean detach finds it busy.
    pub(crate) fn guest_holds(&self, instance_id: &str, volume_id: &str) -> bool {
        let Some(guest) = self.guests.get(instance_id) else { return false };
        let workload = self.instances.get(instance_id).and_then(|instance| instance.workload.as_deref());
        let service = self.truth.data_of(volume_id).map(|data| data.service.as_str());
        guest.up && guest.service != ServicePhase::Down && workload.is_some() && workload == service
    }

    /// The volumes of its service that the instance has, if it has all of them: what its guest needs to serve.
    fn service_volumes(&self, instance_id: &str, service: &str) -> Option<Vec<String>> {
        let needed = self.truth.volume_names(service);
        let mut found = BTreeSet::new();
        let mut volumes = Vec::new();
        for (volume_id, attachment) in self.volumes_of(instance_id) {
            let data = self.truth.data_of(volume_id).filter(|data| data.service == service);
            if let Some(data) = data.filter(|_| attachment.state != AttachmentState::Attaching) {
                found.insert(data.volume_name.as_str());
                volumes.push(volume_id.to_owned());
            }
        }
        needed.is_none_or(|needed| needed.iter().all(|name| found.contains(name.as_str()))).then_some(volumes)
    }

    /// Brings guests in line with what has changed, and notes who writes and who is heard by clients from now on.
    pub(crate) fn settle_guests(&mut self, at: RegionTime) {
        self.settle(at, false);
    }

    /// As [`Self::settle_guests`], but services start in no time: for what exists from the beginning.
    pub(crate) fn settle_guests_at_once(&mut self, at: RegionTime) {
        self.settle(at, true);
    }

    fn settle(&mut self, at: RegionTime, at_once: bool) {
        let with_workload: Vec<(String, String)> =
            self.guests.keys().filter_map(|id| Some((id.clone(), self.instances.get(id)?.workload.clone()?))).collect();
        for (id, service) in &with_workload {
            self.settle_guest(id, service, at, at_once);
        }
        self.note_writes(&with_workload, at);
        self.note_acknowledged(&with_workload, at);
    }

    fn settle_guest(&mut self, id: &str, service: &str, at: RegionTime, at_once: bool) {
        let has_volumes = self.service_volumes(id, service).is_some();
        let stalled = self.instances.get(id).is_none_or(|instance| instance.condition.ebs_impaired);
        let Some(guest) = self.guests.get_mut(id) else { return };
        let can_serve = guest.up && !guest.quiesced && has_volumes && !stalled;
        if !can_serve {
            if guest.service != ServicePhase::Down {
                guest.service = ServicePhase::Down;
                guest.generation += 1;
            }
        } else if at_once {
            guest.service = ServicePhase::Serving;
        } else if guest.service == ServicePhase::Down {
            guest.service = ServicePhase::Starting;
            let guest_generation = guest.generation;
            let wait = self.sample(self.timing.guests.service_start);
            self.schedule.add(at.after(wait), StateTransition::ServiceUp { instance: id.to_owned(), guest_generation });
        }
    }

    fn note_writes(&mut self, with_workload: &[(String, String)], at: RegionTime) {
        let mut writing = Vec::new();
        for (id, service) in with_workload {
            if self.guests.get(id).is_some_and(Guest::serves) {
                let volumes = self.service_volumes(id, service).unwrap_or_default();
                writing.extend(volumes.into_iter().map(|volume| (volume, id.clone())));
            }
        }
        self.truth.set_writers(&writing, at);
    }

    fn note_acknowledged(&mut self, with_workload: &[(String, String)], at: RegionTime) {
        let mut paths: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
        for (_, address) in self.addresses.iter() {
            if let Some(service) = &address.service {
                paths.entry(service).or_default().push(address.data_path.as_deref());
            }
        }
        let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, service) in with_workload {
            members.entry(service).or_default().push(id);
        }
        let mut heard = Vec::new();
        for (service, ids) in members {
            // Without an address, clients find whoever serves.
            let leads_to = |id: &str| paths.get(service).is_none_or(|targets| targets.contains(&Some(id)));
            let runs = |id: &str| self.guests.get(id).is_some_and(Guest::serves);
            let server = ids.into_iter().find(|id| runs(id) && self.is_reachable(id) && leads_to(id));
            heard.push((service.to_owned(), server.map(str::to_owned)));
        }
        self.truth.set_heard(&heard, at);
    }

    /// The guests that are up and have a service to run.
    pub(crate) fn guests_up(&self) -> impl Iterator<Item = &String> {
        let with_workload = |id: &str| self.instances.get(id).is_some_and(|instance| instance.workload.is_some());
        self.guests.iter().filter(move |(id, guest)| guest.up && with_workload(id)).map(|(id, _)| id)
    }

    /// Nothing: the guest is not up.
    pub(crate) fn agent_view(&self, id: &str) -> Option<AgentView> {
        let guest = self.guests.get(id).filter(|guest| guest.up)?;
        Some(AgentView { serves: guest.serves(), online: self.is_reachable(id) })
    }

    fn is_reachable(&self, id: &str) -> bool {
        self.instances
            .get(id)
            .is_some_and(|instance| !instance.condition.network_impaired && self.zone_loss(&instance.zone).is_none())
    }
}
