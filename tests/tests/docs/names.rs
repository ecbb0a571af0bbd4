//! Paths, variables, commands and exit codes that documents name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind;
use failover_cli::ExitCode;
use failover_cli::cli::Cli;

use super::text::{blocks, document, documents, in_backticks, inline, root, table};

/// Not of the repository: what an operator writes, what cargo makes, an alias of a KMS key.
const NOT_OURS: [&str; 3] = ["failover.toml", "target/", "aws/ebs"];
/// What a file's name ends in.
const ENDINGS: [&str; 9] = ["rs", "md", "toml", "py", "sh", "json", "yaml", "service", "txt"];

/// Every file and folder of the repository.
fn paths() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let skipped = ["target", ".git", "node_modules"];
            if skipped.iter().any(|name| path.file_name() == Some(OsStr::new(name))) {
                continue;
            }
            found.insert(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            if entry.file_type().unwrap().is_dir() {
                walk(&path, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&root(), &mut found);
    found
}

fn is_path(word: &str) -> bool {
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    let named = Path::new(word).extension().and_then(OsStr::to_str).is_some_and(|ending| ENDINGS.contains(&ending));
    plain && !word.starts_with('/') && (word.contains('/') || named) && !NOT_OURS.contains(&word)
}

#[test]
fn every_path_that_a_document_names_is_there() {
    let paths = paths();
    let top: BTreeSet<&str> =
        paths.iter().filter(|path| root().join(path).is_dir()).filter_map(|it| it.split('/').next()).collect();
    // From the root, or the end of a path where the text says where it begins.
    let is_there = |word: &str| {
        let word = word.trim_end_matches('/');
        paths.contains(word) || paths.iter().any(|path| path.strip_suffix(word).is_some_and(|rest| rest.ends_with('/')))
    };
    let (mut missing, mut seen) = (Vec::new(), 0);
    for (document, text) in documents() {
        let inline = inline(&text);
        let words = inline.iter().flat_map(|span| span.split(' ')).filter(|word| is_path(word));
        // In commands there is much that looks like a path: only what begins with a folder of ours is one for sure.
        let blocks = blocks(&text);
        let of_ours = |word: &&str| word.split_once('/').is_some_and(|(first, _)| top.contains(first)) && is_path(word);
        let words = words.chain(blocks.iter().flat_map(|line| line.split_whitespace()).filter(of_ours));
        for word in words {
            seen += 1;
            if !is_there(word.trim_end_matches([',', ';', ':', '.'])) {
                missing.push(format!("{document}: {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen > 50, "the documents' paths are not found");
}

#[test]
fn every_module_in_the_table_of_the_decisions_is_there() {
    let text = document("docs/architecture.md");
    let folder = "controller/core/src/decide/";
    for row in table(&text, &format!("| module of `{folder}` | question |")) {
        for module in in_backticks(&row[0]) {
            let path = root().join(folder).join(module);
            assert!(path.is_dir() || path.with_extension("rs").is_file(), "there is no {folder}{module}");
        }
    }
}

/// `FAILOVER_...`, wherever it stands.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_uppercase() && character != '_');
    words.filter(|word| word.len() > "FAILOVER_".len() && word.starts_with("FAILOVER_")).map(str::to_owned).collect()
}

#[test]
fn documents_and_code_name_the_same_variables() {
    let documented: BTreeSet<String> = documents().iter().flat_map(|(_, text)| variables(text)).collect();
    let (mut shipped, mut all) = (BTreeSet::new(), BTreeSet::new());
    for path in paths() {
        let is_code = [".rs", ".py", ".sh", ".yaml", ".service"].iter().any(|ending| path.ends_with(ending));
        // These tests name the prefix only.
        if !is_code || path.starts_with("tests/tests/docs/") {
            continue;
        }
        let found = variables(&std::fs::read_to_string(root().join(&path)).unwrap_or_default());
        if ["controller/", "lambda/", "userdata/", "deploy/"].iter().any(|folder| path.starts_with(folder)) {
            shipped.extend(found.iter().cloned());
        }
        all.extend(found);
    }
    let unknown: Vec<_> = documented.difference(&all).collect();
    assert!(unknown.is_empty(), "no code has {unknown:?}");
    let untold: Vec<_> = shipped.difference(&documented).collect();
    assert!(untold.is_empty(), "no document has {untold:?}");
}

/// A command line as a document shows it: without its comment, and with something that can be parsed for each placeholder.
fn arguments(line: &str) -> Option<Vec<String>> {
    let line = line.split(" #").next()?.trim();
    let rest = line.strip_prefix("failover ").or_else(|| line.strip_prefix("cargo run -- "))?;
    let value = |word: &str| match word {
        "i-OLD" => "i-0123456789abcdef0".to_owned(),
        "ID" => "f1-e1".to_owned(),
        _ => word.to_owned(),
    };
    Some(std::iter::once("failover".to_owned()).chain(rest.split_whitespace().map(value)).collect())
}

#[test]
fn every_command_that_a_document_shows_can_be_typed() {
    let mut seen = 0;
    // What was once, and is no more, stands in the changelog alone.
    for (path, text) in documents().into_iter().filter(|(path, _)| path != "CHANGELOG.md") {
        let spans = inline(&text).into_iter().map(|span| (span, true));
        for (line, is_mention) in blocks(&text).into_iter().map(|line| (line, false)).chain(spans) {
            let Some(arguments) = arguments(&line) else { continue };
            seen += 1;
            let Err(error) = Cli::try_parse_from(&arguments) else { continue };
            // A text may speak of `failover apply` and leave the file out.
            let is_short = is_mention && error.kind() == ErrorKind::MissingRequiredArgument;
            assert!(is_short, "{path}: {line}: {error}");
        }
    }
    assert!(seen > 20, "the documents' commands are not found");
}

#[test]
fn the_exit_codes_are_told() {
    let guide = document("docs/operating.md");
    let (_, section) = guide.split_once("## 12. Exit codes").unwrap();
    let told: Vec<String> = table(section, "| | |").into_iter().map(|row| row[0].clone()).collect();
    let codes: Vec<String> = ExitCode::ALL.iter().map(|code| code.number().to_string()).collect();
    assert_eq!(told, codes);
}
