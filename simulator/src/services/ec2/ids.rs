//! Ids of EC2's resources, and the resources that a call names by them.

use crate::model::table::Table;
use crate::protocol::error::ApiError;
use crate::time::RegionTime;

/// A kind of resource by its ids: prefix, and what AWS calls the errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdKind {
    pub(super) prefix: &'static str,
    pub(super) malformed: &'static str,
    pub(super) not_found: &'static str,
    /// `instance ID`, as in "The instance ID 'i-...' does not exist".
    pub(super) noun: &'static str,
    /// AWS ends some of these messages with a full stop and some without.
    pub(super) end: &'static str,
}

pub(super) const INSTANCE: IdKind = IdKind {
    prefix: "i-",
    malformed: "InvalidInstanceID.Malformed",
    not_found: "InvalidInstanceID.NotFound",
    noun: "instance ID",
    end: "",
};
pub(super) const VOLUME: IdKind = IdKind {
    prefix: "vol-",
    malformed: "InvalidVolumeID.Malformed",
    not_found: "InvalidVolume.NotFound",
    noun: "volume",
    end: ".",
};
pub(super) const SNAPSHOT: IdKind = IdKind {
    prefix: "snap-",
    malformed: "InvalidSnapshotID.Malformed",
    not_found: "InvalidSnapshot.NotFound",
    noun: "snapshot",
    end: ".",
};
pub(super) const ALLOCATION: IdKind = IdKind {
    prefix: "eipalloc-",
    malformed: "InvalidAllocationID.Malformed",
    not_found: "InvalidAllocationID.NotFound",
    noun: "allocation ID",
    end: "",
};
pub(super) const ASSOCIATION: IdKind = IdKind {
    prefix: "eipassoc-",
    malformed: "InvalidAssociationID.Malformed",
    not_found: "InvalidAssociationID.NotFound",
    noun: "association ID",
    end: "",
};
pub(super) const NETWORK_INTERFACE: IdKind = IdKind {
    prefix: "eni-",
    malformed: "InvalidNetworkInterfaceId.Malformed",
    not_found: "InvalidNetworkInterfaceID.NotFound",
    noun: "networkInterface ID",
    end: "",
};

impl IdKind {
    /// Ids have 8 or 17 hexadecimal digits.
    pub(super) fn check(&self, id: &str) -> Result<(), ApiError> {
        let digits = id.strip_prefix(self.prefix).unwrap_or_default();
        let well_formed =
            matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed { Ok(()) } else { Err(ApiError::client(self.malformed, format!("Invalid id: \"{id}\""))) }
    }

    pub(super) fn missing(&self, ids: &[&str]) -> ApiError {
        let plural = if ids.len() > 1 { "s" } else { "" };
        let verb = if ids.len() > 1 { "do" } else { "does" };
        ApiError::client(
            self.not_found,
            format!("The {}{plural} '{}' {verb} not exist{}", self.noun, ids.join(", "), self.end),
        )
    }
}

/// The resources that a describe shows: those named, which must all exist, or all; of these the ones that pass.
pub(super) fn select<'t, T: Clone>(
    table: &'t Table<T>,
    ids: &[&str],
    kind: IdKind,
    as_of: RegionTime,
    passes: impl Fn(&T) -> bool,
) -> Result<Vec<&'t T>, ApiError> {
    if ids.is_empty() {
        return Ok(table.seen_all(as_of).map(|(_, value)| value).filter(|value| passes(value)).collect());
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    for id in &ids {
        kind.check(id)?;
    }
    let missing: Vec<&str> = ids.iter().copied().filter(|id| table.seen(id, as_of).is_none()).collect();
    if !missing.is_empty() {
        return Err(kind.missing(&missing));
    }
    Ok(ids.iter().filter_map(|id| table.seen(id, as_of)).filter(|value| passes(value)).collect())
}
