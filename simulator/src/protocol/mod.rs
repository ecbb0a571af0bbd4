//! AWS's wire protocols: EC2 query, AWS query, AWS JSON 1.0 and 1.1, Smithy RPC v2 CBOR.
//!
//! A request becomes one tree of values whatever its protocol ([`request`]); the table of its operation ([`operations`]) says which
//! parameters there may be, and refuses the rest; a handler reads them ([`input`]); its output becomes an answer in the request's own
//! protocol ([`answer`]). Nothing here knows a state, or what an operation does.

pub(crate) mod answer;
mod cbor;
pub(crate) mod error;
pub(crate) mod form;
pub(crate) mod input;
pub(crate) mod operations;
pub(crate) mod parameter;
pub(crate) mod refusal;
pub(crate) mod request;
mod schema;
pub(crate) mod service;
#[cfg(test)]
mod tests;
pub(crate) mod timestamp;
pub(crate) mod xml;
