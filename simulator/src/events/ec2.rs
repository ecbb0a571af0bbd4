//! Events about instances: of EC2, spot and Health.

use serde_json::json;

use crate::events::DeliveryClass;
use crate::model::instance::InstanceState;
use crate::state::State;
use crate::time::{RegionTime, timestamp_seconds};

impl State {
    pub(crate) fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:ec2:{}:{}:{kind}/{id}", self.region_name, self.account_id)
    }

    pub(crate) fn emit_instance_state(&mut self, id: &str, state: InstanceState, at: RegionTime) {
        let detail = json!({"instance-id": id, "state": state.name()});
        let event =
            self.envelope("aws.ec2", "EC2 Instance State-change Notification", &self.arn("instance", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_spot_warning(&mut self, id: &str, action: &str, at: RegionTime) {
        // AWS: this ARN carries the zone in the region's field, and no account.
        let zone = self.instances.get(id).map(|instance| instance.zone.clone()).unwrap_or_default();
        let resource = format!("arn:aws:ec2:{zone}:instance/{id}");
        let detail = json!({"instance-id": id, "instance-action": action});
        let event = self.envelope("aws.ec2", "EC2 Spot Instance Interruption Warning", &resource, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_rebalance(&mut self, id: &str, at: RegionTime) {
        let detail = json!({"instance-id": id});
        let event =
            self.envelope("aws.ec2", "EC2 Instance Rebalance Recommendation", &self.arn("instance", id), &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }

    pub(crate) fn emit_health(&mut self, id: &str, code: &str, category: &str, at: RegionTime) {
        let detail = json!({
            "eventArn": format!("arn:aws:health:{}::event/EC2/{code}/{code}_{}", self.region_name, self.ids.uuid()),
            "service": "EC2",
            "eventTypeCode": code,
            "eventTypeCategory": category,
            "startTime": timestamp_seconds(self.clock.wall(at)),
            "eventDescription": [{"language": "en_US", "latestDescription": format!("{code} affects {id}")}],
            "affectedEntities": [{"entityValue": id}],
        });
        let event = self.envelope("aws.health", "AWS Health Event", id, &detail, at);
        self.emit(DeliveryClass::BestEffort, event, at);
    }
}
