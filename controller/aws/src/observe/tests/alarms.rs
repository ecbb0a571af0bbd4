//! Alarms as CloudWatch answers, in its own protocol (aws-facts 10).

use ciborium::Value;
use failover_core::world::AlarmState;
use jiff::Timestamp;

use super::*;

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (text(key), value)).collect())
}

/// Seconds since the epoch, as the protocol has it.
fn time(seconds: i32) -> Value {
    Value::Tag(1, Box::new(Value::Float(f64::from(seconds))))
}

fn dimensions(instances: &[&str]) -> Value {
    let other = map([("Name", text("Stage")), ("Value", text("i-0000000000000000f"))]);
    let of = |id: &&str| map([("Name", text("InstanceId")), ("Value", text(id))]);
    Value::Array(instances.iter().map(of).chain([other]).collect())
}

fn query(instances: &[&str]) -> Value {
    map([("Id", text("m")), ("MetricStat", map([("Metric", map([("Dimensions", dimensions(instances))]))]))])
}

fn metric(name: &str, state: &str, own: &[&str], queries: Vec<Value>) -> Value {
    map([
        ("AlarmName", text(name)),
        ("StateValue", text(state)),
        ("StateTransitionedTimestamp", time(1000)),
        ("StateUpdatedTimestamp", time(2000)),
        ("Dimensions", dimensions(own)),
        ("Metrics", Value::Array(queries)),
    ])
}

fn answer(metrics: Vec<Value>, composites: Vec<Value>) -> Reply {
    Reply::Cbor(map([("MetricAlarms", Value::Array(metrics)), ("CompositeAlarms", Value::Array(composites))]))
}

fn name(text: &str) -> AlarmName {
    AlarmName::new(text).unwrap()
}

async fn seen(reply: Reply, names: &[&str]) -> World {
    let mut db = interest("db", &[]);
    db.alarms.extend(names.iter().map(|it| name(it)));
    let script = Script::of([reply]);
    let world = observe(&script, &db, &[Part::Alarms]).await;
    assert_eq!(script.actions(), ["DescribeAlarms"]);
    let asked = &script.requests()[0];
    assert!(asked.has("MetricAlarm") && asked.has("CompositeAlarm"), "composite ones have to be asked for: {asked:?}");
    world
}

#[tokio::test(start_paused = true)]
async fn an_alarm_tells_its_state_since_when_and_of_which_instance() {
    let alarms = vec![
        metric("own", "ALARM", &[ONE], vec![]),
        metric("of-metrics", "OK", &[], vec![query(&[TWO]), query(&[TWO])]),
        metric("of-two", "INSUFFICIENT_DATA", &[], vec![query(&[ONE]), query(&[TWO])]),
        metric("of-none", "OK", &[], vec![]),
        metric("strange", "MELTING", &[ONE], vec![]),
    ];
    let world = seen(answer(alarms, vec![]), &["own", "of-metrics", "of-two", "of-none", "strange", "gone"]).await;
    let of = |it: &str| world.alarms.get(&name(it)).map(|alarm| (alarm.state, alarm.instance.clone()));
    assert_eq!(of("own"), Some((AlarmState::Alarm, Some(id(ONE)))));
    assert_eq!(of("of-metrics"), Some((AlarmState::Ok, Some(id(TWO)))));
    assert_eq!(of("of-two"), Some((AlarmState::InsufficientData, None)), "of two no one can be named");
    assert_eq!(of("of-none"), Some((AlarmState::Ok, None)));
    assert!(matches!(world.alarms.sight(&name("strange")), Sight::Unknown(why) if why.contains("MELTING")));
    assert_eq!(world.alarms.sight(&name("gone")), Sight::Absent);
    // An alarm's actions may change it without a transition.
    let since = world.alarms.get(&name("own")).unwrap().since;
    assert_eq!(since, Timestamp::from_second(1000).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_composite_alarm_is_one_too_and_an_update_stands_in_for_a_transition() {
    let composite = map([
        ("AlarmName", text("both")),
        ("StateValue", text("ALARM")),
        ("StateTransitionedTimestamp", time(1000)),
        ("StateUpdatedTimestamp", time(2000)),
    ]);
    let updated = |name: &str| {
        map([("AlarmName", text(name)), ("StateValue", text("OK")), ("StateUpdatedTimestamp", time(2000))])
    };
    let timeless = map([("AlarmName", text("timeless")), ("StateValue", text("OK"))]);
    let reply = answer(vec![updated("updated"), timeless], vec![composite, updated("composite")]);
    let world = seen(reply, &["both", "updated", "composite", "timeless"]).await;
    let both = world.alarms.get(&name("both")).unwrap();
    assert_eq!((both.state, &both.instance), (AlarmState::Alarm, &None));
    assert_eq!(both.since, Timestamp::from_second(1000).unwrap());
    for it in ["updated", "composite"] {
        assert_eq!(world.alarms.get(&name(it)).unwrap().since, Timestamp::from_second(2000).unwrap(), "{it}");
    }
    assert!(matches!(world.alarms.sight(&name("timeless")), Sight::Unknown(_)));
}

#[tokio::test(start_paused = true)]
async fn alarms_that_could_not_be_asked_for_are_unknown_and_hide_no_others() {
    let names: Vec<String> = (0..150).map(|number| format!("alarm-{number:03}")).collect();
    for (broken, whole) in [("alarm-000", "alarm-149"), ("alarm-149", "alarm-000")] {
        let good = metric(whole, "OK", &[ONE], vec![]);
        let script = Script::new(
            move |request| {
                if request.has(broken) { Reply::Broken } else { answer(vec![good.clone()], vec![]) }
            },
        );
        let mut db = interest("db", &[]);
        db.alarms.extend(names.iter().map(|it| name(it)));
        let world = observe(&script, &db, &[Part::Alarms]).await;
        assert!(world.alarms.get(&name(whole)).is_some());
        assert!(matches!(world.alarms.sight(&name(broken)), Sight::Unknown(why) if why.contains("NoAnswer")));
        assert!(!world.alarms.is_complete());
    }
}
