//! A request's `#names` and `:values`, and the expressions that use them.

use serde_json::Value;

use super::condition::Condition;
use super::lexer::tokens;
use super::parser::{Kind, Parser, Replacements, near};
use super::path::Path;
use super::update::Update;
use crate::model::dynamodb::value::AttributeValue;
use crate::protocol::error::ApiError;

/// AWS's own limit on an expression's length.
const LONGEST_EXPRESSION_BYTES: usize = 4096;

/// `ExpressionAttributeNames` and `…Values` of one request, and which of them its expressions used.
#[derive(Debug, Default)]
pub(crate) struct Substitutions {
    replacements: Replacements,
    any_expression: bool,
}

impl Substitutions {
    pub(crate) fn from_json(names: Option<&Value>, values: Option<&Value>) -> Result<Substitutions, ApiError> {
        let mut read = Substitutions::default();
        for (reference, name) in members(names, "ExpressionAttributeNames")? {
            check_reference(reference, '#', "ExpressionAttributeNames")?;
            let name = name.as_str().ok_or_else(|| not_a_map("ExpressionAttributeNames", "strings"))?;
            read.replacements.names.insert(reference.clone(), name.to_owned());
        }
        for (reference, value) in members(values, "ExpressionAttributeValues")? {
            check_reference(reference, ':', "ExpressionAttributeValues")?;
            let value = AttributeValue::from_json(value).map_err(|error| ApiError {
                message: format!(
                    "ExpressionAttributeValues contains invalid value: {} for key {reference}",
                    error.message
                ),
                ..error
            })?;
            read.replacements.values.insert(reference.clone(), value);
        }
        Ok(read)
    }

    /// DynamoDB refuses a request that defines what no expression uses.
    pub(crate) fn check_all_used(&self) -> Result<(), ApiError> {
        for (parameter, defined) in [
            ("ExpressionAttributeNames", self.replacements.names.keys().collect::<Vec<_>>()),
            ("ExpressionAttributeValues", self.replacements.values.keys().collect::<Vec<_>>()),
        ] {
            if !defined.is_empty() && !self.any_expression {
                return Err(ApiError::validation(format!("{parameter} can only be specified when using expressions")));
            }
            let unused: Vec<&str> = defined
                .into_iter()
                .map(String::as_str)
                .filter(|reference| !self.replacements.used.contains(*reference))
                .collect();
            if !unused.is_empty() {
                return Err(ApiError::validation(format!(
                    "Value provided in {parameter} unused in expressions: keys: {{{}}}",
                    unused.join(", ")
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn condition(&mut self, kind: Kind, text: &str) -> Result<Condition, ApiError> {
        self.whole(kind, text, |parser| parser.condition(0))
    }

    pub(crate) fn projection(&mut self, text: &str) -> Result<Vec<Path>, ApiError> {
        let paths = self.whole(Kind::Projection, text, Parser::paths)?;
        check_overlaps(Kind::Projection, &paths.iter().collect::<Vec<_>>())?;
        Ok(paths)
    }

    pub(crate) fn update(&mut self, text: &str) -> Result<Update, ApiError> {
        let update = self.whole(Kind::Update, text, Parser::update)?;
        check_overlaps(Kind::Update, &update.written().collect::<Vec<_>>())?;
        Ok(update)
    }

    fn whole<'a, T>(
        &'a mut self,
        kind: Kind,
        text: &'a str,
        parse: impl FnOnce(&mut Parser<'a>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.any_expression = true;
        let invalid = |why: String| ApiError::validation(format!("Invalid {}: {why}", kind.name()));
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
        let mut parser = Parser::new(kind, text, tokens, &mut self.replacements);
        let parsed = parse(&mut parser)?;
        if parser.peek().is_some() { Err(parser.syntax_error()) } else { Ok(parsed) }
    }
}

/// The members of one of the two maps; an empty one is a mistake.
fn members<'a>(map: Option<&'a Value>, parameter: &str) -> Result<Vec<(&'a String, &'a Value)>, ApiError> {
    match map {
        None => Ok(Vec::new()),
        Some(Value::Object(members)) if members.is_empty() => {
            Err(ApiError::validation(format!("{parameter} must not be empty")))
        }
        Some(Value::Object(members)) => Ok(members.iter().collect()),
        Some(_) => Err(not_a_map(parameter, "values")),
    }
}

fn not_a_map(parameter: &str, of: &str) -> ApiError {
    ApiError::client("SerializationException", format!("The member {parameter} has to be a map of {of}"))
}

fn check_reference(reference: &str, sign: char, parameter: &str) -> Result<(), ApiError> {
    let well_formed = reference
        .strip_prefix(sign)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    if well_formed {
        Ok(())
    } else {
        Err(ApiError::validation(format!("{parameter} contains invalid key: Syntax error; key: \"{reference}\"")))
    }
}

fn check_overlaps(kind: Kind, paths: &[&Path]) -> Result<(), ApiError> {
    for (position, path) in paths.iter().enumerate() {
        if let Some(other) = paths.iter().skip(position + 1).find(|other| path.overlaps(other)) {
            return Err(ApiError::validation(format!(
                "Invalid {}: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {}, path two: {}",
                kind.name(),
                path.listed(),
                other.listed()
            )));
        }
    }
    Ok(())
}
