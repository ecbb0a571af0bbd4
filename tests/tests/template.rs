//! The stack's template beside the function: the rules let through what the function understands and nothing else, and the function
//! reads what its environment says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use failover_engine::Names;
use failover_lambda::{Trigger, events, trigger};
use failover_tests::tools::{python, succeeded};
use serde_json::Value;

/// Prints the template's resources as JSON. What CloudFormation fills in (`!Ref`, `!Sub`, ...) is null: none of it is compared.
const READ: &str = r#"
import json, sys, yaml
class Loader(yaml.SafeLoader): pass
Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
json.dump(yaml.load(open(sys.argv[1], encoding="utf-8"), Loader)["Resources"], sys.stdout)
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Each resource of a type, by its logical name: its properties.
fn resources(kind: &str) -> BTreeMap<String, Value> {
    let read = Command::new(python()).args(["-c", READ]).arg(root().join("deploy/template.yaml")).output().unwrap();
    let all: BTreeMap<String, Value> =
        serde_json::from_slice(&succeeded("reading deploy/template.yaml", &read)).unwrap();
    let found: BTreeMap<String, Value> = all
        .into_iter()
        .filter(|(_, it)| it["Type"] == kind)
        .map(|(name, mut it)| (name, it["Properties"].take()))
        .collect();
    assert!(!found.is_empty(), "the template has no {kind}");
    found
}

fn patterns() -> BTreeMap<String, Value> {
    let rules = resources("AWS::Events::Rule").into_iter();
    rules.filter_map(|(name, mut rule)| Some((name, rule.get_mut("EventPattern")?.take()))).collect()
}

/// Whether an event pattern lets an event through. Only the forms that the template uses are known; any other is refused.
fn lets_through(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(fields) => {
            fields.iter().all(|(key, pattern)| event.get(key).is_some_and(|value| lets_through(pattern, value)))
        }
        Value::Array(allowed) => {
            assert!(allowed.iter().all(Value::is_string), "{pattern} has a form that this test does not know");
            allowed.contains(event)
        }
        other => panic!("{other} is no event pattern that this test knows"),
    }
}

/// Events as AWS documents them, those from EventBridge only.
fn samples() -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(root().join("lambda/tests/events")).unwrap().map(|entry| entry.unwrap().path());
    let all = files.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap())
    });
    all.filter(|(_, event)| event.get("detail-type").is_some()).collect()
}

fn kind(event: &Value) -> (&str, &str) {
    (event["source"].as_str().unwrap(), event["detail-type"].as_str().unwrap())
}

/// Understood, and about something.
fn leads_somewhere(event: &Value) -> bool {
    !matches!(trigger(event), Ok(Trigger::Nothing { .. }) | Err(_))
}

/// Every single value that a pattern allows, and where.
fn alternatives(pattern: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match pattern {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, pattern)| alternatives(pattern, &format!("{path}/{key}"), found));
        }
        Value::Array(allowed) => found.extend(allowed.iter().map(|value| (path.to_owned(), value.clone()))),
        other => panic!("{other} is no event pattern that this test knows"),
    }
}

#[test]
fn the_function_understands_whatever_the_rules_let_through() {
    let samples = samples();
    for (name, pattern) in patterns() {
        let let_through: Vec<(&String, &Value)> =
            samples.iter().filter(|(_, event)| lets_through(&pattern, event)).collect();
        for (sample, event) in &let_through {
            assert!(leads_somewhere(event), "{name} lets {sample} through: {:?}", trigger(event));
        }
        let mut values = Vec::new();
        alternatives(&pattern, "", &mut values);
        for (path, value) in values {
            // A kind of event has its own form: one has to be there. In a word within it, one sample stands for all.
            let own_form = matches!(path.as_str(), "/source" | "/detail-type");
            let like = let_through.iter().find(|(_, event)| !own_form || event.pointer(&path) == Some(&value));
            let (sample, event) = like.unwrap_or_else(|| panic!("{name}: no sample has {path} = {value}"));
            let mut event = (*event).clone();
            *event.pointer_mut(&path).unwrap() = value.clone();
            assert!(lets_through(&pattern, &event), "{name}: {sample} with {path} = {value}");
            assert!(leads_somewhere(&event), "{name}: {sample} with {path} = {value}: {:?}", trigger(&event));
        }
    }
}

#[test]
fn the_rules_let_through_every_kind_that_the_function_understands() {
    let (samples, patterns) = (samples(), patterns());
    let scheduled = resources("AWS::Events::Rule").values().any(|rule| rule.get("ScheduleExpression").is_some());
    let mut missing = Vec::new();
    for understood in events::understood() {
        let of_kind: Vec<&Value> = samples.values().filter(|event| kind(event) == understood).collect();
        assert!(of_kind.iter().any(|event| leads_somewhere(event)), "no sample of {understood:?} leads anywhere");
        let arrives = match understood {
            // What a schedule sends needs no pattern; EventBridge Scheduler is what others may wake the function with.
            ("aws.events" | "aws.scheduler", _) => scheduled,
            _ => patterns.values().any(|pattern| of_kind.iter().any(|event| lets_through(pattern, event))),
        };
        if !arrives {
            missing.push(understood);
        }
    }
    assert_eq!(missing, [], "no rule lets these through");
}

/// Understood, and left out by the rules all the same: the end of either is another event, or a look that waits for it.
const LEFT_OUT: [&str; 2] = ["instance-state-change-pending", "volume-initialized"];

/// A word within a pattern that is no word of AWS's lets nothing through, and nobody would notice.
#[test]
fn the_rules_let_through_every_sample_but_those_that_are_left_out() {
    let patterns = patterns();
    let mut held = BTreeSet::new();
    for (name, event) in samples() {
        let by_schedule = matches!(kind(&event), ("aws.events" | "aws.scheduler", _));
        if !by_schedule && leads_somewhere(&event) && !patterns.values().any(|pattern| lets_through(pattern, &event)) {
            held.insert(name);
        }
    }
    assert_eq!(held, LEFT_OUT.map(str::to_owned).into());
}

#[test]
fn the_function_s_environment_is_what_it_reads() {
    let functions = resources("AWS::Lambda::Function");
    assert_eq!(functions.len(), 1);
    for function in functions.values() {
        let set: BTreeSet<&str> =
            function["Environment"]["Variables"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(set, BTreeSet::from([Names::TABLE_VARIABLE, Names::SPEC_PATH_VARIABLE, Names::TOPIC_VARIABLE]));
    }
}

/// A matcher that lets everything through, or nothing, would make the tests above pass for nothing.
#[test]
fn patterns_let_through_what_they_say() {
    let pattern = serde_json::json!({ "source": ["aws.ec2"], "detail": { "state": ["stopped", "running"] } });
    let event =
        |source: &str, state: &str| serde_json::json!({ "source": source, "detail": { "state": state }, "more": 1 });
    assert!(lets_through(&pattern, &event("aws.ec2", "running")));
    assert!(!lets_through(&pattern, &event("aws.ec2", "pending")));
    assert!(!lets_through(&pattern, &event("aws.ec3", "running")));
    assert!(!lets_through(&pattern, &serde_json::json!({ "source": "aws.ec2" })));
    let unknown = serde_json::json!({ "source": [{ "prefix": "aws." }] });
    assert!(std::panic::catch_unwind(|| lets_through(&unknown, &event("aws.ec2", "x"))).is_err());
}
