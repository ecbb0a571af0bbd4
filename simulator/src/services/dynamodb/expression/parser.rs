//! Tokens one after the other: what conditions, updates and paths are parsed with.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{Token, TokenKind};
use crate::model::dynamodb::value::AttributeValue;
use crate::protocol::error::ApiError;

/// Conditions nest no deeper than this; AWS allows 300 operators in all.
pub(super) const DEEPEST: usize = 100;

/// Which parameter an expression came in: refusals name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Condition,
    Filter,
    KeyCondition,
    Update,
    Projection,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Condition => "ConditionExpression",
            Kind::Filter => "FilterExpression",
            Kind::KeyCondition => "KeyConditionExpression",
            Kind::Update => "UpdateExpression",
            Kind::Projection => "ProjectionExpression",
        }
    }
}

/// The token with its neighbours, as syntax errors quote them.
pub(super) fn near(text: &str, at: usize, length: usize) -> &str {
    let start = text.get(..at).unwrap_or_default().trim_end().rfind(' ').map_or(0, |space| space + 1);
    let after = (at + length).min(text.len());
    let tail = text.get(after..).unwrap_or_default();
    let skipped = tail.len() - tail.trim_start().len();
    let end = tail.trim_start().find(' ').map_or(text.len(), |space| after + skipped + space);
    text.get(start..end).unwrap_or(text)
}

/// What `#name` and `:value` stand for in one request, and which of them its expressions used.
#[derive(Debug, Default)]
pub(super) struct Replacements {
    pub(super) names: BTreeMap<String, String>,
    pub(super) values: BTreeMap<String, AttributeValue>,
    pub(super) used: BTreeSet<String>,
}

pub(super) struct Parser<'a> {
    kind: Kind,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    pub(super) position: usize,
    pub(super) replacements: &'a mut Replacements,
    /// Where the last pair of parentheses that grouped something opened and closed.
    pub(super) last_group: Option<(usize, usize)>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(kind: Kind, text: &'a str, tokens: Vec<Token<'a>>, replacements: &'a mut Replacements) -> Self {
        Self { kind, text, tokens, position: 0, replacements, last_group: None }
    }

    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.position)
    }

    fn peek_second(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.position + 1)
    }

    pub(super) fn invalid(&self, why: impl AsRef<str>) -> ApiError {
        ApiError::validation(format!("Invalid {}: {}", self.kind.name(), why.as_ref()))
    }

    pub(super) fn syntax_error(&self) -> ApiError {
        let Some(token) = self.peek() else {
            let last = self.tokens.last().map_or("", |token| self.text.get(token.at..).unwrap_or_default());
            return self.invalid(format!("Syntax error; token: \"<EOF>\", near: \"{last}\""));
        };
        let near = near(self.text, token.at, token.text.len());
        self.invalid(format!("Syntax error; token: \"{}\", near: \"{near}\"", token.text))
    }

    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == TokenKind::Symbol && token.text == symbol);
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), ApiError> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.syntax_error()) }
    }

    fn at_keyword(&self, keyword: &str) -> bool {
        self.peek().is_some_and(|token| token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        self.position += usize::from(found);
        found
    }

    /// The name of a function whose call starts here.
    pub(super) fn function(&self) -> Option<&'a str> {
        let token = self.peek().filter(|token| token.kind == TokenKind::Word)?;
        self.peek_second().filter(|next| next.text == "(").map(|_| token.text)
    }
}
