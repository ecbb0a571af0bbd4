//! What the conditions protect, shown by a table that keeps what it is told: the words of an expression may be what they like.

use std::sync::Arc;

use bytes::Bytes;
use failover_simulator::{Region, Setup};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::*;
use crate::clients::Aws;
use crate::clock::Clock;
use crate::transport::{Transport, TransportError};

#[derive(Debug)]
struct Way(Region);

impl Transport for Way {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let region = self.0.clone();
        async move { region.call(request).await.map_err(|error| TransportError::Broken(error.to_string())) }.boxed()
    }
}

/// A table with the service's first record.
async fn table() -> Store {
    let aws = Aws::over(Arc::new(Way(Region::new(Setup::default()))), Clock::new(now), "eu-central-1");
    let store = Store::new(&aws, "failover");
    store.create_table().await.unwrap();
    store.create(&ledger()).await.unwrap();
    store
}

fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

async fn held(store: &Store, holder: &str) -> Stored {
    match store.acquire(&service(), holder, now(), until()).await.unwrap() {
        Acquired::Held(stored) => stored,
        other => panic!("{other:?}"),
    }
}

async fn there(store: &Store) -> Stored {
    store.read(&service()).await.unwrap().unwrap()
}

fn with_epoch(epoch: u64) -> Ledger {
    Ledger { epoch, ..ledger() }
}

async fn pause(store: &Store) -> Stored {
    store.edit(&service(), now(), |it| Ok::<_, String>(paused(it))).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_was_edited_meanwhile_is_not_overwritten() {
    let store = table().await;
    let mine = held(&store, "me").await;
    pause(&store).await;
    let refused = store.write(&mine, "me", &with_epoch(7), now(), until()).await;
    let version = mine.version;
    assert!(matches!(refused, Err(StoreError::Conflict { expected, .. }) if expected == version), "{refused:?}");
    let stored = there(&store).await;
    assert!(stored.ledger.paused.is_some() && stored.ledger.epoch == 1, "{stored:?}");
    let written = store.write(&stored, "me", &with_epoch(7), now(), until()).await.unwrap();
    assert_eq!((there(&store).await.ledger.epoch, written.version), (7, stored.version + 1));
}

#[tokio::test(start_paused = true)]
async fn whoever_lost_the_lease_writes_nothing_and_gives_nothing_back() {
    let store = table().await;
    let mine = held(&store, "me").await;
    let after = until() + seconds(1);
    let Acquired::Held(theirs) = store.acquire(&service(), "other", after, after + seconds(60)).await.unwrap() else {
        panic!("a lease that has ended can be taken")
    };
    let refused = store.write(&mine, "me", &with_epoch(7), now(), until()).await;
    assert!(
        matches!(&refused, Err(StoreError::LostLease { to: Some(holder), .. }) if holder == "other"),
        "{refused:?}"
    );
    assert_eq!(store.release(&mine, "me").await.unwrap(), Released::Gone);
    assert_eq!(there(&store).await, theirs, "the other's lease was touched");
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_one_holders_until_its_end() {
    let store = table().await;
    let mine = held(&store, "me").await;
    assert_eq!(mine.lease, Some(Lease { holder: "me".to_owned(), until: until() }));
    for (at, is_free) in [(until() - seconds(1), false), (until(), true)] {
        let acquired = store.acquire(&service(), "other", at, until() + seconds(60)).await.unwrap();
        match acquired {
            Acquired::Busy { holder, until: ends, woken } => {
                assert!(!is_free && holder == "me" && ends == until() && woken);
            }
            other => assert!(is_free && matches!(other, Acquired::Held(_)), "{other:?}"),
        }
    }
    // Its own holder takes it again, and extends it.
    let again = store.acquire(&service(), "other", until(), until() + seconds(90)).await.unwrap();
    let Acquired::Held(again) = again else { panic!("{again:?}") };
    assert_eq!(again.lease.unwrap().until, until() + seconds(90));
    let nobody = ServiceName::new("nobody").unwrap();
    assert_eq!(store.acquire(&nobody, "me", now(), until()).await.unwrap(), Acquired::NoLedger);
    assert_eq!(store.read(&nobody).await.unwrap(), None, "asking for a lease made a record");
}

#[tokio::test(start_paused = true)]
async fn a_wake_mark_is_found_by_its_holder_and_by_that_one_only_once() {
    let store = table().await;
    let mine = held(&store, "me").await;
    let busy = store.acquire(&service(), "other", now(), until()).await.unwrap();
    assert!(matches!(busy, Acquired::Busy { woken: true, .. }), "{busy:?}");
    // A write does not take the mark for seen.
    let mine = store.write(&mine, "me", &with_epoch(2), now(), until()).await.unwrap();
    let Released::Woken(woken) = store.release(&mine, "me").await.unwrap() else { panic!("the mark was not found") };
    assert_eq!(woken.wake, mine.wake + 1);
    assert_eq!(woken.lease.as_ref().unwrap().holder, "me");
    assert_eq!(store.release(&woken, "me").await.unwrap(), Released::Gone);
    assert_eq!(there(&store).await.lease, None);
}

#[tokio::test(start_paused = true)]
async fn an_edit_wakes_the_holder() {
    let store = table().await;
    let mine = held(&store, "me").await;
    let edited = pause(&store).await;
    assert_eq!(edited, there(&store).await);
    assert!(matches!(store.release(&mine, "me").await.unwrap(), Released::Woken(stored) if stored == edited));
}

#[tokio::test(start_paused = true)]
async fn a_write_extends_the_lease_and_nothing_else_does() {
    let store = table().await;
    let mine = held(&store, "me").await;
    pause(&store).await;
    assert_eq!(there(&store).await.lease.unwrap().until, until());
    let later = until() + seconds(60);
    store.write(&there(&store).await, "me", &ledger(), now(), later).await.unwrap();
    assert_eq!(there(&store).await.lease, Some(Lease { holder: "me".to_owned(), until: later }));
    assert_eq!(mine.lease.unwrap().until, until());
}

#[tokio::test(start_paused = true)]
async fn a_first_record_replaces_none() {
    let store = table().await;
    let mine = held(&store, "me").await;
    store.write(&mine, "me", &with_epoch(5), now(), until()).await.unwrap();
    let again = store.create(&ledger()).await;
    assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
    assert_eq!(there(&store).await.ledger.epoch, 5);
    let all = store.read_all().await.unwrap();
    assert_eq!(all.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn reports_stand_by_service_and_instance_and_the_last_word_counts() {
    let store = table().await;
    let one = InstanceId::new("i-00000000000000001").unwrap();
    let other = ServiceName::new("web").unwrap();
    store.report(&service(), &one, &report(AgentState::Ready)).await.unwrap();
    store.report(&service(), &one, &report(AgentState::Quiesced)).await.unwrap();
    store.report(&other, &one, &report(AgentState::Waiting)).await.unwrap();
    assert_eq!(store.reports(&service()).await.get(&one), Some(&report(AgentState::Quiesced)));
    store.forget_report(&service(), &one).await.unwrap();
    assert_eq!(store.reports(&service()).await.sight(&one), Sight::Absent);
    assert_eq!(store.reports(&other).await.get(&one), Some(&report(AgentState::Waiting)));
}

#[tokio::test(start_paused = true)]
async fn the_history_keeps_every_failover_once_and_gives_the_newest() {
    let store = table().await;
    let id = |number: u8| FailoverId::new(format!("f{number}-e1")).unwrap();
    for (number, text) in [(1, "one"), (3, "three"), (2, "two"), (3, "again")] {
        store.put_history(&service(), &id(number), text).await.unwrap();
    }
    let newest = store.history(&service(), 2).await.unwrap();
    assert_eq!(newest, [(id(3), "again".to_owned()), (id(2), "two".to_owned())]);
    assert_eq!(store.history_item(&service(), &id(1)).await.unwrap().as_deref(), Some("one"));
    assert_eq!(store.history(&ServiceName::new("web").unwrap(), 9).await.unwrap(), []);
}
