//! Lists that AWS gives in pages.

use std::future::Future;
use std::str::FromStr;

use failover_core::ids::BadName;
use jiff::Timestamp;

use super::described::Described;
use crate::clock::Clock;
use crate::error::AwsError;

/// The most that one page of a describe call holds.
pub(super) const PAGE: i32 = 1_000;

/// Pages of one list; more would be a loop without an end.
const MOST: usize = 1_000;

/// Reads every page of a list: `ask` for the one that a token names, until `next` finds no further token on it; `take` what is on each.
/// A list that has more pages than anybody reads is incomplete.
pub(super) async fn every<K, V, P, F>(
    clock: &Clock,
    ask: impl Fn(Option<String>) -> F,
    next: impl Fn(&P) -> Option<&str>,
    take: impl Fn(&mut Described<K, V>, &P, Timestamp),
) -> Result<Described<K, V>, AwsError>
where
    K: Ord + Clone + FromStr<Err = BadName>,
    F: Future<Output = Result<P, AwsError>>,
{
    let mut page = ask(None).await?;
    let mut answer = Described::new(clock.now());
    for _ in 1..MOST {
        take(&mut answer, &page, clock.now());
        let token = next(&page).filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(answer);
        }
        page = ask(token).await?;
    }
    take(&mut answer, &page, clock.now());
    if next(&page).is_some_and(|token| !token.is_empty()) {
        answer.flawed(format!("more than {MOST} pages"));
    }
    Ok(answer)
}
