//! Document paths: `a`, `a.b`, `a[0].c`.

use std::fmt;

use crate::model::dynamodb::value::{AttributeValue, Item};

/// A path from an item's attribute down into maps and lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) root: String,
    pub(crate) steps: Vec<PathStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathStep {
    Key(String),
    Index(usize),
}

impl Path {
    /// The value at the path, if there is one.
    pub(crate) fn read<'a>(&self, item: &'a Item) -> Option<&'a AttributeValue> {
        self.steps.iter().try_fold(item.get(&self.root)?, |value, step| match (value, step) {
            (AttributeValue::Map(map), PathStep::Key(key)) => map.get(key),
            (AttributeValue::List(list), PathStep::Index(index)) => list.get(*index),
            _ => None,
        })
    }

    /// Sets the value at the path. Only the last step may be new; `false` when what should hold it is missing.
    pub(crate) fn write(&self, whole: &mut Item, value: AttributeValue) -> bool {
        let Some((last, way)) = self.steps.split_last() else {
            whole.insert(self.root.clone(), value);
            return true;
        };
        match (self.holder(whole, way), last) {
            (Some(AttributeValue::Map(map)), PathStep::Key(key)) => {
                map.insert(key.clone(), value);
                true
            }
            (Some(AttributeValue::List(elements)), PathStep::Index(index)) => {
                match elements.get_mut(*index) {
                    Some(element) => *element = value,
                    // An index past the end appends.
                    None => elements.push(value),
                }
                true
            }
            _ => false,
        }
    }

    /// Removes the value at the path; `false` when what should hold it is missing.
    pub(crate) fn remove(&self, whole: &mut Item) -> bool {
        let Some((last, way)) = self.steps.split_last() else {
            whole.remove(&self.root);
            return true;
        };
        match (self.holder(whole, way), last) {
            (Some(AttributeValue::Map(map)), PathStep::Key(key)) => {
                map.remove(key);
                true
            }
            (Some(AttributeValue::List(elements)), PathStep::Index(index)) => {
                if *index < elements.len() {
                    elements.remove(*index);
                }
                true
            }
            _ => false,
        }
    }

    fn holder<'a>(&self, item: &'a mut Item, way: &[PathStep]) -> Option<&'a mut AttributeValue> {
        way.iter().try_fold(item.get_mut(&self.root)?, |value, step| match (value, step) {
            (AttributeValue::Map(map), PathStep::Key(key)) => map.get_mut(key),
            (AttributeValue::List(list), PathStep::Index(index)) => list.get_mut(*index),
            _ => None,
        })
    }

    /// Whether one of the two paths leads through the other.
    pub(crate) fn overlaps(&self, other: &Path) -> bool {
        self.root == other.root && self.steps.iter().zip(&other.steps).all(|(left, right)| left == right)
    }

    /// The path as DynamoDB prints it in an overlap error: `[a, b, [0]]`.
    pub(crate) fn listed(&self) -> String {
        let mut parts = vec![self.root.clone()];
        parts.extend(self.steps.iter().map(|step| match step {
            PathStep::Key(key) => key.clone(),
            PathStep::Index(index) => format!("[{index}]"),
        }));
        format!("[{}]", parts.join(", "))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.root)?;
        self.steps.iter().try_for_each(|step| match step {
            PathStep::Key(key) => write!(out, ".{key}"),
            PathStep::Index(index) => write!(out, "[{index}]"),
        })
    }
}

/// The part of an item that the paths lead to. Chosen list elements close ranks, as DynamoDB returns them.
pub(crate) fn project(item: &Item, paths: &[Path]) -> Item {
    let mut roots: Vec<&str> = paths.iter().map(|path| path.root.as_str()).collect();
    roots.sort_unstable();
    roots.dedup();
    roots
        .into_iter()
        .filter_map(|root| {
            let ways: Vec<&[PathStep]> =
                paths.iter().filter(|path| path.root == root).map(|path| path.steps.as_slice()).collect();
            Some((root.to_owned(), part(item.get(root)?, &ways)?))
        })
        .collect()
}

/// The whole item, or the part of it that is asked for.
pub(crate) fn projected(item: &Item, paths: Option<&[Path]>) -> Item {
    paths.map_or_else(|| item.clone(), |paths| project(item, paths))
}

fn part(value: &AttributeValue, ways: &[&[PathStep]]) -> Option<AttributeValue> {
    if ways.iter().any(|way| way.is_empty()) {
        return Some(value.clone());
    }
    let below = |step: &PathStep| -> Vec<&[PathStep]> {
        ways.iter()
            .filter_map(|way| way.split_first().filter(|(first, _)| *first == step).map(|(_, rest)| rest))
            .collect()
    };
    match value {
        AttributeValue::Map(map) => {
            let chosen: Item = map
                .iter()
                .filter_map(|(key, value)| {
                    let ways = below(&PathStep::Key(key.clone()));
                    if ways.is_empty() { None } else { Some((key.clone(), part(value, &ways)?)) }
                })
                .collect();
            (!chosen.is_empty()).then_some(AttributeValue::Map(chosen))
        }
        AttributeValue::List(list) => {
            let chosen: Vec<AttributeValue> = list
                .iter()
                .enumerate()
                .filter_map(|(index, value)| {
                    let ways = below(&PathStep::Index(index));
                    if ways.is_empty() { None } else { part(value, &ways) }
                })
                .collect();
            (!chosen.is_empty()).then_some(AttributeValue::List(chosen))
        }
        _ => None,
    }
}
