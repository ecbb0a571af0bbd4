//! A function can be seen whole, and most files are short.

use crate::circles::read_sources;
use crate::source::{blanked, function_lengths, without_tests};

const MOST_LINES_OF_A_FUNCTION: usize = 70;
const MEDIAN_LINES_OF_A_FILE: usize = 200;

/// Each file that is not for tests only, without its tests: crate, file, code.
fn files() -> Vec<(String, String, String)> {
    let mut files = Vec::new();
    for (name, (directory, _)) in crate::members() {
        for (file, text) in read_sources(&directory.join("src")) {
            if !file.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "test_support.rs")) {
                files.push((name.clone(), file, without_tests(&blanked(&text)).0));
            }
        }
    }
    assert!(files.len() > 300, "the crates' sources were not found");
    files
}

#[test]
fn every_function_can_be_seen_whole() {
    let mut too_long = Vec::new();
    for (name, file, code) in files() {
        let functions = function_lengths(&code).into_iter().filter(|(_, lines)| *lines > MOST_LINES_OF_A_FUNCTION);
        too_long.extend(functions.map(|(function, lines)| (name.clone(), file.clone(), function, lines)));
    }
    assert!(too_long.is_empty(), "functions of more than {MOST_LINES_OF_A_FUNCTION} lines: {too_long:?}");
}

#[test]
fn most_files_are_short() {
    let mut lines: Vec<usize> = files().iter().map(|(_, _, code)| code.trim_end().lines().count()).collect();
    lines.sort_unstable();
    let median = lines[lines.len() / 2];
    assert!(median < MEDIAN_LINES_OF_A_FILE, "the median file has {median} lines");
}

#[test]
fn a_function_is_as_long_as_from_its_signature_to_its_end() {
    let code = blanked(
        "fn one() {}\n\nimpl X {\n    /// {\n    fn two(\n        a: [u8; 3],\n    ) -> fn(u8) {\n        \"}\"\n    }\n}\n",
    );
    let lengths: Vec<_> = function_lengths(&code).into_iter().collect();
    assert_eq!(lengths, [("one".to_owned(), 1), ("two".to_owned(), 5)]);
    let (code, modules) =
        without_tests("fn a() {}\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more {\n    fn b() {}\n}\nfn c() {}\n");
    assert_eq!(function_lengths(&code).into_keys().collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(modules.into_iter().collect::<Vec<_>>(), ["more", "tests"]);
}
