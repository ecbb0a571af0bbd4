//! What the region makes of a parameter.

/// One row of an operation's table: a parameter by its path on the wire, such as `BlockDeviceMapping[].Ebs.Iops`, `Names[]` or
/// `ExpressionAttributeNames{}`: `[]` are a list's elements, `{}` a map's values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
}

/// What becomes of a parameter that a request carries. One that no row names is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The handler reads it, and it means what it means on AWS.
    Modelled,
    /// The handler reads it with all that is below, and itself refuses what it does not know there.
    Document,
    /// Modelled for these values; others are refused.
    OneOf(&'static [&'static str]),
    /// AWS's default, which changes nothing; other values are refused. No handler reads it.
    Default(&'static [&'static str]),
    /// Accepted, with all that is below: it has no meaning in this region. Why is said where it is not plain.
    Irrelevant(&'static str),
}

pub(crate) const fn document(path: &'static str) -> Parameter {
    Parameter { path, kind: Kind::Document }
}

pub(crate) const fn one_of(path: &'static str, values: &'static [&'static str]) -> Parameter {
    Parameter { path, kind: Kind::OneOf(values) }
}

pub(crate) const fn default_only(path: &'static str, values: &'static [&'static str]) -> Parameter {
    Parameter { path, kind: Kind::Default(values) }
}

pub(crate) const fn irrelevant(path: &'static str, why: &'static str) -> Parameter {
    Parameter { path, kind: Kind::Irrelevant(why) }
}
