//! Notes what a group does, and why.

use crate::model::scaling::activity::{Activity, ActivityStatus};
use crate::model::scaling::member::RemovalCause;
use crate::state::State;
use crate::time::{RegionTime, timestamp_seconds};

impl State {
    /// Notes that a launch has begun; returns the activity's id.
    pub(crate) fn begin_launch_activity(
        &mut self,
        group: &str,
        zone: &str,
        instance_id: Option<&str>,
        why: &str,
        at: RegionTime,
    ) -> String {
        let description = match instance_id {
            Some(id) => format!("Launching a new EC2 instance: {id}"),
            None => "Launching a new EC2 instance".to_owned(),
        };
        self.begin_activity(group, zone, instance_id, description, why, at)
    }

    pub(crate) fn begin_termination_activity(
        &mut self,
        group: &str,
        zone: &str,
        instance_id: &str,
        cause: RemovalCause,
        at: RegionTime,
    ) -> String {
        let description = format!("Terminating EC2 instance: {instance_id}");
        self.begin_activity(group, zone, Some(instance_id), description, cause.text(), at)
    }

    /// A move into or out of `Standby`, which is done at once.
    pub(crate) fn note_move_activity(
        &mut self,
        group: &str,
        zone: &str,
        instance_id: &str,
        what: &str,
        why: &str,
        at: RegionTime,
    ) -> String {
        let description = format!("{what}: {instance_id}");
        let id = self.begin_activity(group, zone, Some(instance_id), description, why, at);
        self.end_activity(&id, ActivityStatus::Successful, "", at);
        id
    }

    fn begin_activity(
        &mut self,
        group: &str,
        zone: &str,
        instance_id: Option<&str>,
        description: String,
        why: &str,
        at: RegionTime,
    ) -> String {
        let id = self.scaling.ids.uuid();
        let group_arn = self.scaling.groups.get(group).map(|group| group.arn.clone()).unwrap_or_default();
        let activity = Activity {
            id: id.clone(),
            number: 0,
            group: group.to_owned(),
            group_arn,
            instance_id: instance_id.map(str::to_owned),
            description,
            cause: format!("At {} {why}", timestamp_seconds(self.clock.wall(at))),
            zone: zone.to_owned(),
            started_at: at,
            ended_at: None,
            status: ActivityStatus::InProgress,
            message: String::new(),
        };
        self.scaling.activities.add(activity);
        id
    }

    pub(crate) fn set_activity(&mut self, id: &str, status: ActivityStatus) {
        if let Some(activity) = self.scaling.activities.get_mut(id) {
            activity.status = status;
        }
    }

    pub(crate) fn end_activity(&mut self, id: &str, status: ActivityStatus, message: &str, at: RegionTime) {
        if let Some(activity) = self.scaling.activities.get_mut(id).filter(|activity| activity.ended_at.is_none()) {
            activity.status = status;
            message.clone_into(&mut activity.message);
            activity.ended_at = Some(at);
        }
    }
}
