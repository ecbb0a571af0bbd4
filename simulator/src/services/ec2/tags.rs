//! Tags on the wire.

use std::collections::BTreeMap;

use crate::state::State;
use crate::time::RegionTime;

use super::call::{Call, Done};
use super::filter::{ANY_TAG, all_pass, filters};
use super::ids::{ALLOCATION, INSTANCE, IdKind, SNAPSHOT, VOLUME};
use super::page::Page;
use super::words::missing;
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

const KINDS: [IdKind; 4] = [INSTANCE, VOLUME, SNAPSHOT, ALLOCATION];

/// AWS: 50 tags a resource, keys of 128 characters, values of 256.
const TAGS_PER_RESOURCE: usize = 50;
const KEY_CHARACTERS: usize = 128;
const VALUE_CHARACTERS: usize = 256;

/// `TagSpecification.N` for one type of resource. The operation's table says for which types there may be any.
pub(super) fn tags_at_creation(input: Input<'_>, resource_type: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for specification in input.list("TagSpecification")? {
        let asked = specification.filled_text("ResourceType")?;
        let read = read_tags(specification)?;
        if asked == resource_type {
            tags.extend(read);
        }
    }
    Ok(tags)
}

/// `Tag.N.Key` and `Tag.N.Value`.
fn read_tags(input: Input<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in input.list("Tag")? {
        let key = tag.filled_text("Key")?;
        let value = tag.text("Value")?.unwrap_or_default();
        check_tag(key, value)?;
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > TAGS_PER_RESOURCE {
        return Err(tag_limit_exceeded());
    }
    Ok(tags)
}

fn tag_limit_exceeded() -> ApiError {
    ApiError::client("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
}

fn check_tag(key: &str, value: &str) -> Result<(), ApiError> {
    let refused = |message: String| Err(ApiError::client("InvalidParameterValue", message));
    if key.starts_with("aws:") {
        refused("Tag keys starting with 'aws:' are reserved for internal use".to_owned())
    } else if key.chars().count() > KEY_CHARACTERS {
        refused(format!("Tag key exceeds the maximum length of {KEY_CHARACTERS} characters"))
    } else if value.chars().count() > VALUE_CHARACTERS {
        refused(format!("Tag value exceeds the maximum length of {VALUE_CHARACTERS} characters"))
    } else {
        Ok(())
    }
}

/// The resources that `ResourceId.N` names; all must exist, for EC2's lagging eyes too.
fn resources(call: &Call<'_>) -> Result<Vec<String>, ApiError> {
    let ids = call.input.texts("ResourceId")?;
    if ids.is_empty() {
        return Err(missing("resourceIdSet"));
    }
    for id in &ids {
        match KINDS.iter().find(|kind| id.starts_with(kind.prefix)).map(|kind| kind.prefix) {
            Some("i-") => call.require_instance(id)?,
            Some("vol-") => call.require_volume(id)?,
            Some("snap-") => call.require_snapshot(id)?,
            Some(_) => call.require_address(id)?,
            None => return Err(ApiError::client("InvalidID", format!("The ID '{id}' is not valid"))),
        }
    }
    Ok(ids.into_iter().map(str::to_owned).collect())
}

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let ids = resources(call)?;
    let tags = read_tags(call.input)?;
    if tags.is_empty() {
        return Err(missing("tagSet").into());
    }
    for id in &ids {
        let existing = tags_seen(call.state, id, call.now).cloned().unwrap_or_default();
        let added = tags.keys().filter(|key| !existing.contains_key(*key)).count();
        if existing.len() + added > TAGS_PER_RESOURCE {
            return Err(tag_limit_exceeded().into());
        }
    }
    for id in &ids {
        if let Some(existing) = call.state.tags_of(id, call.now) {
            existing.extend(tags.clone());
        }
    }
    call.say_true();
    Ok(())
}

/// Without `Tag.N` all tags go; with a key alone that tag goes; with a value only if it has that value.
pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let ids = resources(call)?;
    let mut unwanted = Vec::new();
    for tag in call.input.list("Tag")? {
        unwanted.push((tag.filled_text("Key")?, tag.text("Value")?));
    }
    for id in &ids {
        if let Some(tags) = call.state.tags_of(id, call.now) {
            let goes = |key: &str, value: &str| {
                unwanted.is_empty()
                    || unwanted.iter().any(|(named, with)| *named == key && with.is_none_or(|with| with == value))
            };
            tags.retain(|key, value| !goes(key, value));
        }
    }
    call.say_true();
    Ok(())
}

fn tags_seen<'s>(state: &'s State, id: &str, as_of: RegionTime) -> Option<&'s BTreeMap<String, String>> {
    match id.split('-').next()? {
        "i" => state.instances.seen(id, as_of).map(|instance| &instance.tags),
        "vol" => state.volumes.seen(id, as_of).map(|volume| &volume.tags),
        "snap" => state.snapshots.seen(id, as_of).map(|snapshot| &snapshot.tags),
        "eipalloc" => state.addresses.seen(id, as_of).map(|address| &address.tags),
        _ => None,
    }
}

/// One tag of one resource, with a sort key for the pages.
struct Row<'s> {
    sort_key: String,
    resource_id: &'s str,
    resource_type: &'static str,
    key: &'s str,
    value: &'s str,
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    const FILTERS: &[&str] = &["key", "resource-id", "resource-type", ANY_TAG, "value"];
    let input = call.input;
    let filters = filters(input, FILTERS)?;
    let page = Page::read(input, false)?;
    let (state, as_of) = (&*call.state, call.as_of);
    let instances = state.instances.seen_all(as_of).map(|(id, instance)| (id, "instance", &instance.tags));
    let volumes = state.volumes.seen_all(as_of).map(|(id, volume)| (id, "volume", &volume.tags));
    let snapshots = state.snapshots.seen_all(as_of).map(|(id, snapshot)| (id, "snapshot", &snapshot.tags));
    let addresses = state.addresses.seen_all(as_of).map(|(id, address)| (id, "elastic-ip", &address.tags));
    let all = instances.chain(volumes).chain(snapshots).chain(addresses);
    let rows = all.flat_map(|(resource_id, resource_type, tags)| {
        tags.iter().map(move |(key, value)| Row {
            sort_key: format!("{resource_id} {key}"),
            resource_id,
            resource_type,
            key,
            value,
        })
    });
    let passes = |row: &Row<'_>| {
        let values = |name: &str, each: &mut dyn FnMut(&str)| match name {
            "key" => each(row.key),
            "resource-id" => each(row.resource_id),
            "resource-type" => each(row.resource_type),
            "value" => each(row.value),
            _ => {}
        };
        all_pass(&filters, &BTreeMap::from([(row.key.to_owned(), row.value.to_owned())]), &values)
    };
    let mut rows: Vec<Row<'_>> = rows.filter(passes).collect();
    rows.sort_by(|one, other| one.sort_key.cmp(&other.sort_key));
    let (shown, token) = page.cut(rows, |row| &row.sort_key);
    call.xml.element("tagSet", |xml| {
        for row in shown {
            xml.element("item", |xml| {
                xml.text("resourceId", row.resource_id);
                xml.text("resourceType", row.resource_type);
                xml.text("key", row.key);
                xml.text("value", row.value);
            });
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}
