//! A service's one table of operations: each with its parameters and its handler. Dispatch goes through it, and so does every refusal.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::input::Input;
use super::parameter::{Kind, Parameter};
use super::request::Request;
use super::schema::Schema;
use super::service::Service;

/// One operation. What a handler is, its service decides.
#[derive(Clone, Copy)]
pub(crate) struct Operation<H> {
    pub(crate) name: &'static str,
    pub(crate) handler: H,
    modelled: &'static [&'static str],
    others: &'static [Parameter],
}

/// An operation with the paths of the parameters that are modelled as they are, and a row for each other one that is not refused.
pub(crate) const fn operation<H: Copy>(
    name: &'static str,
    handler: H,
    modelled: &'static [&'static str],
    others: &'static [Parameter],
) -> Operation<H> {
    Operation { name, handler, modelled, others }
}

impl<H> Operation<H> {
    fn rows(&self) -> impl Iterator<Item = Parameter> {
        let modelled = self.modelled.iter().map(|path| Parameter { path, kind: Kind::Modelled });
        modelled.chain(self.others.iter().copied())
    }

    fn schema(&self) -> Schema {
        Schema::of(self.rows())
    }
}

impl<H> fmt::Debug for Operation<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// All operations of a service.
#[derive(Debug)]
pub(crate) struct Operations<H: 'static> {
    service: Service,
    table: &'static [Operation<H>],
    by_name: OnceLock<BTreeMap<&'static str, Known<H>>>,
}

/// An operation with its parameters as a tree.
#[derive(Debug)]
pub(crate) struct Known<H: 'static> {
    operation: &'static Operation<H>,
    schema: Schema,
}

/// A call that its operation's table lets in.
#[derive(Debug)]
pub(crate) struct Admitted<'t, H: 'static> {
    pub(crate) operation: &'static Operation<H>,
    schema: &'t Schema,
    service: Service,
    tree: Value,
}

impl<H> Operations<H> {
    pub(crate) const fn new(service: Service, table: &'static [Operation<H>]) -> Self {
        Self { service, table, by_name: OnceLock::new() }
    }

    fn by_name(&self) -> &BTreeMap<&'static str, Known<H>> {
        self.by_name.get_or_init(|| {
            let known =
                |operation: &'static Operation<H>| (operation.name, Known { operation, schema: operation.schema() });
            self.table.iter().map(known).collect()
        })
    }

    /// The operation that a request asks for, with its parameters, all of which the table names.
    pub(crate) fn admit(&self, request: &Request) -> Result<Admitted<'_, H>, ApiError> {
        // An unknown operation is refused as such, whatever its body looks like.
        let known = self.named(&request.action)?;
        self.admit_known(known, request.parameters()?)
    }

    /// The same for parameters that did not come in a request.
    #[cfg(test)]
    pub(crate) fn admit_tree(&self, name: &str, tree: Value) -> Result<Admitted<'_, H>, ApiError> {
        self.admit_known(self.named(name)?, tree)
    }

    fn named(&self, name: &str) -> Result<&Known<H>, ApiError> {
        self.by_name().get(name).ok_or_else(|| {
            ApiError::unsupported(format!(
                "The operation {name} of {} is unknown or not modelled by this simulated region.",
                self.service.name()
            ))
        })
    }

    fn admit_known<'t>(&self, known: &'t Known<H>, tree: Value) -> Result<Admitted<'t, H>, ApiError> {
        let Known { operation, schema } = known;
        schema.check(operation.name, &tree, &self.service.profile().input_errors)?;
        Ok(Admitted { operation, schema, service: self.service, tree })
    }

    /// The table, for people and for the test that walks AWS's models.
    pub(crate) fn describe(&self) -> Value {
        let operations = self.by_name().iter().map(|(name, known)| {
            let mut parameters = Map::new();
            known.schema.describe(&mut parameters);
            ((*name).to_owned(), Value::Object(parameters))
        });
        let protocols = self.service.profile().protocols.iter().map(|protocol| protocol.name());
        json!({"protocols": protocols.collect::<Vec<_>>(), "operations": operations.collect::<Map<_, _>>()})
    }
}

impl<H> Admitted<'_, H> {
    pub(crate) fn input(&self) -> Input<'_> {
        Input::new(&self.tree, self.schema, &self.service.profile().input_errors)
    }
}

/// For the test that holds every row of every table to its use.
#[cfg(test)]
impl<H> Operations<H> {
    /// How many rows there are, and those whose loss would change nothing: a request that carries what the row names has to be let in with it, and
    /// refused by that name without it.
    pub(crate) fn rows_without_use(&self) -> (usize, Vec<String>) {
        let errors = &self.service.profile().input_errors;
        let (mut seen, mut useless) = (0, Vec::new());
        for operation in self.table {
            let rows: Vec<Parameter> = operation.rows().collect();
            for row in &rows {
                seen += 1;
                let request = row.carried();
                let others = rows.iter().filter(|other| other.path != row.path).copied();
                let with = operation.schema().check(operation.name, &request, errors);
                let without = Schema::of(others).check(operation.name, &request, errors);
                let refused = without.is_err_and(|error| error.code == "UnsupportedOperation");
                if with.is_err() || !refused {
                    useless.push(format!("{} {}", operation.name, row.path));
                }
            }
        }
        (seen, useless)
    }
}

#[cfg(test)]
impl Parameter {
    /// A request that carries it, and nothing else.
    fn carried(&self) -> Value {
        let value = match self.kind {
            Kind::OneOf(values) | Kind::Default(values) => values.first().copied().unwrap_or_default(),
            Kind::Modelled | Kind::Document | Kind::Irrelevant(_) => "x",
        };
        let parts: Vec<&str> = super::schema::parts(self.path).collect();
        parts.iter().rev().fold(json!(value), |inner, part| match *part {
            super::schema::ELEMENT => json!([inner]),
            super::schema::ENTRY => json!({"key": inner}),
            name => json!({name: inner}),
        })
    }
}
