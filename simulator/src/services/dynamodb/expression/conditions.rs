//! Tokens to conditions.

use super::condition::{Comparison, Condition, Operand};
use super::lexer::TokenKind;
use super::parser::{DEEPEST, Parser};
use crate::model::dynamodb::value::AttributeValue;
use crate::protocol::error::ApiError;

/// OR binds weakest, then AND, then NOT.
impl Parser<'_> {
    pub(super) fn condition(&mut self, depth: usize) -> Result<Condition, ApiError> {
        if depth > DEEPEST {
            return Err(self.invalid("The expression contains too many levels"));
        }
        let mut left = self.conjunction(depth)?;
        while self.keyword("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.conjunction(depth)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Condition, ApiError> {
        let mut left = self.negation(depth)?;
        while self.keyword("AND") {
            left = Condition::And(Box::new(left), Box::new(self.negation(depth)?));
        }
        Ok(left)
    }

    fn negation(&mut self, depth: usize) -> Result<Condition, ApiError> {
        if depth > DEEPEST {
            return Err(self.invalid("The expression contains too many levels"));
        }
        if self.keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.negation(depth + 1)?)));
        }
        if self.symbol("(") {
            return self.group(depth);
        }
        match self.function() {
            Some("size") | None => self.comparison(),
            Some(name) => self.test_function(name),
        }
    }

    /// What is in parentheses. AWS refuses `((a))`: a group that holds nothing but another one.
    fn group(&mut self, depth: usize) -> Result<Condition, ApiError> {
        let opened = self.position - 1;
        let inner = self.condition(depth + 1)?;
        let closed = self.position;
        self.expect(")")?;
        if self.last_group == Some((opened + 1, closed - 1)) {
            return Err(self.invalid("The expression has redundant parentheses;"));
        }
        self.last_group = Some((opened, closed));
        Ok(inner)
    }

    fn test_function(&mut self, name: &str) -> Result<Condition, ApiError> {
        if !matches!(name, "attribute_exists" | "attribute_not_exists" | "attribute_type" | "begins_with" | "contains")
        {
            return Err(self.invalid(format!("Invalid function name; function: {name}")));
        }
        self.position += 2;
        let condition = match name {
            "attribute_exists" => Condition::Exists(self.path()?),
            "attribute_not_exists" => Condition::NotExists(self.path()?),
            "attribute_type" => {
                let path = self.path()?;
                self.expect(",")?;
                Condition::Type(path, self.type_operand()?)
            }
            _ => {
                let whole = self.operand()?;
                self.expect(",")?;
                let part = self.operand()?;
                if name == "begins_with" {
                    self.check_prefix(&part)?;
                    Condition::BeginsWith(whole, part)
                } else {
                    Condition::Contains(whole, part)
                }
            }
        };
        self.expect(")")?;
        Ok(condition)
    }

    fn type_operand(&mut self) -> Result<String, ApiError> {
        const TYPES: [&str; 10] = ["S", "N", "B", "SS", "NS", "BS", "BOOL", "NULL", "L", "M"];
        match self.operand()? {
            Operand::Value(AttributeValue::String(name)) if TYPES.contains(&name.as_str()) => Ok(name),
            Operand::Value(AttributeValue::String(name)) => Err(self.invalid(format!(
                "Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
            ))),
            _ => {
                Err(self
                    .invalid("Incorrect operand type for operator or function; operator or function: attribute_type"))
            }
        }
    }

    fn check_prefix(&self, prefix: &Operand) -> Result<(), ApiError> {
        match prefix {
            Operand::Value(value) if !matches!(value, AttributeValue::String(_) | AttributeValue::Binary(_)) => {
                Err(self.invalid(format!(
                    "Incorrect operand type for operator or function; operator or function: begins_with, operand type: {}",
                    value.type_name()
                )))
            }
            _ => Ok(()),
        }
    }

    fn comparison(&mut self) -> Result<Condition, ApiError> {
        let left = self.operand()?;
        if self.keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.keyword("AND") {
                return Err(self.syntax_error());
            }
            return Ok(Condition::Between(left, low, self.operand()?));
        }
        if self.keyword("IN") {
            self.expect("(")?;
            let mut candidates = vec![self.operand()?];
            while self.symbol(",") {
                candidates.push(self.operand()?);
            }
            self.expect(")")?;
            return Ok(Condition::In(left, candidates));
        }
        let comparison = match self.peek().map(|token| token.text) {
            Some("=") => Comparison::Equal,
            Some("<>") => Comparison::NotEqual,
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::LessOrEqual,
            Some(">") => Comparison::Greater,
            Some(">=") => Comparison::GreaterOrEqual,
            _ => return Err(self.syntax_error()),
        };
        self.position += 1;
        Ok(Condition::Compare(comparison, left, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, ApiError> {
        if self.function() == Some("size") {
            self.position += 2;
            let path = self.path()?;
            self.expect(")")?;
            return Ok(Operand::Size(path));
        }
        if self.peek().is_some_and(|token| token.kind == TokenKind::ValueReference) {
            return Ok(Operand::Value(self.value()?));
        }
        self.path().map(Operand::Path)
    }
}
