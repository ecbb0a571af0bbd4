//! The services that are not below `services` yet.

pub(crate) mod autoscaling;
pub(crate) mod ec2;

pub(crate) use crate::protocol::answer::Outcome;
pub(crate) use crate::protocol::error::AwsError;
pub(crate) use crate::protocol::request::Request as ParsedRequest;
