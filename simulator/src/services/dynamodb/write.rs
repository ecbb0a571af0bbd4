//! A write that has been read and checked, and what it would do.

use std::time::SystemTime;

use super::expression::condition::Condition;
use super::expression::parser::Kind;
use super::expression::path::Path;
use super::expression::substitutions::Substitutions;
use super::expression::update::Update;
use super::json::{item_from_json, item_to_json};
use super::request::{not_in_enum, requested_key, resource_not_found, substitutions};
use crate::model::dynamodb::table::{Key, LARGEST_ITEM_BYTES, Table};
use crate::model::dynamodb::tables::Tables;
use crate::model::dynamodb::value::{Item, item_bytes};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

/// A write that has been read and checked, but not yet judged against the item.
pub(super) struct Write {
    pub(super) table: String,
    pub(super) key: Key,
    condition: Option<Condition>,
    change: Change,
    return_old_on_failure: bool,
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
    pub(super) written: Vec<Path>,
}

impl Write {
    pub(super) fn put(table: &Table, input: Input<'_>) -> Result<Self, ApiError> {
        Self::plain_put(table, input)?.guarded(input, &mut substitutions(input)?)
    }

    pub(super) fn update(table: &Table, input: Input<'_>) -> Result<Self, ApiError> {
        let key = requested_key(table, input)?;
        let mut names = substitutions(input)?;
        let update = input.text("UpdateExpression")?.map(|text| names.update(text)).transpose()?.unwrap_or_default();
        if let Some(path) = update.written().find(|path| table.is_key(&path.root)) {
            return Err(ApiError::validation(format!(
                "One or more parameter values were invalid: Cannot update attribute {}. This attribute is part of the key",
                path.root
            )));
        }
        Self::plain(table, key, Change::Update(Box::new(update))).guarded(input, &mut names)
    }

    pub(super) fn delete(table: &Table, input: Input<'_>) -> Result<Self, ApiError> {
        Self::plain_delete(table, input)?.guarded(input, &mut substitutions(input)?)
    }

    pub(super) fn check(table: &Table, input: Input<'_>) -> Result<Self, ApiError> {
        let key = requested_key(table, input)?;
        input.required_text("ConditionExpression")?;
        Self::plain(table, key, Change::Check).guarded(input, &mut substitutions(input)?)
    }

    /// A put without a condition, as batches have them.
    pub(super) fn plain_put(table: &Table, input: Input<'_>) -> Result<Self, ApiError> {
        let item = item_from_json(input.document("Item")?.ok_or_else(|| input.missing("Item"))?)?;
        let key = table.key_of_item(&item)?;
        check_size(&item, "Item size has exceeded the maximum allowed size")?;
        Ok(Self::plain(table, key, Change::Put(item)))
    }

    /// A delete without a condition, as batches have them.
    pub(super) fn plain_delete(table: &Table, input: Input<'_>) -> Result<Self, ApiError> {
        Ok(Self::plain(table, requested_key(table, input)?, Change::Delete))
    }

    fn plain(table: &Table, key: Key, change: Change) -> Self {
        Self { table: table.name.clone(), key, condition: None, change, return_old_on_failure: false }
    }

    /// The same with the condition of the request; whatever names and values it defines must be used by now.
    fn guarded(self, input: Input<'_>, names: &mut Substitutions) -> Result<Self, ApiError> {
        let condition =
            input.text("ConditionExpression")?.map(|text| names.condition(Kind::Condition, text)).transpose()?;
        names.check_all_used()?;
        let return_old_on_failure = match input.text("ReturnValuesOnConditionCheckFailure")? {
            None | Some("NONE") => false,
            Some("ALL_OLD") => true,
            Some(other) => return Err(not_in_enum(other, "returnValuesOnConditionCheckFailure", "[ALL_OLD, NONE]")),
        };
        Ok(Self { condition, return_old_on_failure, ..self })
    }

    /// Judges the condition on the item as it is now.
    pub(super) fn judge(&self, table: &Table) -> Result<Judged, ApiError> {
        let before = table.read(&self.key, None).cloned();
        let absent = Item::new();
        let present = before.as_ref().unwrap_or(&absent);
        if self.condition.as_ref().is_some_and(|condition| !condition.holds(present)) {
            let failed = ApiError::client("ConditionalCheckFailedException", "The conditional request failed");
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

    /// Carries out what was judged; only a check changes nothing.
    pub(super) fn store(self, judged: Judged, tables: &mut Tables, now: SystemTime) -> Result<(), ApiError> {
        if matches!(self.change, Change::Check) {
            return Ok(());
        }
        let table = tables.by_name.get_mut(&self.table).ok_or_else(resource_not_found)?;
        table.write(self.key, judged.after, now);
        Ok(())
    }
}

fn check_size(item: &Item, message: &str) -> Result<(), ApiError> {
    if item_bytes(item) > LARGEST_ITEM_BYTES { Err(ApiError::validation(message)) } else { Ok(()) }
}
