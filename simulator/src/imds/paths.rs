//! The items of the metadata service, below `/latest/`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::model::instance::Instance;
use crate::state::State;
use crate::time::{RegionTime, timestamp_seconds};

/// How long a role's credentials last. AWS: new ones come five minutes before the end at the latest.
const CREDENTIALS_LAST: Duration = Duration::from_hours(6);

impl State {
    /// An item's text; none is a 404.
    pub(super) fn metadata_item(&self, instance: &Instance, item: &str, now: RegionTime) -> Option<String> {
        match item {
            "dynamic/instance-identity/document" => Some(self.identity_document(instance)),
            "user-data" => {
                let decoded = STANDARD.decode(instance.user_data.as_deref()?).ok()?;
                String::from_utf8(decoded).ok()
            }
            _ => self.meta_data(instance, item.strip_prefix("meta-data/")?, now),
        }
    }

    fn meta_data(&self, instance: &Instance, name: &str, now: RegionTime) -> Option<String> {
        if let Some(rest) = name.strip_prefix("tags/instance") {
            return tag(instance, rest.trim_start_matches('/'));
        }
        if let Some(rest) = name.strip_prefix("iam/") {
            return self.role(instance, rest, now);
        }
        if let Some(rest) = name.strip_prefix("network/interfaces/macs") {
            return self.interface(instance, rest.trim_start_matches('/'));
        }
        let zone_id = || self.zones.get(&instance.zone).map(|zone| zone.id.clone());
        let text = |at: RegionTime| timestamp_seconds(self.clock.wall(at));
        match name {
            "ami-id" => Some(instance.image_id.clone()),
            "instance-id" => Some(instance.id.clone()),
            "instance-type" => Some(instance.instance_type.clone()),
            "instance-life-cycle" => {
                Some(if instance.notices.spot.is_some() { "spot" } else { "on-demand" }.to_owned())
            }
            "local-ipv4" => Some(instance.private_ip.to_string()),
            "public-ipv4" => self.public_ipv4(instance),
            "mac" => Some(mac(instance)),
            "placement/availability-zone" => Some(instance.zone.clone()),
            "placement/availability-zone-id" => zone_id(),
            "placement/region" => Some(self.region_name.clone()),
            "autoscaling/target-lifecycle-state" => {
                let group = self.scaling.group_of.get(&instance.id)?;
                self.member(group, &instance.id).map(|member| member.state.target().to_owned())
            }
            "spot/instance-action" => {
                let (action, at) = instance.notices.spot?;
                Some(json!({"action": action, "time": text(at)}).to_string())
            }
            // AWS: only of instances that will be terminated.
            "spot/termination-time" => {
                instance.notices.spot.filter(|(action, _)| *action == "terminate").map(|(_, at)| text(at))
            }
            "events/recommendations/rebalance" => {
                instance.notices.rebalance.map(|at| json!({"noticeTime": text(at)}).to_string())
            }
            "events/maintenance/scheduled" => Some("[]".to_owned()),
            _ => None,
        }
    }

    fn public_ipv4(&self, instance: &Instance) -> Option<String> {
        let holds = |address: &crate::model::address::Address| {
            address.association.as_ref().is_some_and(|association| association.instance_id == instance.id)
        };
        let mut addresses = self.addresses.iter().map(|(_, address)| address);
        addresses.find(|address| holds(address)).map(|address| address.public_ip.to_string())
    }

    fn interface(&self, instance: &Instance, rest: &str) -> Option<String> {
        let mac = mac(instance);
        if rest.is_empty() {
            return Some(format!("{mac}/"));
        }
        match rest.strip_prefix(&mac)?.trim_start_matches('/') {
            "device-number" => Some("0".to_owned()),
            "interface-id" => Some(instance.network_interface_id.clone()),
            "local-ipv4s" => Some(instance.private_ip.to_string()),
            "mac" => Some(mac),
            "public-ipv4s" => self.public_ipv4(instance),
            "subnet-id" => Some(instance.subnet_id.clone()),
            _ => None,
        }
    }

    /// The role is named as its profile is. Its credentials open everything here, as any do.
    fn role(&self, instance: &Instance, rest: &str, now: RegionTime) -> Option<String> {
        let profile = instance.profile.as_deref()?;
        let text = |at: RegionTime| timestamp_seconds(self.clock.wall(at));
        if rest == "info" {
            let arn = format!("arn:aws:iam::{}:instance-profile/{profile}", self.account_id);
            let info = json!({"Code": "Success", "LastUpdated": text(now), "InstanceProfileArn": arn, "InstanceProfileId": "AIPASIMULATEDREGION00"});
            return Some(info.to_string());
        }
        match rest.strip_prefix("security-credentials")?.trim_start_matches('/') {
            "" => Some(profile.to_owned()),
            role if role == profile => {
                let digits = instance.id.trim_start_matches("i-").to_uppercase();
                let credentials = json!({
                    "Code": "Success",
                    "LastUpdated": text(now),
                    "Type": "AWS-HMAC",
                    "AccessKeyId": format!("ASIA{}", digits.get(..16).unwrap_or_default()),
                    "SecretAccessKey": format!("simulated/{digits}"),
                    "Token": format!("simulated-session-of-{}", instance.id),
                    "Expiration": text(now.after(CREDENTIALS_LAST)),
                });
                Some(credentials.to_string())
            }
            _ => None,
        }
    }

    fn identity_document(&self, instance: &Instance) -> String {
        let document = json!({
            "accountId": self.account_id,
            "architecture": "x86_64",
            "availabilityZone": instance.zone,
            "billingProducts": null,
            "devpayProductCodes": null,
            "imageId": instance.image_id,
            "instanceId": instance.id,
            "instanceType": instance.instance_type,
            "kernelId": null,
            "marketplaceProductCodes": null,
            "pendingTime": timestamp_seconds(self.clock.wall(instance.launched_at)),
            "privateIp": instance.private_ip,
            "ramdiskId": null,
            "region": self.region_name,
            "version": "2017-09-30",
        });
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }
}

/// AWS: tags are shown only if the instance was launched so, and only those whose keys fit into a path.
fn tag(instance: &Instance, key: &str) -> Option<String> {
    if !instance.metadata_tags {
        return None;
    }
    let fits = |key: &str| {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "+-=.,_:@".contains(letter);
        !key.is_empty() && key.chars().all(allowed) && !matches!(key, "." | ".." | "_index")
    };
    if key.is_empty() {
        let keys: Vec<&str> = instance.tags.keys().map(String::as_str).filter(|key| fits(key)).collect();
        return Some(keys.join("\n"));
    }
    instance.tags.get(key).filter(|_| fits(key)).cloned()
}

/// Of the locally administered kind, made from the private address.
fn mac(instance: &Instance) -> String {
    let [a, b, c, d] = instance.private_ip.octets();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}
