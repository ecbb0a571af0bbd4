#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Fault;

/// The texts between backticks.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Where a fault's own name stands: beside the name of what it hits, or alone.
fn place(fault: &mut Value) -> &mut Value {
    let hit = fault.as_object_mut().unwrap().values_mut().next().unwrap();
    if hit.get("fault").is_some() { &mut hit["fault"] } else { hit }
}

fn own_name(fault: &Value) -> &str {
    fault.as_str().or_else(|| fault.as_object()?.keys().next().map(String::as_str)).unwrap()
}

/// What could stand in the fault's place, as its reader says.
fn known(mut fault: Value) -> BTreeSet<String> {
    *place(&mut fault) = json!({"meteorite": {}});
    let error = Fault::from_json(fault.to_string().as_bytes()).unwrap_err().to_string();
    let (_, expected) = error.split_once("expected").unwrap();
    code(expected).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_readme_names_every_fault() {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("\n## Faults\n").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1).take(11).map(|line| line.split(" | "));
    let mut seen = 0;
    for mut row in rows {
        let (_, example, others) = (row.next().unwrap(), row.next().unwrap(), row.next().unwrap_or_default());
        let mut example: Value = serde_json::from_str(code(example)[0]).unwrap();
        Fault::from_json(example.to_string().as_bytes()).unwrap();
        seen += 1;
        if others.starts_with("the same") {
            continue;
        }
        let all = known(example.clone());
        let named = code(others).into_iter().chain([own_name(place(&mut example))]).map(str::to_owned).collect();
        assert_eq!(all, named, "{example}");
    }
    assert_eq!(seen, 11, "the README's table of faults has lost rows");
}

#[test]
fn a_fault_without_particulars_is_its_name() {
    let short = Fault::from_json(br#"{"instance": {"name": {"oldest_of": "db"}, "fault": "stop"}}"#).unwrap();
    let long = Fault::from_json(br#"{"instance": {"name": {"oldest_of": "db"}, "fault": {"stop": {"force": false}}}}"#);
    assert_eq!(short, long.unwrap());
    let written = serde_json::to_vec(&short).unwrap();
    assert_eq!(Fault::from_json(&written).unwrap(), short);
    for wrong in [
        r#"{"instance": {"name": "i-1", "fault": {"stop": {"by_force": true}}}}"#,
        r#"{"instance": {"name": "i-1", "fault": "stop", "force": true}}"#,
        r#"{"instance": {"name": "i-1"}}"#,
    ] {
        assert!(Fault::from_json(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
