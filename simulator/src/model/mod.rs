//! What there is in the region: plain data, without any behaviour of a service.

pub(crate) mod dynamodb;
pub(crate) mod metric;
pub(crate) mod parameter;
pub(crate) mod settings;
pub(crate) mod stores;
pub(crate) mod topic;
