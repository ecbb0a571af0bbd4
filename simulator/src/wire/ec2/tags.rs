//! Tags on the wire.

use std::collections::BTreeMap;

use crate::state::State;
use crate::time::RegionTime;
use crate::wire::AwsError;
use crate::wire::ec2::filter::{ALLOCATION, INSTANCE, IdKind, Page, SNAPSHOT, VOLUME, all_pass, filters};
use crate::wire::ec2::params::{TAGS_PER_RESOURCE, missing, tag_limit_exceeded};
use crate::wire::ec2::{Call, Done};

const KINDS: [IdKind; 4] = [INSTANCE, VOLUME, SNAPSHOT, ALLOCATION];

/// The resources that `ResourceId.N` names; all must exist, for EC2's lagging eyes too.
fn resources(call: &Call<'_>) -> Result<Vec<String>, AwsError> {
    let ids = call.params.list("ResourceId");
    if ids.is_empty() {
        return Err(missing("resourceIdSet"));
    }
    for id in &ids {
        match KINDS.iter().find(|kind| id.starts_with(kind.prefix)).map(|kind| kind.prefix) {
            Some("i-") => call.require_instance(id)?,
            Some("vol-") => call.require_volume(id)?,
            Some("snap-") => call.require_snapshot(id)?,
            Some(_) => call.require_address(id)?,
            None => return Err(AwsError::client("InvalidID", format!("The ID '{id}' is not valid"))),
        }
    }
    Ok(ids.into_iter().map(str::to_owned).collect())
}

pub(crate) fn create(call: &mut Call<'_>) -> Done {
    let ids = resources(call)?;
    let tags = call.params.tags_under("Tag")?;
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
pub(crate) fn delete(call: &mut Call<'_>) -> Done {
    let ids = resources(call)?;
    let mut unwanted = Vec::new();
    for prefix in call.params.structures("Tag") {
        let key = call.params.required(&format!("{prefix}Key"))?;
        unwanted.push((key, call.params.get(&format!("{prefix}Value"))));
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

pub(crate) fn describe(call: &mut Call<'_>) -> Done {
    const FILTERS: &[&str] = &["key", "resource-id", "resource-type", "value"];
    let params = call.params;
    let filters = filters(params, FILTERS)?;
    let page = Page::read(params, false)?;
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
