//! What there is in the region: plain data, without any behaviour of a service.

pub(crate) mod parameter;
pub(crate) mod topic;
