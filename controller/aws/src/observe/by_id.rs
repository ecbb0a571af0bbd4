//! By tag first; by id, one call each, what the tag did not show or could not be asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use failover_core::ids::BadName;
use failover_core::step::FailureClass;
use failover_core::world::{Listing, Observed};
use futures::StreamExt;
use futures::future::{Either, select};
use jiff::Timestamp;

use super::described::{Described, Owners};
use crate::clock::Clock;
use crate::error::AwsError;

/// How long the call by tag may take before the known things are asked for by id beside it: a healthy region answers well before.
const BY_TAG_ALONE: Duration = Duration::from_secs(2);

/// The most that an observation may take for one call and its pages. A failover waits for it; a second attempt fits in.
const LIMIT: Duration = Duration::from_secs(8);

/// Calls by id that are under way at once: few enough for EC2's bucket of 100 (aws-facts 7) when a whole region is asked so.
const SIDE_BY_SIDE: usize = 16;

/// One thing, asked for by its id: what was seen of it, or nothing where AWS does not know it.
pub(super) type Single<V> = Option<(Observed<V>, Option<String>)>;

/// Asks by tag, then by id at what of `known` was not among the answer.
///
/// Guarantees: a thing is left out of a complete listing only if AWS answered, to a call that named it, that it does not exist.
pub(super) async fn by_tag_then_id<K, V, One>(
    clock: &Clock,
    operation: &'static str,
    known: &BTreeSet<K>,
    by_tag: impl Future<Output = Result<Described<K, V>, AwsError>>,
    by_id: impl Fn(K) -> One,
) -> (Listing<K, V>, Owners<K>)
where
    K: Ord + Clone + Display + FromStr<Err = BadName>,
    One: Future<Output = Result<Described<K, V>, AwsError>>,
{
    let by_tag = std::pin::pin!(limited(operation, by_tag));
    let by_tag_alone = std::pin::pin!(tokio::time::sleep(BY_TAG_ALONE));
    match select(by_tag, by_tag_alone).await {
        Either::Left((Ok(answer), _)) => {
            let missing = known.iter().filter(|id| !answer.items.contains_key(*id)).cloned().collect();
            let found = each(clock, operation, missing, &by_id).await;
            merge(answer, found)
        }
        Either::Left((Err(error), _)) => {
            let found = if worth_asking_by_id(&error) {
                each(clock, operation, known.clone(), &by_id).await
            } else {
                unasked(known, &error, clock.now())
            };
            fallback(&error, clock.now(), found)
        }
        Either::Right(((), by_tag)) => {
            let (late, found) = futures::join!(by_tag, each(clock, operation, known.clone(), &by_id));
            match late {
                Ok(answer) => merge(answer, found),
                Err(error) => fallback(&error, clock.now(), found),
            }
        }
    }
}

/// Each of `ids` by a call of its own, side by side.
pub(super) async fn each<K, V, One>(
    clock: &Clock,
    operation: &'static str,
    ids: BTreeSet<K>,
    by_id: &impl Fn(K) -> One,
) -> BTreeMap<K, Single<V>>
where
    K: Ord + Clone + Display + FromStr<Err = BadName>,
    One: Future<Output = Result<Described<K, V>, AwsError>>,
{
    if ids.is_empty() {
        return BTreeMap::new();
    }
    let ask = |id: K| async {
        let answer = limited(operation, by_id(id.clone())).await;
        let single = single(&id, answer, clock.now());
        (id, single)
    };
    futures::stream::iter(ids).map(ask).buffer_unordered(SIDE_BY_SIDE).collect().await
}

fn single<K, V>(id: &K, answer: Result<Described<K, V>, AwsError>, now: Timestamp) -> Single<V>
where
    K: Ord + Clone + Display + FromStr<Err = BadName>,
{
    match answer {
        Ok(mut answer) => match (answer.items.remove(id), answer.flaw) {
            (Some(observed), _) => Some((observed, answer.owners.remove(id))),
            (None, Some(why)) => Some((Observed::Unknown { why, at: answer.at }, None)),
            (None, None) => None,
        },
        Err(error) if error.class == FailureClass::Gone => None,
        Err(error) => Some((Observed::Unknown { why: error.to_string(), at: now }, None)),
    }
}

/// The answer by tag is whole; what was found by id joins it.
fn merge<K, V>(mut answer: Described<K, V>, found: BTreeMap<K, Single<V>>) -> (Listing<K, V>, Owners<K>)
where
    K: Ord + Clone + FromStr<Err = BadName>,
{
    for (id, single) in found {
        let Some((observed, owner)) = single else { continue };
        if let Some(owner) = owner {
            answer.owners.entry(id.clone()).or_insert(owner);
        }
        answer.items.entry(id).or_insert(observed);
    }
    answer.into_listing()
}

/// No answer by tag: the list is unknown, what was found by id is known.
fn fallback<K, V>(error: &AwsError, at: Timestamp, found: BTreeMap<K, Single<V>>) -> (Listing<K, V>, Owners<K>)
where
    K: Ord + Clone + FromStr<Err = BadName>,
{
    let mut answer = Described::new(at);
    answer.flawed(error.to_string());
    merge(answer, found)
}

fn unasked<K: Ord + Clone, V>(known: &BTreeSet<K>, error: &AwsError, at: Timestamp) -> BTreeMap<K, Single<V>> {
    let unknown = || Some((Observed::Unknown { why: error.to_string(), at }, None));
    known.iter().map(|id| (id.clone(), unknown())).collect()
}

/// What is not allowed, or comes too fast, is so by id as well.
pub(super) fn worth_asking_by_id(error: &AwsError) -> bool {
    !matches!(error.class, FailureClass::Denied | FailureClass::Invalid) && !error.is_throttle()
}

/// Bounds a call and its pages.
pub(super) async fn limited<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, AwsError>>,
) -> Result<T, AwsError> {
    tokio::time::timeout(LIMIT, call).await.unwrap_or_else(|_| Err(AwsError::timeout(operation, LIMIT)))
}
