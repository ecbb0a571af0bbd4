//! The keys of `failover.toml`: the operating guide's table beside the spec, which alone decides what is accepted.

use std::collections::BTreeSet;

use failover_core::spec::Spec;
use toml::{Table, Value};

use super::text::{document, in_backticks, table};

/// A key of the guide's table.
struct Key {
    /// Where it stands: `detect`, `volume`, or nothing at the top.
    within: String,
    name: String,
    default: String,
    allowed: String,
}

/// Keys without which nothing else is looked at, and a value for each.
const REQUIRED: [(&str, &str, &str); 5] = [
    ("", "service", "\"db\""),
    ("", "topology", "\"auto-scaling\""),
    ("address", "kind", "\"elastic-ip\""),
    ("address", "allocation_id", "\"eipalloc-0123456789abcdef0\""),
    ("volume", "name", "\"data\""),
];
/// Tables that come more than once.
const SEVERAL: [&str; 2] = ["address", "volume"];

fn guide() -> Vec<Key> {
    let mut keys = Vec::new();
    for row in table(&document("docs/operating.md"), "| key | default | allowed | meaning |") {
        let [named, default, allowed, _] = row.as_slice() else { panic!("{row:?} has not four cells") };
        let mut within = String::new();
        for word in in_backticks(named) {
            if word.starts_with('[') {
                word.trim_matches(['[', ']']).clone_into(&mut within);
                assert_eq!(word.starts_with("[["), SEVERAL.contains(&within.as_str()), "{word}");
                continue;
            }
            let name = match word.split_once('.') {
                // `.on_quiesce` stands in the table of the key before it.
                Some(("", name)) => name,
                Some((table, name)) => {
                    table.clone_into(&mut within);
                    name
                }
                None => word,
            };
            let (default, allowed) = (default.clone(), allowed.clone());
            keys.push(Key { within: within.clone(), name: name.to_owned(), default, allowed });
        }
    }
    keys
}

/// A `failover.toml` with what is required where `within` stands, but for `without`; and `more` there.
fn spec(within: &str, without: Option<&str>, more: &str) -> Result<Spec, String> {
    let required = |table: &str| {
        let lines = REQUIRED.iter().filter(|(at, key, _)| *at == table && (table != within || Some(*key) != without));
        lines.flat_map(|(_, key, value)| [key, " = ", value, "\n"]).collect::<String>()
    };
    let text = match within {
        "" => format!("{}{more}", required("")),
        _ if SEVERAL.contains(&within) => format!("{}[[{within}]]\n{}{more}", required(""), required(within)),
        _ => format!("{}[{within}]\n{more}", required("")),
    };
    Spec::parse(&text).map_err(|error| error.to_string())
}

fn with(key: &Key, value: &str) -> Result<Spec, String> {
    spec(&key.within, Some(&key.name), &format!("{} = {value}\n", key.name))
}

/// What the spec says that it would have accepted in place of a word that it does not know.
fn expected(error: &str) -> BTreeSet<String> {
    let (_, list) = error.split_once("expected ").unwrap_or_else(|| panic!("{error}"));
    in_backticks(list).into_iter().map(str::to_owned).collect()
}

/// Every key that the spec takes, by its own word.
fn keys_of(within: &str) -> BTreeSet<String> {
    let unknown = match within {
        "" => Spec::parse("no_such_key = 1\n").map_err(|error| error.to_string()),
        _ if SEVERAL.contains(&within) => spec("", None, &format!("[[{within}]]\nno_such_key = 1\n")),
        _ => spec(within, None, "no_such_key = 1\n"),
    };
    expected(&unknown.expect_err("no_such_key is accepted"))
}

#[test]
fn the_guide_has_every_key_and_no_other() {
    let guide: BTreeSet<(String, String)> = guide().into_iter().map(|key| (key.within, key.name)).collect();
    let mut code = BTreeSet::new();
    for name in keys_of("") {
        if REQUIRED.iter().any(|(at, key, _)| at.is_empty() && *key == name) {
            code.insert((String::new(), name));
        } else {
            code.extend(keys_of(&name).into_iter().map(|key| (name.clone(), key)));
        }
    }
    assert_eq!(guide, code);
}

/// What the spec takes a key for that is not there; nothing where it then is none.
fn default_of(key: &Key) -> Option<Value> {
    let all: Table = spec(&key.within, None, "").unwrap().to_toml().parse().unwrap();
    let table = match all.get(&key.within) {
        Some(Value::Array(several)) => several.first()?.as_table()?,
        Some(Value::Table(table)) => table,
        _ => return None,
    };
    table.get(&key.name).cloned().filter(|value| value.as_array().is_none_or(|items| !items.is_empty()))
}

/// The value that a cell begins with; nothing where it is in words, or an empty list.
fn value_of(cell: &str) -> Option<Value> {
    let word = if cell.starts_with('`') { in_backticks(cell)[0] } else { cell.split_whitespace().next()? };
    let table: Table = format!("it = {word}").parse().ok()?;
    table.get("it").cloned().filter(|value| value.as_array().is_none_or(|items| !items.is_empty()))
}

#[test]
fn the_guide_s_defaults_are_those_of_the_spec() {
    for key in guide() {
        let name = format!("{}.{}", key.within, key.name);
        let missing = spec(&key.within, Some(&key.name), "");
        // An empty cell says that there is no default: the key is required.
        assert_eq!(key.default.is_empty(), missing.is_err(), "{name}: {missing:?}");
        if let Err(error) = missing {
            assert!(error.contains(&format!("missing field `{}`", key.name)), "{name}: {error}");
        } else {
            assert_eq!(value_of(&key.default), default_of(&key), "{name}: the guide says {:?}", key.default);
        }
    }
}

/// `0–3600`
fn bounds(cell: &str) -> Option<(i64, i64)> {
    let (least, most) = cell.split_once('–')?;
    Some((least.parse().ok()?, most.parse().ok()?))
}

#[test]
fn the_guide_s_bounds_are_those_of_the_spec() {
    let mut bounded = 0;
    for key in guide() {
        let name = format!("{}.{}", key.within, key.name);
        let Some((least, most)) = bounds(&key.allowed) else {
            let wrong = with(&key, "-99999999999999");
            assert!(wrong.is_err_and(|error| !error.contains("out of range")), "{name} has bounds in the spec");
            continue;
        };
        bounded += 1;
        for fits in [least, most] {
            assert!(with(&key, &fits.to_string()).is_ok(), "{name} = {fits}: {:?}", with(&key, &fits.to_string()));
        }
        for wrong in [least - 1, most + 1] {
            let error = with(&key, &wrong.to_string()).expect_err(&name);
            assert!(error.contains(&format!("allowed is {least} to {most}")), "{name} = {wrong}: {error}");
        }
    }
    assert!(bounded > 10, "the guide's bounds are not read");
}

#[test]
fn the_guide_s_choices_are_those_of_the_spec() {
    let mut chosen = 0;
    for key in guide() {
        let Err(error) = with(&key, "\"no such thing\"") else { continue };
        if !error.contains("unknown variant") {
            continue;
        }
        chosen += 1;
        let guide: BTreeSet<String> =
            in_backticks(&key.allowed).into_iter().map(|word| word.trim_matches('"').to_owned()).collect();
        assert_eq!(guide, expected(&error), "{}.{}", key.within, key.name);
    }
    assert!(chosen >= 4, "the guide's choices are not read");
}

#[test]
fn what_else_the_guide_says_of_volumes_holds() {
    let keys = guide();
    let key = |name: &str| keys.iter().find(|key| key.within == "volume" && key.name == name).unwrap();
    let blank = in_backticks(&key("blank").allowed).into_iter().find(|word| word.starts_with('{')).unwrap();
    assert!(with(key("blank"), blank).is_ok(), "{blank}");
    let (_, most) = key("name").allowed.split_once("up to ").unwrap();
    let most: usize = most.split_whitespace().next().unwrap().parse().unwrap();
    let volumes =
        |count: usize| (0..count).map(|it| format!("[[volume]]\nname = \"v{it}\"")).collect::<Vec<_>>().join("\n");
    assert!(spec("", None, &volumes(most)).is_ok());
    assert!(spec("", None, &volumes(most + 1)).is_err_and(|error| error.contains(&format!("at most {most}"))));
}

/// Every `failover.toml` that a document shows is one.
#[test]
fn the_documents_examples_are_accepted() {
    let mut seen = 0;
    for (path, text) in super::text::documents() {
        for block in text.split("```toml").skip(1).filter_map(|rest| rest.split("```").next()) {
            // In a list, the block is indented.
            let lines: Vec<&str> = block.lines().map(str::trim_start).collect();
            if lines.iter().any(|line| line.starts_with("topology")) {
                seen += 1;
                Spec::parse(&lines.join("\n")).unwrap_or_else(|error| panic!("{path}: {error}\n{block}"));
            }
        }
    }
    assert!(seen >= 2, "no example was found");
}
