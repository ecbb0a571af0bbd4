//! A call being answered: what it may touch, and what was made for its client token before.

use crate::model::table::Table;
use crate::model::zone::ZoneAnswer;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;
use crate::protocol::xml::Xml;
use crate::state::throttle::Category;
use crate::state::{State, UsedToken};
use crate::time::RegionTime;

use super::ids::{self, IdKind};
use super::words::internal_error;

/// What answers an operation, and which bucket its calls take their tokens from.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    pub(super) run: fn(&mut Call<'_>) -> Done,
    pub(super) category: Category,
    /// Without filter, ids and pages it takes from a smaller bucket.
    pub(super) smaller_bucket_unfiltered: bool,
}

/// An EC2 call being answered.
pub(crate) struct Call<'a> {
    pub(super) state: &'a mut State,
    pub(super) input: Input<'a>,
    pub(super) now: RegionTime,
    /// The moment whose state this call's reads show.
    pub(super) as_of: RegionTime,
    pub(super) xml: Xml,
    action: &'a str,
    /// The effect happens, but the answer is lost.
    silent: bool,
}

/// Why a call gets no result.
#[derive(Debug)]
pub(crate) enum CallRefusal {
    Aws(ApiError),
    /// No answer at all.
    Silence,
}

impl From<ApiError> for CallRefusal {
    fn from(error: ApiError) -> Self {
        Self::Aws(error)
    }
}

pub(crate) type Done = Result<(), CallRefusal>;

impl<'a> Call<'a> {
    pub(super) fn new(
        state: &'a mut State,
        action: &'a str,
        input: Input<'a>,
        now: RegionTime,
        as_of: RegionTime,
    ) -> Self {
        Self { state, input, now, as_of, xml: Xml::with_capacity(4096), action, silent: false }
    }

    /// What was written, if the answer is not lost.
    pub(super) fn members(self) -> Result<Xml, CallRefusal> {
        if self.silent { Err(CallRefusal::Silence) } else { Ok(self.xml) }
    }

    /// Checks that an id is well formed and that its resource exists, for EC2's lagging eyes too: a new id may not be found yet.
    fn require<T: Clone>(kind: IdKind, table: &Table<T>, id: &str, as_of: RegionTime) -> Result<(), ApiError> {
        kind.check(id)?;
        if table.get(id).is_some() && table.seen(id, as_of).is_some() { Ok(()) } else { Err(kind.missing(&[id])) }
    }

    pub(super) fn require_instance(&self, id: &str) -> Result<(), ApiError> {
        Self::require(ids::INSTANCE, &self.state.instances, id, self.as_of)
    }

    pub(super) fn require_volume(&self, id: &str) -> Result<(), ApiError> {
        Self::require(ids::VOLUME, &self.state.volumes, id, self.as_of)
    }

    pub(super) fn require_snapshot(&self, id: &str) -> Result<(), ApiError> {
        Self::require(ids::SNAPSHOT, &self.state.snapshots, id, self.as_of)
    }

    pub(super) fn require_address(&self, id: &str) -> Result<(), ApiError> {
        Self::require(ids::ALLOCATION, &self.state.addresses, id, self.as_of)
    }

    /// The instances that `InstanceId.N` names; all must exist.
    pub(super) fn required_instances(&self) -> Result<Vec<String>, ApiError> {
        let ids = self.input.texts("InstanceId")?;
        if ids.is_empty() {
            return Err(self.input.missing("InstanceId"));
        }
        for id in &ids {
            self.require_instance(id)?;
        }
        Ok(ids.into_iter().map(str::to_owned).collect())
    }

    /// Before a write: what the zone of the resource makes of it.
    pub(super) fn enter_zone(&mut self, zone: &str) -> Done {
        match self.state.enter_zone(zone) {
            ZoneAnswer::Normal => Ok(()),
            ZoneAnswer::AcceptedInSilence => {
                self.silent = true;
                Ok(())
            }
            ZoneAnswer::Hang => Err(CallRefusal::Silence),
            ZoneAnswer::Refused => Err(internal_error().into()),
        }
    }

    pub(super) fn enter_zone_of_instance(&mut self, id: &str) -> Done {
        let zone = self.state.instances.get(id).map(|instance| instance.zone.clone());
        zone.map_or(Ok(()), |zone| self.enter_zone(&zone))
    }

    pub(super) fn enter_zone_of_volume(&mut self, id: &str) -> Done {
        let zone = self.state.volumes.get(id).map(|volume| volume.zone.clone());
        zone.map_or(Ok(()), |zone| self.enter_zone(&zone))
    }

    /// Before a read that fails as a whole when it touches a zone that is down: one that names a resource there, or names none at all.
    pub(super) fn read_across_zones(&mut self, zones: &[Option<String>]) -> Done {
        if !self.state.any_zone_down() {
            return Ok(());
        }
        let touches = zones.is_empty() || zones.iter().flatten().any(|zone| self.state.zone_loss(zone).is_some());
        if !touches {
            Ok(())
        } else if self.state.failing_read_hangs() {
            Err(CallRefusal::Silence)
        } else {
            Err(internal_error().into())
        }
    }

    /// What was made for a client token before; the same token with other parameters is refused. `scope` is the zone for requests that
    /// name one: their tokens are zonal.
    pub(super) fn made_before(&self, scope: &str) -> Result<Option<Vec<String>>, ApiError> {
        let Some(key) = self.token_key(scope)? else { return Ok(None) };
        match self.state.client_tokens.get(&key) {
            None => Ok(None),
            Some(used) if used.parameters == self.fingerprint() => Ok(Some(used.made.clone())),
            Some(_) => Err(ApiError::client(
                "IdempotentParameterMismatch",
                "The client token you have provided is associated with a resource that is already deleted, or the request uses the same client token as a previous, but non-identical request.",
            )),
        }
    }

    pub(super) fn remember_token(&mut self, scope: &str, made: Vec<String>) -> Result<(), ApiError> {
        if let Some(key) = self.token_key(scope)? {
            let used = UsedToken { parameters: self.fingerprint(), made };
            self.state.client_tokens.insert(key, used);
        }
        Ok(())
    }

    fn token_key(&self, scope: &str) -> Result<Option<String>, ApiError> {
        let token = self.input.text("ClientToken")?.filter(|token| !token.is_empty());
        Ok(token.map(|token| format!("{}|{scope}|{token}", self.action)))
    }

    fn fingerprint(&self) -> String {
        self.input.fingerprint(&["ClientToken", "DryRun"])
    }

    /// `<return>true</return>`, the answer of calls that have nothing to say.
    pub(super) fn say_true(&mut self) {
        self.xml.plain("return", true);
    }
}
