//! DynamoDB's expression language: conditions, updates, projections and key conditions.
//!
//! Text goes through [`lexer`] and the parser (`parser`, `conditions`, `updates`, `paths`) to a small tree, with `#name` and `:value`
//! already replaced; evaluation over an item is in [`condition`] and [`update`]. The refusals' texts are DynamoDB's own.

pub(crate) mod condition;
mod conditions;
mod lexer;
pub(crate) mod parser;
pub(crate) mod path;
mod paths;
pub(crate) mod substitutions;
pub(crate) mod update;
mod updates;
