//! EC2's query protocol: form in, XML out, API version 2016-11-15.

mod actions;
mod addresses;
pub(crate) mod attributes;
pub(crate) mod filter;
mod instances;
pub(crate) mod launch;
mod launch_templates;
pub(crate) mod params;
mod places;
mod snapshots;
mod status;
mod tags;
#[cfg(test)]
mod tests;
mod volumes;

use crate::model::table::Table;
use crate::model::zone::ZoneAnswer;
use crate::protocol::answer;
use crate::protocol::xml::Xml;
use crate::state::throttle::Category;
use crate::state::{State, UsedToken};
use crate::time::RegionTime;
use crate::wire::ec2::filter::IdKind;
use crate::wire::ec2::params::Params;
use crate::wire::{AwsError, Outcome, ParsedRequest};

/// An EC2 call being answered.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) params: &'a Params,
    pub(crate) now: RegionTime,
    /// The moment whose state this call's reads show.
    pub(crate) as_of: RegionTime,
    pub(crate) xml: Xml,
    /// The effect happens, but the answer is lost.
    silent: bool,
}

/// Why a call gets no result.
#[derive(Debug)]
pub(crate) enum Refusal {
    Aws(AwsError),
    /// No answer at all.
    Silence,
}

impl From<AwsError> for Refusal {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

pub(crate) type Done = Result<(), Refusal>;

/// Answers one EC2 request.
pub(crate) fn handle(state: &mut State, request: &ParsedRequest, now: RegionTime) -> Outcome {
    let request_id = state.ids.uuid();
    let params = Params::parse(&request.body, &request.query);
    let as_of = state.read_as_of(now);
    match run(state, &params, &request.action, now, as_of) {
        Ok(members) => Outcome::Answer(answer::success_xml(request, members, &request_id)),
        Err(Refusal::Silence) => Outcome::Silence,
        Err(Refusal::Aws(error)) => Outcome::Answer(answer::failure(request, &error, &request_id)),
    }
}

fn run(state: &mut State, params: &Params, name: &str, now: RegionTime, as_of: RegionTime) -> Result<Xml, Refusal> {
    let Some(action) = actions::find(name) else {
        return Err(AwsError::unsupported(format!(
            "The operation {name} of ec2 is not modelled by this simulated region."
        ))
        .into());
    };
    throttle(state, action, params, now)?;
    check_modelled(action, params)?;
    if params.flag("DryRun")? {
        let text = "Request would have succeeded, but DryRun flag is set.";
        return Err(AwsError::with_status(412, "DryRunOperation", text).into());
    }
    let mut call = Call { state, params, now, as_of, xml: Xml::with_capacity(4096), silent: false };
    (action.handler)(&mut call)?;
    if call.silent {
        return Err(Refusal::Silence);
    }
    Ok(call.xml)
}

fn throttle(state: &mut State, action: &actions::Action, params: &Params, now: RegionTime) -> Result<(), AwsError> {
    let exceeded = || AwsError::with_status(503, "RequestLimitExceeded", "Request limit exceeded.");
    let probability = state.faults.throttle_probability(action.name, now);
    if probability > 0.0 && state.chance.faults.f64() < probability {
        return Err(exceeded());
    }
    // AWS gives unfiltered and unpaginated describes of the listed kinds a smaller bucket.
    let narrowed = params.names().any(|name| !matches!(name, "Action" | "Version" | "DryRun" | "IncludeAllInstances"));
    let category =
        if action.smaller_bucket_unfiltered && !narrowed { Category::UnfilteredRead } else { action.category };
    if state.timing.calls.throttling && !state.throttles.take(action.name, category, now) {
        return Err(exceeded());
    }
    Ok(())
}

/// What is not modelled is refused rather than ignored: a caller must not believe that it had an effect.
fn check_modelled(action: &actions::Action, params: &Params) -> Result<(), AwsError> {
    let top_level = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let known = |name: &str| matches!(name, "Action" | "Version" | "DryRun") || action.parameters.contains(&name);
    match params.names().map(top_level).find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(AwsError::client(
            "UnsupportedOperation",
            format!("The parameter {name} of {} is unknown or not modelled by this simulated region.", action.name),
        )),
    }
}

impl Call<'_> {
    /// Checks that an id is well formed and that its resource exists, for EC2's lagging eyes too: a new id may not be found yet.
    fn require<T: Clone>(kind: IdKind, table: &Table<T>, id: &str, as_of: RegionTime) -> Result<(), AwsError> {
        kind.check(id)?;
        if table.get(id).is_some() && table.seen(id, as_of).is_some() { Ok(()) } else { Err(kind.missing(&[id])) }
    }

    pub(crate) fn require_instance(&self, id: &str) -> Result<(), AwsError> {
        Self::require(filter::INSTANCE, &self.state.instances, id, self.as_of)
    }

    pub(crate) fn require_volume(&self, id: &str) -> Result<(), AwsError> {
        Self::require(filter::VOLUME, &self.state.volumes, id, self.as_of)
    }

    pub(crate) fn require_snapshot(&self, id: &str) -> Result<(), AwsError> {
        Self::require(filter::SNAPSHOT, &self.state.snapshots, id, self.as_of)
    }

    pub(crate) fn require_address(&self, id: &str) -> Result<(), AwsError> {
        Self::require(filter::ALLOCATION, &self.state.addresses, id, self.as_of)
    }

    /// The instances that `InstanceId.N` names; all must exist.
    pub(crate) fn required_instances(&self) -> Result<Vec<String>, AwsError> {
        let ids = self.params.list("InstanceId");
        if ids.is_empty() {
            return Err(params::missing("InstanceId"));
        }
        for id in &ids {
            self.require_instance(id)?;
        }
        Ok(ids.into_iter().map(str::to_owned).collect())
    }

    /// Before a write: what the zone of the resource makes of it.
    pub(crate) fn enter_zone(&mut self, zone: &str) -> Done {
        match self.state.enter_zone(zone) {
            ZoneAnswer::Normal => Ok(()),
            ZoneAnswer::AcceptedInSilence => {
                self.silent = true;
                Ok(())
            }
            ZoneAnswer::Hang => Err(Refusal::Silence),
            ZoneAnswer::Refused => Err(internal_error().into()),
        }
    }

    pub(crate) fn enter_zone_of_instance(&mut self, id: &str) -> Done {
        let zone = self.state.instances.get(id).map(|instance| instance.zone.clone());
        zone.map_or(Ok(()), |zone| self.enter_zone(&zone))
    }

    pub(crate) fn enter_zone_of_volume(&mut self, id: &str) -> Done {
        let zone = self.state.volumes.get(id).map(|volume| volume.zone.clone());
        zone.map_or(Ok(()), |zone| self.enter_zone(&zone))
    }

    /// Before a read that fails as a whole when it touches a zone that is down: one that names a resource there, or names none at all.
    pub(crate) fn read_across_zones(&mut self, zones: &[Option<&str>]) -> Done {
        if !self.state.any_zone_down() {
            return Ok(());
        }
        let touches = zones.is_empty() || zones.iter().flatten().any(|zone| self.state.zone_loss(zone).is_some());
        if !touches {
            Ok(())
        } else if self.state.failing_read_hangs() {
            Err(Refusal::Silence)
        } else {
            Err(internal_error().into())
        }
    }

    /// What was made for a client token before; the same token with other parameters is refused. `scope` is the zone for requests that
    /// name one: their tokens are zonal.
    pub(crate) fn made_before(&self, scope: &str) -> Result<Option<Vec<String>>, AwsError> {
        let Some(key) = self.token_key(scope) else { return Ok(None) };
        match self.state.client_tokens.get(&key) {
            None => Ok(None),
            Some(used) if used.parameters == self.params.fingerprint() => Ok(Some(used.made.clone())),
            Some(_) => Err(AwsError::client(
                "IdempotentParameterMismatch",
                "The client token you have provided is associated with a resource that is already deleted, or the request uses the same client token as a previous, but non-identical request.",
            )),
        }
    }

    pub(crate) fn remember_token(&mut self, scope: &str, made: Vec<String>) {
        if let Some(key) = self.token_key(scope) {
            let used = UsedToken { parameters: self.params.fingerprint(), made };
            self.state.client_tokens.insert(key, used);
        }
    }

    fn token_key(&self, scope: &str) -> Option<String> {
        let token = self.params.get("ClientToken").filter(|token| !token.is_empty())?;
        Some(format!("{}|{scope}|{token}", self.params.get("Action").unwrap_or_default()))
    }

    /// `<return>true</return>`, the answer of calls that have nothing to say.
    pub(crate) fn say_true(&mut self) {
        self.xml.plain("return", true);
    }
}

pub(crate) fn internal_error() -> AwsError {
    AwsError::with_status(500, "InternalError", "An internal error has occurred")
}

/// The resources that a describe shows: those named, which must all exist, or all; of these the ones that pass.
pub(crate) fn select<'t, T: Clone>(
    table: &'t Table<T>,
    ids: &[&str],
    kind: IdKind,
    as_of: RegionTime,
    passes: impl Fn(&T) -> bool,
) -> Result<Vec<&'t T>, AwsError> {
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

/// `<tagSet>`, absent if there are no tags, as AWS leaves it.
pub(crate) fn write_tags(xml: &mut Xml, tags: &std::collections::BTreeMap<String, String>) {
    if tags.is_empty() {
        return;
    }
    xml.element("tagSet", |xml| {
        for (key, value) in tags {
            xml.element("item", |xml| {
                xml.text("key", key);
                xml.text("value", value);
            });
        }
    });
}
