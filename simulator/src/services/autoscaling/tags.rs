//! Tags of groups on the wire.

use serde_json::{Value, json};

use super::call::{Call, Done, PageSize};
use crate::behaviour::scaling::errors::invalid;
use crate::model::scaling::group::{Group, GroupTag};
use crate::protocol::error::ApiError;

/// A tag as it is asked for.
pub(super) struct AskedTag {
    group: String,
    pub(super) key: String,
    pub(super) tag: GroupTag,
    /// Whether a value was given: a deletion without one takes any.
    has_value: bool,
}

const KIND: &str = "auto-scaling-group";
const TAGS_PER_GROUP: usize = 50;

/// The tags in the request; those of a creation belong to its group.
pub(super) fn of_request(call: &Call<'_>, created: Option<&str>) -> Result<Vec<AskedTag>, ApiError> {
    let mut asked = Vec::new();
    for entry in call.input.list("Tags")? {
        let key =
            entry.text("Key")?.filter(|key| !key.is_empty()).ok_or_else(|| invalid("Tag key must be specified"))?;
        if key.starts_with("aws:") {
            return Err(invalid("Tag keys that begin with 'aws:' are reserved"));
        }
        if entry.text("ResourceType")?.is_some_and(|kind| kind != KIND) {
            return Err(invalid(format!("Only {KIND} resources are supported.")));
        }
        let group = match (created, entry.text("ResourceId")?) {
            (Some(name), Some(other)) if other != name => {
                return Err(invalid(format!("The tag's resource {other} is not the group {name}")));
            }
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) => return Err(invalid("Resource id must be specified")),
        };
        let value = entry.text("Value")?;
        asked.push(AskedTag {
            group: group.to_owned(),
            key: key.to_owned(),
            tag: GroupTag {
                value: value.unwrap_or_default().to_owned(),
                propagate_at_launch: entry.boolean("PropagateAtLaunch")?.unwrap_or(false),
            },
            has_value: value.is_some(),
        });
    }
    if asked.len() > TAGS_PER_GROUP {
        return Err(ApiError::client("LimitExceeded", "A group can have 50 tags at most"));
    }
    Ok(asked)
}

pub(super) fn put(call: &mut Call<'_>) -> Done {
    let asked = of_request(call, None)?;
    for tag in &asked {
        call.state.require_group(&tag.group)?;
    }
    for asked in asked {
        if let Some(group) = call.state.scaling.groups.change(&asked.group, call.now) {
            group.tags.insert(asked.key, asked.tag);
        }
    }
    Ok(Value::Null)
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let asked = of_request(call, None)?;
    for tag in &asked {
        call.state.require_group(&tag.group)?;
    }
    for asked in asked {
        if let Some(group) = call.state.scaling.groups.change(&asked.group, call.now) {
            group.tags.retain(|key, tag| *key != asked.key || (asked.has_value && tag.value != asked.tag.value));
        }
    }
    Ok(Value::Null)
}

/// The tags of a group as describes show them.
pub(super) fn shown(group: &Group) -> Vec<Value> {
    let tag = |(key, tag): (&String, &GroupTag)| {
        json!({
            "ResourceId": group.name,
            "ResourceType": KIND,
            "Key": key,
            "Value": tag.value,
            "PropagateAtLaunch": tag.propagate_at_launch,
        })
    };
    group.tags.iter().map(tag).collect()
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let mut rows: Vec<Value> =
        call.state.scaling.groups.seen_all(call.as_of).flat_map(|(_, group)| shown(group)).collect();
    for filter in call.input.list("Filters")? {
        let member = match filter.text("Name")?.unwrap_or_default() {
            "auto-scaling-group" => "ResourceId",
            "key" => "Key",
            "value" => "Value",
            "propagate-at-launch" => "PropagateAtLaunch",
            other => {
                return Err(invalid(format!(
                    "Filter type {other} is not correct. Allowed Filter types are: auto-scaling-group key value propagate-at-launch"
                )));
            }
        };
        let values = filter.texts("Values")?;
        rows.retain(|row| {
            let value = row.get(member).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            value.is_some_and(|value| values.contains(&value.as_str()))
        });
    }
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Sorted as groups are, and within one by key.
    let key = |row: &Value| format!("{}\0{}", text(row, "ResourceId"), text(row, "Key"));
    let (shown, token) = call.page(rows, PageSize::TAGS, key)?;
    Ok(json!({"Tags": shown, "NextToken": token}))
}
