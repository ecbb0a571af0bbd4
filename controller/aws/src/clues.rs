//! From a resource's id, as an event names it, to the service that it belongs to; and the tags that make it so.

use failover_core::world::{Tags, tag};

use crate::clients::Aws;
use crate::convert::{ec2_tags, filter};
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
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use crate::testing::{Reply, Script};

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
