//! What people do to a KMS key.

use serde::{Deserialize, Serialize};

use super::error::{FaultError, refused};
use crate::state::State;
use crate::state::active_faults::key_name;

/// A fault that hits a KMS key. The region has no KMS: any key works until it is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyFault {
    /// It is disabled: until it is enabled again, a volume that is created with it vanishes, and one that is attached is not.
    Disable,
    /// It is enabled again.
    Enable,
}

impl State {
    /// `named` is the key's ARN or its id.
    pub(super) fn hit_key(&mut self, named: &str, fault: KeyFault) -> Result<(), FaultError> {
        let name = key_name(named);
        if name.starts_with("alias/aws/") {
            return Err(refused(named, "AWS managed keys cannot be enabled or disabled"));
        }
        match fault {
            KeyFault::Disable => {
                self.faults.disabled_keys.insert(name.to_owned());
            }
            KeyFault::Enable => {
                self.faults.disabled_keys.remove(name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
