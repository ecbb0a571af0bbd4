//! The conditions that protect a record, and what their refusals mean.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod table;

use failover_core::agent::{AgentReport, AgentState};
use failover_core::ids::{FailoverId, InstanceId, ServiceName};
use failover_core::ledger::{Ledger, Pause};
use failover_core::world::Sight;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Acquired, EditError, Lease, Released, Store, StoreError, Stored};
use crate::testing::{Reply, Script, now};

fn service() -> ServiceName {
    ServiceName::new("db").unwrap()
}

fn ledger() -> Ledger {
    serde_json::from_value(json!({
        "service": "db", "epoch": 1, "active": "i-00000000000000001", "active_zone": "eu-central-1a",
        "active_since": now().to_string(), "members": {}, "current_volumes": {}, "addresses": [],
    }))
    .unwrap()
}

fn until() -> Timestamp {
    now() + SignedDuration::from_secs(60)
}

fn stored() -> Stored {
    Stored { ledger: ledger(), version: 3, wake: 2, lease: Some(Lease { holder: "me".to_owned(), until: until() }) }
}

fn record(ledger: &Ledger, version: u64, wake: u64, holder: Option<&str>, mark: &str) -> Value {
    let mut item = json!({
        "pk": {"S": "ledger"}, "sk": {"S": "db"}, "body": {"S": serde_json::to_string(ledger).unwrap()},
        "version": {"N": version.to_string()}, "wake": {"N": wake.to_string()}, "mark": {"S": mark},
    });
    if let Some(holder) = holder {
        item["lease_holder"] = json!({"S": holder});
        item["lease_until"] = json!({"N": until().as_millisecond().to_string()});
    }
    item
}

fn refused(item: &Value) -> Reply {
    Reply::json_error(
        "ConditionalCheckFailedException",
        json!({ "Message": "The conditional request failed", "Item": item }),
    )
}

fn store(script: &Script) -> Store {
    Store::new(&script.aws(), "failover")
}

fn done() -> Reply {
    Reply::json(&json!({}))
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_taken_and_the_record_read_in_one_call() {
    let script = Script::of([Reply::json(&json!({ "Attributes": record(&ledger(), 3, 2, Some("me"), "m") }))]);
    let acquired = store(&script).acquire(&service(), "me", now(), until()).await.unwrap();
    assert_eq!(acquired, Acquired::Held(stored()));
    let request = script.requests()[0].json();
    assert_eq!(request["Key"], json!({ "pk": {"S": "ledger"}, "sk": {"S": "db"} }));
    assert_eq!(
        request["ConditionExpression"],
        "attribute_exists(pk) AND (attribute_not_exists(lease_holder) OR lease_until <= :now OR lease_holder = :holder)"
    );
    assert_eq!(request["ExpressionAttributeValues"][":now"]["N"], now().as_millisecond().to_string());
    assert_eq!(request["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_held_gets_a_wake_mark() {
    let script = Script::of([refused(&record(&ledger(), 3, 2, Some("other"), "m")), done()]);
    let acquired = store(&script).acquire(&service(), "me", now(), until()).await.unwrap();
    assert_eq!(acquired, Acquired::Busy { holder: "other".to_owned(), until: until(), woken: true });
    let request = script.requests()[1].json();
    assert_eq!(request["UpdateExpression"], "ADD wake :one");
    assert_eq!(request["ConditionExpression"], "attribute_exists(lease_holder) AND lease_until > :now");
}

#[tokio::test(start_paused = true)]
async fn a_lease_released_in_between_is_taken_after_all() {
    let script = Script::of([
        refused(&record(&ledger(), 3, 2, Some("other"), "m")),
        refused(&record(&ledger(), 3, 2, None, "m")),
        Reply::json(&json!({ "Attributes": record(&ledger(), 3, 2, Some("me"), "m") })),
    ]);
    assert!(matches!(store(&script).acquire(&service(), "me", now(), until()).await.unwrap(), Acquired::Held(_)));

    let script = Script::new(|_| refused(&record(&ledger(), 3, 2, Some("other"), "m")));
    let acquired = store(&script).acquire(&service(), "me", now(), until()).await.unwrap();
    assert!(matches!(acquired, Acquired::Busy { woken: false, .. }));
    assert_eq!(script.requests().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_record_has_no_ledger_and_a_missing_table_is_named() {
    let script = Script::of([Reply::json_error("ConditionalCheckFailedException", json!({}))]);
    assert_eq!(store(&script).acquire(&service(), "me", now(), until()).await.unwrap(), Acquired::NoLedger);
    let script = Script::of([Reply::json_error(
        "ResourceNotFoundException",
        json!({ "message": "Requested resource not found" }),
    )]);
    let error = store(&script).read(&service()).await.unwrap_err();
    assert!(matches!(&error, StoreError::NoTable { table } if table == "failover"));
    assert!(error.to_string().contains("create-table"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_named_and_its_lease_given_back() {
    let mut bad = record(&ledger(), 3, 2, Some("me"), "m");
    bad["body"] = json!({"S": "{\"service\":\"db\"}"});
    let script = Script::of([Reply::json(&json!({ "Attributes": bad })), done()]);
    let error = store(&script).acquire(&service(), "me", now(), until()).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::BadRecord(bad) if bad.service == "db" && bad.why.contains("epoch")),
        "{error}"
    );
    assert_eq!(script.requests()[1].json()["UpdateExpression"], "REMOVE lease_holder, lease_until");
}

#[tokio::test(start_paused = true)]
async fn a_write_names_the_version_and_the_holder_it_rests_on() {
    let script = Script::of([done()]);
    let mut changed = ledger();
    changed.epoch = 2;
    let later = until() + SignedDuration::from_secs(60);
    let written = store(&script).write(&stored(), "me", &changed, now(), later).await.unwrap();
    assert_eq!((written.version, written.wake, written.ledger.epoch), (4, 2, 2));
    assert_eq!(written.lease.unwrap().until, later);
    let request = script.requests()[0].json();
    assert_eq!(request["ConditionExpression"], "version = :version AND lease_holder = :holder");
    assert_eq!(request["ExpressionAttributeValues"][":version"]["N"], "3");
    assert_eq!(request["ExpressionAttributeValues"][":next"]["N"], "4");
}

#[tokio::test(start_paused = true)]
async fn a_write_of_ours_that_landed_unseen_counts_and_another_does_not() {
    let write = |there: Value| async move {
        let script = Script::of([refused(&there)]);
        store(&script).write(&stored(), "me", &ledger(), now(), until()).await
    };
    assert_eq!(write(record(&ledger(), 4, 2, Some("me"), "me#4")).await.unwrap().version, 4);

    let mut other = ledger();
    other.epoch = 9;
    let same_mark_other_body = record(&other, 4, 2, Some("me"), "me#4");
    assert!(matches!(write(same_mark_other_body).await, Err(StoreError::Conflict { expected: 3, found: Some(4), .. })));
    let edited = record(&other, 4, 3, Some("me"), "edit@1#4");
    assert!(matches!(write(edited).await, Err(StoreError::Conflict { .. })));
    let taken = record(&ledger(), 3, 2, Some("other"), "m");
    assert!(matches!(write(taken).await, Err(StoreError::LostLease { to: Some(holder), .. }) if holder == "other"));
    let gone = record(&ledger(), 3, 2, None, "m");
    assert!(matches!(write(gone).await, Err(StoreError::LostLease { to: None, .. })));
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_given_back_over_a_wake_mark() {
    let script = Script::of([done()]);
    assert_eq!(store(&script).release(&stored(), "me").await.unwrap(), Released::Gone);
    let request = script.requests()[0].json();
    assert_eq!(request["ConditionExpression"], "lease_holder = :holder AND wake = :wake");
    assert_eq!(request["ExpressionAttributeValues"][":wake"]["N"], "2");

    let script = Script::of([refused(&record(&ledger(), 3, 5, Some("me"), "m"))]);
    let Released::Woken(fresh) = store(&script).release(&stored(), "me").await.unwrap() else { panic!() };
    assert_eq!(fresh.wake, 5);
    let script = Script::of([refused(&record(&ledger(), 3, 5, Some("other"), "m"))]);
    assert_eq!(store(&script).release(&stored(), "me").await.unwrap(), Released::Gone);
}

fn paused(mut ledger: Ledger) -> Ledger {
    ledger.paused = Some(Pause { at: now(), by: "ops".to_owned() });
    ledger
}

#[tokio::test(start_paused = true)]
async fn an_edit_reads_again_when_somebody_wrote_first_and_wakes_the_holder() {
    let item = |version| Reply::json(&json!({ "Item": record(&ledger(), version, 2, Some("other"), "m") }));
    let script = Script::of([item(3), refused(&record(&ledger(), 4, 2, Some("other"), "other#4")), item(4), done()]);
    let written = store(&script).edit(&service(), now(), |it| Ok::<_, String>(paused(it))).await.unwrap();
    assert_eq!((written.version, written.wake), (5, 3));
    assert!(written.ledger.paused.is_some());
    let request = script.requests()[3].json();
    assert!(request["UpdateExpression"].as_str().unwrap().ends_with("ADD wake :one"));
    assert_eq!(request["ConditionExpression"], "version = :version");
    assert_eq!(script.requests()[0].json()["ConsistentRead"], true);
}

#[tokio::test(start_paused = true)]
async fn an_edit_gives_up_in_the_end_and_may_be_refused() {
    let script = Script::new(|request| match request.action.as_str() {
        "GetItem" => Reply::json(&json!({ "Item": record(&ledger(), 3, 2, None, "m") })),
        _ => refused(&record(&ledger(), 4, 2, None, "x")),
    });
    let error = store(&script).edit(&service(), now(), |it| Ok::<_, String>(paused(it))).await.unwrap_err();
    assert!(matches!(error, EditError::Store(StoreError::Conflict { .. })), "{error}");
    assert_eq!(script.requests().len(), 20);

    let refuse = |_: Ledger| Err::<Ledger, _>("no".to_owned());
    let error = store(&script).edit(&service(), now(), refuse).await.unwrap_err();
    assert_eq!(error, EditError::Refused("no".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_first_record_is_written_once() {
    let script = Script::of([done()]);
    store(&script).create(&ledger()).await.unwrap();
    assert_eq!(script.requests()[0].json()["ConditionExpression"], "attribute_not_exists(pk)");
    let script = Script::of([refused(&record(&ledger(), 1, 0, None, "created"))]);
    store(&script).create(&ledger()).await.unwrap();
    let script = Script::of([refused(&record(&ledger(), 2, 0, None, "m"))]);
    assert!(matches!(store(&script).create(&ledger()).await, Err(StoreError::Exists { .. })));
}

#[tokio::test(start_paused = true)]
async fn one_bad_record_does_not_hide_the_others_and_pages_go_on() {
    let mut bad = record(&ledger(), 1, 0, None, "m");
    bad["version"] = json!({"N": "many"});
    let first = json!({ "Items": [bad], "LastEvaluatedKey": { "pk": {"S": "ledger"}, "sk": {"S": "db"} } });
    let second = json!({ "Items": [record(&ledger(), 1, 0, None, "m")] });
    let script = Script::of([Reply::json(&first), Reply::json(&second)]);
    let all = store(&script).read_all().await.unwrap();
    assert!(matches!(&all[0].1, Err(bad) if bad.why.contains("many")));
    assert!(all[1].1.is_ok());
    assert_eq!(script.requests()[1].json()["ExclusiveStartKey"]["sk"]["S"], "db");
}

#[tokio::test(start_paused = true)]
async fn history_comes_newest_first() {
    let page = json!({ "Items": [{ "sk": {"S": "f2-e2"}, "body": {"S": "{}"} }] });
    let script = Script::of([Reply::json(&page), done()]);
    let history = store(&script).history(&service(), 1).await.unwrap();
    assert_eq!(history, [(FailoverId::new("f2-e2").unwrap(), "{}".to_owned())]);
    let request = script.requests()[0].json();
    assert_eq!((&request["ScanIndexForward"], &request["Limit"]), (&json!(false), &json!(1)));
    assert_eq!(request["ExpressionAttributeValues"][":pk"]["S"], "history#db");
    assert_eq!(store(&script).history_item(&service(), &FailoverId::new("f1-e1").unwrap()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_read_is_tried_again() {
    let script = Script::of([
        Reply::json_error("ProvisionedThroughputExceededException", json!({ "message": "slow down" })),
        Reply::json(&json!({ "Item": record(&ledger(), 3, 2, None, "m") })),
    ]);
    assert_eq!(store(&script).read(&service()).await.unwrap().unwrap().version, 3);
}

fn report(state: AgentState) -> AgentReport {
    AgentReport { epoch: 7, state, at: now(), lease_seconds: None }
}

fn agent_item(instance: &str, body: &Value) -> Value {
    json!({ "pk": {"S": "agent#db"}, "sk": {"S": instance}, "body": {"S": body.to_string()} })
}

#[tokio::test(start_paused = true)]
async fn an_agents_report_replaces_the_one_before_and_can_be_forgotten() {
    let one = InstanceId::new("i-00000000000000001").unwrap();
    let script = Script::of([done(), done()]);
    store(&script).report(&service(), &one, &report(AgentState::Failed("no filesystem".to_owned()))).await.unwrap();
    store(&script).forget_report(&service(), &one).await.unwrap();
    assert_eq!(script.actions(), ["PutItem", "DeleteItem"]);
    let put = script.requests()[0].json();
    assert_eq!(
        put["ConditionExpression"],
        "attribute_not_exists(sequence_number) OR sequence_number < :sequence_number"
    );
    assert_eq!(put["Item"]["sequence_number"], put["ExpressionAttributeValues"][":sequence_number"]);
    let body: Value = serde_json::from_str(put["Item"]["body"]["S"].as_str().unwrap()).unwrap();
    assert_eq!((&put["Item"]["pk"]["S"], &put["Item"]["sk"]["S"]), (&json!("agent#db"), &json!(one.as_str())));
    let read: AgentReport = serde_json::from_value(body).unwrap();
    assert_eq!(read, report(AgentState::Failed("no filesystem".to_owned())));
    let key = json!({ "pk": {"S": "agent#db"}, "sk": {"S": one.as_str()} });
    assert_eq!(script.requests()[1].json()["Key"], key);
}

#[tokio::test(start_paused = true)]
async fn a_report_replaces_one_of_a_clock_that_was_ahead_and_finds_its_own_repetition() {
    let one = InstanceId::new("i-00000000000000001").unwrap();
    let refused = |sequence_number: u64, body: &str| {
        let there = json!({ "body": {"S": body}, "sequence_number": {"N": sequence_number.to_string()} });
        Reply::json_error("ConditionalCheckFailedException", json!({ "message": "no", "Item": there }))
    };
    let ahead = u64::try_from(now().as_microsecond()).unwrap() + 3_600_000_000;
    let script = Script::of([refused(ahead, "{}"), done()]);
    store(&script).report(&service(), &one, &report(AgentState::Ready)).await.unwrap();
    let sequence_number =
        |index: usize| script.requests()[index].json()["Item"]["sequence_number"]["N"].as_str().unwrap().to_owned();
    assert_eq!(sequence_number(1), (ahead + 1).to_string());

    let body = serde_json::to_string(&report(AgentState::Ready)).unwrap();
    let script = Script::of([refused(ahead - 3_600_000_000, &body)]);
    store(&script).report(&service(), &one, &report(AgentState::Ready)).await.unwrap();

    let script = Script::of([refused(ahead, "{}"), refused(ahead + 9, "{}"), refused(ahead + 99, "{}")]);
    let error = store(&script).report(&service(), &one, &report(AgentState::Ready)).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_report_that_cannot_be_read_is_unknown_and_hides_no_other() {
    let id = |digit: u8| InstanceId::new(format!("i-0000000000000000{digit}")).unwrap();
    let ready = serde_json::to_value(report(AgentState::Ready)).unwrap();
    let first = json!({
        "Items": [agent_item(id(1).as_str(), &ready), agent_item(id(2).as_str(), &json!({ "epoch": "many" }))],
        "LastEvaluatedKey": { "pk": {"S": "agent#db"}, "sk": {"S": id(2).as_str()} },
    });
    let second = json!({ "Items": [
        { "pk": {"S": "agent#db"}, "sk": {"S": id(3).as_str()} },
        agent_item("nobody", &ready),
        agent_item(id(4).as_str(), &serde_json::to_value(report(AgentState::Quiesced)).unwrap()),
    ] });
    let script = Script::of([Reply::json(&first), Reply::json(&second)]);
    let reports = store(&script).reports(&service()).await;
    assert!(reports.is_complete());
    assert_eq!(reports.get(&id(1)), Some(&report(AgentState::Ready)));
    assert!(matches!(reports.sight(&id(2)), Sight::Unknown(why) if why.contains("epoch") || why.contains("many")));
    assert!(matches!(reports.sight(&id(3)), Sight::Unknown(why) if why.contains("no body")));
    assert_eq!(reports.get(&id(4)), Some(&report(AgentState::Quiesced)));
    assert_eq!(reports.sight(&id(5)), Sight::Absent);
    let request = script.requests()[0].json();
    assert_eq!(request["ExpressionAttributeValues"][":pk"]["S"], "agent#db");
    assert_eq!(request["ConsistentRead"], true);
}

#[tokio::test(start_paused = true)]
async fn reports_that_cannot_be_had_are_unknown_and_not_absent() {
    let script = Script::of([Reply::json_error("AccessDeniedException", json!({ "message": "no" }))]);
    let reports = store(&script).reports(&service()).await;
    let sight = reports.sight(&InstanceId::new("i-00000000000000001").unwrap());
    assert!(matches!(sight, Sight::Unknown(why) if why.contains("AccessDenied")));
}
