//! Tokens to trees, with `#name` and `:value` replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::value::AttributeValue;
use super::condition::{Comparison, Condition, Operand};
use super::is_reserved;
use super::lexer::{Token, TokenKind, tokens};
use super::path::{Path, PathStep};
use super::update::{SetOperand, SetValue, Update};
use crate::store::AwsError;

/// AWS's own limit on an expression's length.
const LONGEST_EXPRESSION_BYTES: usize = 4096;
/// Conditions nest no deeper than this; AWS allows 300 operators in all.
const DEEPEST: usize = 100;

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
    fn name(self) -> &'static str {
        match self {
            Kind::Condition => "ConditionExpression",
            Kind::Filter => "FilterExpression",
            Kind::KeyCondition => "KeyConditionExpression",
            Kind::Update => "UpdateExpression",
            Kind::Projection => "ProjectionExpression",
        }
    }
}

/// `ExpressionAttributeNames` and `…Values` of one request, and which of them its expressions used.
#[derive(Debug, Default)]
pub(crate) struct Substitutions {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, AttributeValue>,
    used: BTreeSet<String>,
    any_expression: bool,
}

impl Substitutions {
    pub(crate) fn from_json(names: Option<&Value>, values: Option<&Value>) -> Result<Substitutions, AwsError> {
        let mut read = Substitutions::default();
        if let Some(names) = names.and_then(Value::as_object) {
            if names.is_empty() {
                return Err(AwsError::validation("ExpressionAttributeNames must not be empty"));
            }
            for (reference, name) in names {
                check_reference(reference, '#', "ExpressionAttributeNames")?;
                let name = name.as_str().unwrap_or_default();
                read.names.insert(reference.clone(), name.to_owned());
            }
        }
        if let Some(values) = values.and_then(Value::as_object) {
            if values.is_empty() {
                return Err(AwsError::validation("ExpressionAttributeValues must not be empty"));
            }
            for (reference, value) in values {
                check_reference(reference, ':', "ExpressionAttributeValues")?;
                let value = AttributeValue::from_json(value).map_err(|error| AwsError {
                    message: format!(
                        "ExpressionAttributeValues contains invalid value: {} for key {reference}",
                        error.message
                    ),
                    ..error
                })?;
                read.values.insert(reference.clone(), value);
            }
        }
        Ok(read)
    }

    /// DynamoDB refuses a request that defines what no expression uses.
    pub(crate) fn check_all_used(&self) -> Result<(), AwsError> {
        for (parameter, defined) in [
            ("ExpressionAttributeNames", self.names.keys().collect::<Vec<_>>()),
            ("ExpressionAttributeValues", self.values.keys().collect::<Vec<_>>()),
        ] {
            if !defined.is_empty() && !self.any_expression {
                return Err(AwsError::validation(format!("{parameter} can only be specified when using expressions")));
            }
            let unused: Vec<&str> =
                defined.into_iter().map(String::as_str).filter(|reference| !self.used.contains(*reference)).collect();
            if !unused.is_empty() {
                return Err(AwsError::validation(format!(
                    "Value provided in {parameter} unused in expressions: keys: {{{}}}",
                    unused.join(", ")
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn condition(&mut self, kind: Kind, text: &str) -> Result<Condition, AwsError> {
        self.whole(kind, text, |parser| parser.condition(0))
    }

    pub(crate) fn projection(&mut self, text: &str) -> Result<Vec<Path>, AwsError> {
        let paths = self.whole(Kind::Projection, text, Parser::paths)?;
        check_overlaps(Kind::Projection, &paths.iter().collect::<Vec<_>>())?;
        Ok(paths)
    }

    pub(crate) fn update(&mut self, text: &str) -> Result<Update, AwsError> {
        let update = self.whole(Kind::Update, text, Parser::update)?;
        check_overlaps(Kind::Update, &update.written().collect::<Vec<_>>())?;
        Ok(update)
    }

    fn whole<'a, T>(
        &'a mut self,
        kind: Kind,
        text: &'a str,
        parse: impl FnOnce(&mut Parser<'a>) -> Result<T, AwsError>,
    ) -> Result<T, AwsError> {
        self.any_expression = true;
        let invalid = |why: String| AwsError::validation(format!("Invalid {}: {why}", kind.name()));
        if text.trim().is_empty() {
            return Err(invalid("The expression can not be empty;".to_owned()));
        }
        if text.len() > LONGEST_EXPRESSION_BYTES {
            return Err(invalid(format!(
                "Expression size has exceeded the maximum allowed size; expression size: {}",
                text.len()
            )));
        }
        let tokens = tokens(text).map_err(|at| {
            let token: String = text.get(at..).unwrap_or_default().chars().take(1).collect();
            invalid(format!("Syntax error; token: \"{token}\", near: \"{}\"", near(text, at, token.len())))
        })?;
        let mut parser = Parser { kind, text, tokens, position: 0, substitutions: self };
        let parsed = parse(&mut parser)?;
        if parser.peek().is_some() { Err(parser.syntax_error()) } else { Ok(parsed) }
    }
}

fn check_reference(reference: &str, sign: char, parameter: &str) -> Result<(), AwsError> {
    let well_formed = reference
        .strip_prefix(sign)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    if well_formed {
        Ok(())
    } else {
        Err(AwsError::validation(format!("{parameter} contains invalid key: Syntax error; key: \"{reference}\"")))
    }
}

fn check_overlaps(kind: Kind, paths: &[&Path]) -> Result<(), AwsError> {
    for (position, path) in paths.iter().enumerate() {
        if let Some(other) = paths.iter().skip(position + 1).find(|other| path.overlaps(other)) {
            return Err(AwsError::validation(format!(
                "Invalid {}: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {}, path two: {}",
                kind.name(),
                path.listed(),
                other.listed()
            )));
        }
    }
    Ok(())
}

/// The token with its neighbours, as syntax errors quote them.
fn near(text: &str, at: usize, length: usize) -> &str {
    let start = text.get(..at).unwrap_or_default().trim_end().rfind(' ').map_or(0, |space| space + 1);
    let after = (at + length).min(text.len());
    let tail = text.get(after..).unwrap_or_default();
    let skipped = tail.len() - tail.trim_start().len();
    let end = tail.trim_start().find(' ').map_or(text.len(), |space| after + skipped + space);
    text.get(start..end).unwrap_or(text)
}

struct Parser<'a> {
    kind: Kind,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    position: usize,
    substitutions: &'a mut Substitutions,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.position)
    }

    fn peek_second(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.position + 1)
    }

    fn invalid(&self, why: impl AsRef<str>) -> AwsError {
        AwsError::validation(format!("Invalid {}: {}", self.kind.name(), why.as_ref()))
    }

    fn syntax_error(&self) -> AwsError {
        let Some(token) = self.peek() else {
            let last = self.tokens.last().map_or("", |token| self.text.get(token.at..).unwrap_or_default());
            return self.invalid(format!("Syntax error; token: \"<EOF>\", near: \"{last}\""));
        };
        let near = near(self.text, token.at, token.text.len());
        self.invalid(format!("Syntax error; token: \"{}\", near: \"{near}\"", token.text))
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == TokenKind::Symbol && token.text == symbol);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), AwsError> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.syntax_error()) }
    }

    fn at_keyword(&self, keyword: &str) -> bool {
        self.peek().is_some_and(|token| token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case(keyword))
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        self.position += usize::from(found);
        found
    }

    /// The name of a function whose call starts here.
    fn function(&self) -> Option<&'a str> {
        let token = self.peek().filter(|token| token.kind == TokenKind::Word)?;
        self.peek_second().filter(|next| next.text == "(").map(|_| token.text)
    }

    // --- conditions: OR binds weakest, then AND, then NOT ---

    fn condition(&mut self, depth: usize) -> Result<Condition, AwsError> {
        if depth > DEEPEST {
            return Err(self.invalid("The expression contains too many levels"));
        }
        let mut left = self.conjunction(depth)?;
        while self.keyword("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.conjunction(depth)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Condition, AwsError> {
        let mut left = self.negation(depth)?;
        while self.keyword("AND") {
            left = Condition::And(Box::new(left), Box::new(self.negation(depth)?));
        }
        Ok(left)
    }

    fn negation(&mut self, depth: usize) -> Result<Condition, AwsError> {
        if depth > DEEPEST {
            return Err(self.invalid("The expression contains too many levels"));
        }
        if self.keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.negation(depth + 1)?)));
        }
        if self.symbol("(") {
            let inner = self.condition(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.function() {
            Some("size") | None => self.comparison(),
            Some(name) => self.test_function(name),
        }
    }

    fn test_function(&mut self, name: &str) -> Result<Condition, AwsError> {
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

    fn type_operand(&mut self) -> Result<String, AwsError> {
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

    fn check_prefix(&self, prefix: &Operand) -> Result<(), AwsError> {
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

    fn comparison(&mut self) -> Result<Condition, AwsError> {
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

    fn operand(&mut self) -> Result<Operand, AwsError> {
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

    // --- paths and values ---

    fn value(&mut self) -> Result<AttributeValue, AwsError> {
        let Some(token) = self.peek().filter(|token| token.kind == TokenKind::ValueReference).cloned() else {
            return Err(self.syntax_error());
        };
        let Some(value) = self.substitutions.values.get(token.text).cloned() else {
            return Err(self.invalid(format!(
                "An expression attribute value used in expression is not defined; attribute value: {}",
                token.text
            )));
        };
        self.substitutions.used.insert(token.text.to_owned());
        self.position += 1;
        Ok(value)
    }

    fn name(&mut self) -> Result<String, AwsError> {
        let Some(token) = self.peek().cloned() else { return Err(self.syntax_error()) };
        let name = match token.kind {
            TokenKind::NameReference => {
                let Some(name) = self.substitutions.names.get(token.text).cloned() else {
                    return Err(self.invalid(format!(
                        "An expression attribute name used in the document path is not defined; attribute name: {}",
                        token.text
                    )));
                };
                self.substitutions.used.insert(token.text.to_owned());
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

    fn path(&mut self) -> Result<Path, AwsError> {
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

    fn paths(&mut self) -> Result<Vec<Path>, AwsError> {
        let mut paths = vec![self.path()?];
        while self.symbol(",") {
            paths.push(self.path()?);
        }
        Ok(paths)
    }

    // --- updates ---

    fn update(&mut self) -> Result<Update, AwsError> {
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

    fn actions<T>(&mut self, action: impl Fn(&mut Self) -> Result<T, AwsError>) -> Result<Vec<T>, AwsError> {
        let mut actions = vec![action(self)?];
        while self.symbol(",") {
            actions.push(action(self)?);
        }
        Ok(actions)
    }

    fn set_action(&mut self) -> Result<(Path, SetValue), AwsError> {
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

    fn set_operand(&mut self, depth: usize) -> Result<SetOperand, AwsError> {
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

    fn member_action(&mut self, operator: &str) -> Result<(Path, AttributeValue), AwsError> {
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
