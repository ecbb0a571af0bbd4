//! Between the SDK's types and ours.

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use aws_smithy_types::DateTime;
use failover_core::world::Tags;
use jiff::Timestamp;

/// A time of the SDK's.
pub(crate) fn timestamp(time: &DateTime) -> Result<Timestamp, String> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).unwrap_or_default();
    Timestamp::new(time.secs(), nanoseconds).map_err(|error| format!("the time {time} can't be used: {error}"))
}

/// A time that AWS always gives.
pub(crate) fn required_timestamp(what: &str, time: Option<&DateTime>) -> Result<Timestamp, String> {
    timestamp(time.ok_or_else(|| format!("AWS gives no {what}"))?)
}

/// Tags of EC2's.
pub(crate) fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

/// Tags for EC2.
pub(crate) fn ec2_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags that a resource gets in the call that creates it.
pub(crate) fn tag_specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(ec2_tags(tags))).build()
}

/// A filter of a describe call.
pub(crate) fn filter(name: impl Into<String>, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// A filter of one of Auto Scaling's describe calls.
pub(crate) fn group_filter(name: impl Into<String>, value: impl Into<String>) -> aws_sdk_autoscaling::types::Filter {
    aws_sdk_autoscaling::types::Filter::builder().name(name).values(value).build()
}
