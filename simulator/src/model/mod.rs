//! What there is, as plain data: no numbers of time, no protocol, no behaviour.

pub(crate) mod address;
pub(crate) mod alarm;
pub(crate) mod data_name;
pub(crate) mod dynamodb;
pub(crate) mod guest;
pub(crate) mod ids;
pub(crate) mod instance;
pub(crate) mod metric;
pub(crate) mod modification;
pub(crate) mod parameter;
pub(crate) mod scaling;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod stores;
pub(crate) mod table;
pub(crate) mod topic;
pub(crate) mod transition;
pub(crate) mod volume;
pub(crate) mod zone;
