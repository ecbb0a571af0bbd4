//! Several messages in one event, and what others send under AWS's words.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use failover_engine::Subject;
use failover_lambda::{Trigger, trigger};
use serde_json::{Value, json};

fn batch(bodies: &[Value]) -> Value {
    let record = |body: &Value| json!({ "eventSource": "aws:sqs", "body": body.to_string() });
    json!({ "Records": bodies.iter().map(record).collect::<Vec<_>>() })
}

fn stopped(instance: &str) -> Value {
    json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification",
        "detail": { "instance-id": instance, "state": "stopped" } })
}

const ONE: &str = "i-00000000000000001";
const TWO: &str = "i-00000000000000002";

#[test]
fn a_tick_in_a_batch_is_one_wherever_it_stands() {
    let tick = json!({ "source": "aws.events", "detail-type": "Scheduled Event" });
    let nothing = json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": {} });
    let mut bodies = [tick, stopped(ONE), nothing];
    for _ in 0..bodies.len() {
        bodies.rotate_left(1);
        let asked = trigger(&batch(&bodies)).unwrap();
        assert_eq!(asked, Trigger::Tick { what: "scheduled".to_owned() }, "{bodies:?}");
    }
}

#[test]
fn every_message_of_a_batch_counts_and_those_about_nothing_hide_no_other() {
    let nothing = json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": {} });
    let asked = trigger(&batch(&[nothing.clone(), stopped(ONE), nothing.clone(), stopped(TWO)])).unwrap();
    let Trigger::Drive { what, subjects } = asked else { panic!("{asked:?}") };
    assert_eq!(subjects, [ONE, TWO].map(|id| Subject::Resource(id.to_owned())));
    assert!(what.contains(ONE) && what.contains(TWO), "{what}");
    let asked = trigger(&batch(&[nothing])).unwrap();
    assert!(matches!(&asked, Trigger::Nothing { reason } if reason.contains("aws.s3")), "{asked:?}");
    assert!(matches!(trigger(&batch(&[])), Ok(Trigger::Nothing { .. })));
}

#[test]
fn one_bad_message_fails_its_batch() {
    let bad = json!({ "service": "db", "to": "nowhere" });
    assert!(trigger(&batch(&[stopped(ONE), bad])).is_err());
    let mut foreign = batch(&[stopped(ONE)]);
    foreign["Records"][0]["eventSource"] = "aws:kinesis".into();
    assert!(trigger(&foreign).is_err());
}

#[test]
fn only_awss_own_sources_count() {
    assert!(matches!(trigger(&stopped(ONE)), Ok(Trigger::Drive { .. })));
    for source in ["my.app", "aws.ec2.evil", "ec2", "aws.autoscaling", "aws.events"] {
        let mut event = stopped(ONE);
        event["source"] = source.into();
        let asked = trigger(&event).unwrap();
        assert!(matches!(&asked, Trigger::Nothing { reason } if reason.contains(source)), "{source}: {asked:?}");
    }
    for (source, counts) in [("aws.events", true), ("aws.scheduler", true), ("my.app", false), ("aws.ec2", false)] {
        let event = json!({ "source": source, "detail-type": "Scheduled Event", "detail": {} });
        assert_eq!(matches!(trigger(&event), Ok(Trigger::Tick { .. })), counts, "{source}");
    }
}
