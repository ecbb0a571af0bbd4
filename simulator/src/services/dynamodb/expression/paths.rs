//! Tokens to paths and values, with `#name` and `:value` replaced.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::lexer::TokenKind;
use super::parser::Parser;
use super::path::{Path, PathStep};
use crate::model::dynamodb::value::AttributeValue;
use crate::protocol::error::ApiError;

/// Words that DynamoDB reserves: they can name an attribute only through `#name`. Every word of every expression is looked up here.
static RESERVED_WORDS: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| include_str!("reserved_words.txt").lines().collect());

/// Whether the word is reserved; case does not matter.
fn is_reserved(word: &str) -> bool {
    RESERVED_WORDS.contains(word.to_ascii_uppercase().as_str())
}

impl Parser<'_> {
    pub(super) fn value(&mut self) -> Result<AttributeValue, ApiError> {
        let Some(token) = self.peek().filter(|token| token.kind == TokenKind::ValueReference).cloned() else {
            return Err(self.syntax_error());
        };
        let Some(value) = self.replacements.values.get(token.text).cloned() else {
            return Err(self.invalid(format!(
                "An expression attribute value used in expression is not defined; attribute value: {}",
                token.text
            )));
        };
        self.replacements.used.insert(token.text.to_owned());
        self.position += 1;
        Ok(value)
    }

    fn name(&mut self) -> Result<String, ApiError> {
        let Some(token) = self.peek().cloned() else { return Err(self.syntax_error()) };
        let name = match token.kind {
            TokenKind::NameReference => {
                let Some(name) = self.replacements.names.get(token.text).cloned() else {
                    return Err(self.invalid(format!(
                        "An expression attribute name used in the document path is not defined; attribute name: {}",
                        token.text
                    )));
                };
                self.replacements.used.insert(token.text.to_owned());
                name
            }
            TokenKind::Word if is_reserved(token.text) => {
                return Err(
                    self.invalid(format!("Attribute name is a reserved keyword; reserved keyword: {}", token.text))
                );
            }
            TokenKind::Word => token.text.to_owned(),
            _ => return Err(self.syntax_error()),
        };
        self.position += 1;
        Ok(name)
    }

    pub(super) fn path(&mut self) -> Result<Path, ApiError> {
        let root = self.name()?;
        let mut steps = Vec::new();
        loop {
            if self.symbol(".") {
                steps.push(PathStep::Key(self.name()?));
            } else if self.symbol("[") {
                let index = self
                    .peek()
                    .filter(|token| token.kind == TokenKind::Index)
                    .and_then(|token| token.text.parse().ok());
                let Some(index) = index else { return Err(self.syntax_error()) };
                self.position += 1;
                self.expect("]")?;
                steps.push(PathStep::Index(index));
            } else {
                return Ok(Path { root, steps });
            }
        }
    }

    pub(super) fn paths(&mut self) -> Result<Vec<Path>, ApiError> {
        let mut paths = vec![self.path()?];
        while self.symbol(",") {
            paths.push(self.path()?);
        }
        Ok(paths)
    }
}
