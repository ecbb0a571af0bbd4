//! Lists in messages.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::ids::{InstanceId, VolumeName};

/// More than these nobody reads, and the message is part of the record.
const MOST_LISTED: usize = 10;

/// Candidates, each with what speaks against it.
pub(super) struct Listed<'a>(pub(super) &'a [(InstanceId, String)]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("the service has no other instance");
        }
        for (index, (instance, why)) in self.0.iter().take(MOST_LISTED).enumerate() {
            write!(formatter, "{}{instance}: {why}", if index == 0 { "" } else { "; " })?;
        }
        match self.0.len().saturating_sub(MOST_LISTED) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}

/// The newest copy of each volume.
pub(super) struct Copies<'a>(pub(super) &'a BTreeMap<VolumeName, Option<Timestamp>>);

impl fmt::Display for Copies<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, taken_at)) in self.0.iter().enumerate() {
            write!(formatter, "{}{name}: ", if index == 0 { "" } else { ", " })?;
            match taken_at {
                Some(taken_at) => write!(formatter, "the newest of {taken_at}")?,
                None => formatter.write_str("none")?,
            }
        }
        Ok(())
    }
}

/// Things of one kind.
pub(super) struct Joined<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            write!(formatter, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
