//! From a resource's id, as an event names it, to the service that it belongs to; and the tags that make it so.

use aws_sdk_autoscaling::types::Tag as GroupTag;
use failover_core::ids::GroupName;
use failover_core::world::{Tags, tag};

use crate::clients::Aws;
use crate::convert::{ec2_tags, filter, group_filter};
use crate::error::{AwsError, failed};

impl Aws {
    /// The service that an instance, volume, snapshot or address belongs to, by its tag.
    ///
    /// Tags of a terminated instance vanish within the hour (aws-facts 1.1): nothing is then found, and the tick has to do.
    pub async fn service_of(&self, resource_id: &str) -> Result<Option<String>, AwsError> {
        let call =
            self.ec2().describe_tags().filters(filter("resource-id", resource_id)).filters(filter("key", tag::SERVICE));
        let answer = call.send().await.map_err(failed("DescribeTags"))?;
        // The answer is filtered once more: a tag of something else would send us to the wrong service.
        let ours =
            answer.tags().iter().find(|it| it.resource_id() == Some(resource_id) && it.key() == Some(tag::SERVICE));
        Ok(ours.and_then(|tag| tag.value()).map(str::to_owned))
    }

    /// Gives a resource tags; those that it has already under other keys stay.
    pub async fn tag_resource(&self, resource_id: &str, tags: &Tags) -> Result<(), AwsError> {
        let call = self.ec2().create_tags().resources(resource_id).set_tags(Some(ec2_tags(tags)));
        call.send().await.map(drop).map_err(failed("CreateTags"))
    }

    /// The service that an Auto Scaling group belongs to, by its tag.
    pub async fn service_of_group(&self, group: &GroupName) -> Result<Option<String>, AwsError> {
        let call = self.autoscaling().describe_tags();
        let call = call.filters(group_filter("auto-scaling-group", group.as_str()));
        let answer = call.filters(group_filter("key", tag::SERVICE)).send().await.map_err(failed("DescribeTags"))?;
        let ours =
            answer.tags().iter().find(|it| it.resource_id() == Some(group.as_str()) && it.key() == Some(tag::SERVICE));
        Ok(ours.and_then(|tag| tag.value()).map(str::to_owned))
    }

    /// Gives an Auto Scaling group tags, and with `propagate` every instance that it launches from now on. Those that it has
    /// already, of the group or of its instances, are not touched otherwise.
    pub async fn tag_group(&self, group: &GroupName, tags: &Tags, propagate: bool) -> Result<(), AwsError> {
        let tag = |(key, value): (&String, &String)| {
            let tag = GroupTag::builder().resource_type("auto-scaling-group").resource_id(group.as_str());
            tag.key(key).value(value).propagate_at_launch(propagate).build()
        };
        let call = self.autoscaling().create_or_update_tags().set_tags(Some(tags.iter().map(tag).collect()));
        call.send().await.map(drop).map_err(failed("CreateOrUpdateTags"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use failover_core::ids::GroupName;

    use crate::testing::{Reply, Script};

    #[tokio::test(start_paused = true)]
    async fn a_group_leads_to_its_service_and_can_be_given_one() {
        let tag = |group: &str| {
            Reply::autoscaling(&format!(
                "<Tags><member><ResourceId>{group}</ResourceId><ResourceType>auto-scaling-group</ResourceType>\
                 <Key>failover:service</Key><Value>db</Value><PropagateAtLaunch>true</PropagateAtLaunch></member></Tags>"
            ))
        };
        let script = Script::of([tag("db-group"), tag("other"), Reply::autoscaling("<Tags/>"), Reply::autoscaling("")]);
        let aws = script.aws();
        let group = GroupName::new("db-group").unwrap();
        assert_eq!(aws.service_of_group(&group).await.unwrap().as_deref(), Some("db"));
        assert_eq!(aws.service_of_group(&group).await.unwrap(), None);
        assert_eq!(aws.service_of_group(&group).await.unwrap(), None);
        let tags = [("failover:service".to_owned(), "db".to_owned())].into();
        aws.tag_group(&group, &tags, true).await.unwrap();
        let requests = script.requests();
        for (request, part) in [
            (0, "Filters.member.1.Name=auto-scaling-group"),
            (0, "Filters.member.1.Values.member.1=db-group"),
            (0, "Filters.member.2.Values.member.1=failover:service"),
            (3, "Tags.member.1.ResourceId=db-group"),
            (3, "Tags.member.1.ResourceType=auto-scaling-group"),
            (3, "Tags.member.1.Key=failover:service"),
            (3, "Tags.member.1.PropagateAtLaunch=true"),
        ] {
            assert!(requests[request].has(part), "{part} in {:?}", requests[request]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_leads_to_its_service_and_to_no_other() {
        let tag = |id: &str| {
            Reply::ec2(&format!(
                "<tagSet><item><resourceId>{id}</resourceId><key>failover:service</key><value>db</value></item></tagSet>"
            ))
        };
        let script = Script::of([tag("vol-00000001"), tag("vol-00000002"), Reply::ec2("<tagSet/>")]);
        let aws = script.aws();
        assert_eq!(aws.service_of("vol-00000001").await.unwrap().as_deref(), Some("db"));
        assert_eq!(aws.service_of("vol-00000001").await.unwrap(), None);
        assert_eq!(aws.service_of("vol-00000001").await.unwrap(), None);
        let request = &script.requests()[0];
        assert!(
            request.has("Filter.1.Name=resource-id") && request.has("Filter.2.Value.1=failover:service"),
            "{request:?}"
        );
    }
}
