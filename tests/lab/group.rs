//! A service's Auto Scaling group of one, made over AWS's own protocols as a stack makes it: address, launch template, group with its hooks.
//!
//! The spec is applied before there is a group, so that its first launch is the service's first. The region's hooks time out by its own, faster
//! clock: they get the longest heartbeat that AWS allows, six minutes here, and the controller has to complete each of them well before.

use super::region::{Region, SERVICE};

const GROUP: &str = "sample-group";
const ZONES: [&str; 2] = ["eu-central-1a", "eu-central-1b"];
/// AWS's longest.
const HEARTBEAT_SECONDS: u32 = 7200;

/// What is there before the service is under control.
pub(crate) fn make_address(region: &Region) {
    region.ec2(&format!("Action=AllocateAddress&Domain=vpc&{}", tagged("elastic-ip")));
}

/// Makes the group, which launches its first instance at once.
pub(crate) fn make(region: &Region) {
    let data = "LaunchTemplateData.InstanceType=t3.small&LaunchTemplateData.IamInstanceProfile.Name=failover-instance";
    region.ec2(&format!("Action=CreateLaunchTemplate&LaunchTemplateName={SERVICE}&{data}"));
    let zones: Vec<String> = (1..).zip(ZONES).map(|(n, zone)| format!("AvailabilityZones.member.{n}={zone}")).collect();
    let hooks = [hook(1, "failover-launch", "LAUNCHING"), hook(2, "failover-terminate", "TERMINATING")].join("&");
    region.autoscaling(&format!(
        "Action=CreateAutoScalingGroup&AutoScalingGroupName={GROUP}&MinSize=1&MaxSize=1&DesiredCapacity=1&\
         LaunchTemplate.LaunchTemplateName={SERVICE}&LaunchTemplate.Version=$Latest&{}&{hooks}&\
         Tags.member.1.Key=failover:service&Tags.member.1.Value={SERVICE}&Tags.member.1.PropagateAtLaunch=true",
        zones.join("&")
    ));
}

/// Its instances in service, as the region has them.
pub(crate) fn in_service(region: &Region) -> Vec<String> {
    let state = region.get("/_region");
    let members = state["groups"][GROUP]["members"].as_object().unwrap();
    let in_service = members.iter().filter(|(_, member)| member["lifecycle_state"] == "InService");
    in_service.map(|(id, _)| id.clone()).collect()
}

fn hook(number: usize, name: &str, transition: &str) -> String {
    let member = format!("LifecycleHookSpecificationList.member.{number}");
    format!(
        "{member}.LifecycleHookName={name}&{member}.LifecycleTransition=autoscaling:EC2_INSTANCE_{transition}&\
         {member}.HeartbeatTimeout={HEARTBEAT_SECONDS}&{member}.DefaultResult=ABANDON"
    )
}

fn tagged(resource: &str) -> String {
    let tag = "TagSpecification.1.Tag.1";
    format!("TagSpecification.1.ResourceType={resource}&{tag}.Key=failover:service&{tag}.Value={SERVICE}")
}
