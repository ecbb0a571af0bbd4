//! DynamoDB's expression language: conditions, updates, projections and key conditions.
//!
//! Text goes through [`lexer`] and [`parser`] to a small tree, with `#name` and `:value` already replaced; evaluation over
//! an item is in [`condition`] and [`update`]. The refusals' texts are DynamoDB's own.

mod condition;
mod lexer;
mod parser;
mod path;
mod update;

use std::collections::BTreeSet;
use std::sync::LazyLock;

pub(crate) use condition::{Comparison, Condition, Operand};
pub(crate) use parser::{Kind, Substitutions};
pub(crate) use path::{Path, project};
pub(crate) use update::Update;

/// Words that DynamoDB reserves: they can name an attribute only through `#name`. Every word of every expression is looked up here.
static RESERVED_WORDS: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| include_str!("reserved_words.txt").lines().collect());

/// Whether the word is reserved; case does not matter.
fn is_reserved(word: &str) -> bool {
    RESERVED_WORDS.contains(word.to_ascii_uppercase().as_str())
}
