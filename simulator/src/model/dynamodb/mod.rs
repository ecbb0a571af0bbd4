//! DynamoDB's tables and items.

pub(crate) mod number;
pub(crate) mod table;
pub(crate) mod tables;
pub(crate) mod value;
