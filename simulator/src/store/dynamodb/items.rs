//! Single items: get, put, update, delete.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::expression::{Condition, Kind, Path, Update, project};
use super::table::{Key, LARGEST_ITEM_BYTES, Table};
use super::value::{Item, item_bytes, item_from_json, item_to_json};
use super::{Tables, add_consumed_capacity, refuse_members, resource_not_found, substitutions, table_name, units};
use crate::store::AwsError;
use crate::store::input::Input;

/// A write that has been read and checked, but not yet judged against the item.
pub(super) struct Write {
    pub(super) table: String,
    pub(super) key: Key,
    condition: Option<Condition>,
    change: Change,
    pub(super) return_old_on_failure: bool,
}

enum Change {
    Put(Item),
    Update(Box<Update>),
    Delete,
    /// Only the condition counts (in transactions).
    Check,
}

/// What a write would do: the item before and after.
pub(super) struct Judged {
    pub(super) before: Option<Item>,
    pub(super) after: Option<Item>,
    written: Vec<Path>,
}

impl Write {
    pub(super) fn put(table: &Table, request: Input<'_>) -> Result<Write, AwsError> {
        let item = item_from_json(request.get("Item").ok_or_else(|| crate::store::input::missing("Item"))?)?;
        let key = table.key_of_item(&item)?;
        check_size(&item, "Item size has exceeded the maximum allowed size")?;
        Write::new(table, request, key, |_| Ok(Change::Put(item)))
    }

    pub(super) fn update(table: &Table, request: Input<'_>) -> Result<Write, AwsError> {
        let key = requested_key(table, request)?;
        Write::new(table, request, key, |names| {
            let update =
                request.text("UpdateExpression")?.map(|text| names.update(text)).transpose()?.unwrap_or_default();
            if let Some(path) = update.written().find(|path| table.is_key(&path.root)) {
                return Err(AwsError::validation(format!(
                    "One or more parameter values were invalid: Cannot update attribute {}. This attribute is part of the key",
                    path.root
                )));
            }
            Ok(Change::Update(Box::new(update)))
        })
    }

    pub(super) fn delete(table: &Table, request: Input<'_>) -> Result<Write, AwsError> {
        let key = requested_key(table, request)?;
        Write::new(table, request, key, |_| Ok(Change::Delete))
    }

    pub(super) fn check(table: &Table, request: Input<'_>) -> Result<Write, AwsError> {
        let key = requested_key(table, request)?;
        request.required_text("ConditionExpression")?;
        Write::new(table, request, key, |_| Ok(Change::Check))
    }

    fn new(
        table: &Table,
        request: Input<'_>,
        key: Key,
        change: impl FnOnce(&mut super::Substitutions) -> Result<Change, AwsError>,
    ) -> Result<Write, AwsError> {
        refuse_members(request, &["Expected", "AttributeUpdates", "ConditionalOperator"])?;
        let mut names = substitutions(request)?;
        let change = change(&mut names)?;
        let condition =
            request.text("ConditionExpression")?.map(|text| names.condition(Kind::Condition, text)).transpose()?;
        names.check_all_used()?;
        let return_old_on_failure = match request.text("ReturnValuesOnConditionCheckFailure")? {
            None | Some("NONE") => false,
            Some("ALL_OLD") => true,
            Some(other) => return Err(not_in_enum(other, "returnValuesOnConditionCheckFailure", "[ALL_OLD, NONE]")),
        };
        Ok(Write { table: table.name.clone(), key, condition, change, return_old_on_failure })
    }

    /// Judges the condition on the item as it is now.
    pub(super) fn judge(&self, table: &Table) -> Result<Judged, AwsError> {
        let before = table.read(&self.key, None).cloned();
        let absent = Item::new();
        let present = before.as_ref().unwrap_or(&absent);
        if self.condition.as_ref().is_some_and(|condition| !condition.holds(present)) {
            let failed = AwsError::client("ConditionalCheckFailedException", "The conditional request failed");
            return Err(match before.filter(|_| self.return_old_on_failure) {
                Some(item) => failed.member("Item", item_to_json(&item)),
                None => failed,
            });
        }
        let (after, written) = match &self.change {
            Change::Put(item) => (Some(item.clone()), Vec::new()),
            Change::Delete => (None, Vec::new()),
            Change::Check => (before.clone(), Vec::new()),
            Change::Update(update) => {
                // An update of an absent item creates it with its key.
                let start = before.clone().unwrap_or_else(|| table.key_attributes(&self.key));
                let after = update.apply(&start)?;
                check_size(&after, "Item size to update has exceeded the maximum allowed size")?;
                (Some(after), update.written().cloned().collect())
            }
        };
        Ok(Judged { before, after, written })
    }

    /// Whether carrying it out changes anything.
    pub(super) fn is_check(&self) -> bool {
        matches!(self.change, Change::Check)
    }
}

impl Tables {
    pub(super) fn get_item(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        refuse_members(request, &["AttributesToGet"])?;
        let as_of = self.read_as_of(request, now)?;
        let table = self.active(request, now)?;
        let key = requested_key(table, request)?;
        let paths = projection(request)?;
        let item = table.read(&key, as_of);
        let mut output = match item {
            Some(item) => json!({"Item": item_to_json(&projected(item, paths.as_deref()))}),
            None => json!({}),
        };
        let factor = if request.boolean("ConsistentRead")? == Some(true) { 1.0 } else { 0.5 };
        let consumed = units(item.map_or(0, item_bytes), 4096, factor);
        add_consumed_capacity(&mut output, request, &table.name, consumed);
        Ok(output)
    }

    pub(super) fn put_item(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let returned = return_values(request, &["NONE", "ALL_OLD"])?;
        let write = Write::put(self.active(request, now)?, request)?;
        self.carry_out(write, returned, request, now)
    }

    pub(super) fn delete_item(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let returned = return_values(request, &["NONE", "ALL_OLD"])?;
        let write = Write::delete(self.active(request, now)?, request)?;
        self.carry_out(write, returned, request, now)
    }

    pub(super) fn update_item(&mut self, request: Input<'_>, now: SystemTime) -> Result<Value, AwsError> {
        let returned = return_values(request, &["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"])?;
        let write = Write::update(self.active(request, now)?, request)?;
        self.carry_out(write, returned, request, now)
    }

    fn carry_out(
        &mut self,
        write: Write,
        returned: &str,
        request: Input<'_>,
        now: SystemTime,
    ) -> Result<Value, AwsError> {
        let table = self.active_mut(&write.table, now)?;
        let judged = write.judge(table)?;
        table.write(write.key, judged.after.clone(), now);
        let attributes = match returned {
            "ALL_OLD" => judged.before.clone(),
            "ALL_NEW" => judged.after.clone(),
            "UPDATED_OLD" => judged.before.as_ref().map(|item| project(item, &judged.written)),
            "UPDATED_NEW" => judged.after.as_ref().map(|item| project(item, &judged.written)),
            _ => None,
        };
        let mut output = match attributes.filter(|attributes| !attributes.is_empty()) {
            Some(attributes) => json!({"Attributes": item_to_json(&attributes)}),
            None => json!({}),
        };
        let bytes = [&judged.before, &judged.after].into_iter().flatten().map(item_bytes).max().unwrap_or(0);
        add_consumed_capacity(&mut output, request, &write.table, units(bytes, 1024, 1.0));
        Ok(output)
    }

    /// Stores what a judged write leads to.
    pub(super) fn store(&mut self, write: Write, judged: Judged, now: SystemTime) -> Result<(), AwsError> {
        let table = self.by_name.get_mut(&write.table).ok_or_else(resource_not_found)?;
        table.write(write.key, judged.after, now);
        Ok(())
    }
}

/// The item's key, as the request names it.
pub(super) fn requested_key(table: &Table, request: Input<'_>) -> Result<Key, AwsError> {
    let named = request.get("Key").ok_or_else(|| crate::store::input::missing("Key"))?;
    table.key_of_request(&item_from_json(named)?)
}

/// The paths of `ProjectionExpression`, if there is one.
pub(super) fn projection(request: Input<'_>) -> Result<Option<Vec<Path>>, AwsError> {
    let mut names = substitutions(request)?;
    let paths = request.text("ProjectionExpression")?.map(|text| names.projection(text)).transpose()?;
    names.check_all_used()?;
    Ok(paths)
}

pub(super) fn projected(item: &Item, paths: Option<&[Path]>) -> Item {
    paths.map_or_else(|| item.clone(), |paths| project(item, paths))
}

/// The table that a transaction's element names.
pub(super) fn element_table<'a>(
    tables: &'a Tables,
    element: Input<'_>,
    now: SystemTime,
) -> Result<&'a Table, AwsError> {
    table_name(element)?;
    tables.active(element, now)
}

fn check_size(item: &Item, message: &str) -> Result<(), AwsError> {
    if item_bytes(item) > LARGEST_ITEM_BYTES { Err(AwsError::validation(message)) } else { Ok(()) }
}

fn return_values<'a>(request: Input<'a>, allowed: &[&str]) -> Result<&'a str, AwsError> {
    const ALL: [&str; 5] = ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"];
    match request.text("ReturnValues")? {
        None => Ok("NONE"),
        Some(value) if allowed.contains(&value) => Ok(value),
        Some(value) if ALL.contains(&value) => Err(AwsError::validation("Return values set to invalid value")),
        Some(value) => Err(not_in_enum(value, "returnValues", "[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]")),
    }
}

fn not_in_enum(value: &str, member: &str, allowed: &str) -> AwsError {
    AwsError::validation(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value set: {allowed}"
    ))
}
