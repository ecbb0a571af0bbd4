//! Tokens to updates.

use std::collections::BTreeSet;

use super::lexer::TokenKind;
use super::parser::{DEEPEST, Parser};
use super::path::Path;
use super::update::{SetOperand, SetValue, Update};
use crate::model::dynamodb::value::AttributeValue;
use crate::protocol::error::ApiError;

impl Parser<'_> {
    pub(super) fn update(&mut self) -> Result<Update, ApiError> {
        let mut update = Update::default();
        let mut clauses = BTreeSet::new();
        while let Some(clause) = self.peek().map(|token| token.text.to_ascii_uppercase()) {
            if !matches!(clause.as_str(), "SET" | "REMOVE" | "ADD" | "DELETE") {
                return Err(self.syntax_error());
            }
            if !clauses.insert(clause.clone()) {
                return Err(
                    self.invalid(format!("The \"{clause}\" section can only be used once in an update expression;"))
                );
            }
            self.position += 1;
            match clause.as_str() {
                "SET" => update.set = self.actions(Parser::set_action)?,
                "REMOVE" => update.remove = self.paths()?,
                "ADD" => update.add = self.actions(|parser| parser.member_action("ADD"))?,
                _ => update.delete = self.actions(|parser| parser.member_action("DELETE"))?,
            }
        }
        Ok(update)
    }

    fn actions<T>(&mut self, action: impl Fn(&mut Self) -> Result<T, ApiError>) -> Result<Vec<T>, ApiError> {
        let mut actions = vec![action(self)?];
        while self.symbol(",") {
            actions.push(action(self)?);
        }
        Ok(actions)
    }

    fn set_action(&mut self) -> Result<(Path, SetValue), ApiError> {
        let path = self.path()?;
        self.expect("=")?;
        let left = self.set_operand(0)?;
        let value = if self.symbol("+") {
            SetValue::Plus(left, self.set_operand(0)?)
        } else if self.symbol("-") {
            SetValue::Minus(left, self.set_operand(0)?)
        } else {
            SetValue::Operand(left)
        };
        Ok((path, value))
    }

    fn set_operand(&mut self, depth: usize) -> Result<SetOperand, ApiError> {
        if depth > DEEPEST {
            return Err(self.invalid("The expression contains too many levels"));
        }
        match self.function() {
            Some("if_not_exists") => {
                self.position += 2;
                let path = self.path()?;
                self.expect(",")?;
                let otherwise = self.set_operand(depth + 1)?;
                self.expect(")")?;
                Ok(SetOperand::IfNotExists(path, Box::new(otherwise)))
            }
            Some("list_append") => {
                self.position += 2;
                let front = self.set_operand(depth + 1)?;
                self.expect(",")?;
                let back = self.set_operand(depth + 1)?;
                self.expect(")")?;
                Ok(SetOperand::ListAppend(Box::new(front), Box::new(back)))
            }
            Some(name) => Err(self.invalid(format!("Invalid function name; function: {name}"))),
            None if self.peek().is_some_and(|token| token.kind == TokenKind::ValueReference) => {
                Ok(SetOperand::Value(self.value()?))
            }
            None => self.path().map(SetOperand::Path),
        }
    }

    fn member_action(&mut self, operator: &str) -> Result<(Path, AttributeValue), ApiError> {
        let path = self.path()?;
        let value = self.value()?;
        let number_allowed = operator == "ADD";
        match value {
            AttributeValue::StringSet(_) | AttributeValue::NumberSet(_) | AttributeValue::BinarySet(_) => {
                Ok((path, value))
            }
            AttributeValue::Number(_) if number_allowed => Ok((path, value)),
            _ => Err(self.invalid(format!(
                "Incorrect operand type for operator or function; operator: {operator}, operand type: {}",
                value.type_name()
            ))),
        }
    }
}
