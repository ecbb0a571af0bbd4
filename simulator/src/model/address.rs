//! An Elastic IP address: to whom it belongs by the API, and where its packets really go.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::time::RegionTime;

/// One address.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) allocation_id: String,
    pub(crate) public_ip: Ipv4Addr,
    pub(crate) association: Option<Association>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The service whose clients use it, for the ground truth.
    pub(crate) service: Option<String>,
    /// Where packets go.
    pub(crate) data_path: Option<String>,
    pub(crate) generation: u64,
    pub(crate) requested_at: RegionTime,
}

/// To whom an address belongs by the API.
#[derive(Debug, Clone)]
pub(crate) struct Association {
    pub(crate) association_id: String,
    pub(crate) instance_id: String,
}
