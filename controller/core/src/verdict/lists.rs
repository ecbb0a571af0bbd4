//! Lists in messages.

use std::fmt;

use crate::ids::InstanceId;

/// Candidates, each with what speaks against it.
pub(super) struct Listed<'a>(pub(super) &'a [(InstanceId, String)]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("the service has no other instance");
        }
        for (index, (instance, why)) in self.0.iter().enumerate() {
            write!(formatter, "{}{instance}: {why}", if index == 0 { "" } else { "; " })?;
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
