//! Markdown, as far as it takes to find what it names.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every document, by its path in the repository.
pub(crate) fn documents() -> Vec<(String, String)> {
    let mut paths: Vec<String> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md", "userdata/README.md"]
            .map(str::to_owned)
            .into();
    for folder in ["docs", "docs/decisions"] {
        let files = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        let names = pages.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        paths.extend(names.map(|name| format!("{folder}/{name}")));
    }
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), document(&path))).collect()
}

pub(crate) fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What stands in backticks outside of blocks of code, each on one line.
pub(crate) fn inline(document: &str) -> Vec<String> {
    let outside = document.split("```").step_by(2);
    let spans = outside.flat_map(|text| text.split('`').skip(1).step_by(2));
    spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The lines of blocks of code. A line that ends in a backslash goes on.
pub(crate) fn blocks(document: &str) -> Vec<String> {
    let inside = document.split("```").skip(1).step_by(2);
    inside.flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The rows of the first table with this head.
pub(crate) fn table(document: &str, head: &str) -> Vec<Vec<String>> {
    let mut lines = document.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "there is no table {head}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    assert!(!rows.is_empty(), "the table {head} is empty");
    rows
}

/// The cells of a row. Between backticks, a bar is no border.
fn cells(row: &str) -> Vec<String> {
    let mut is_code = false;
    let inner = row.trim().strip_prefix('|').and_then(|row| row.strip_suffix('|')).unwrap_or(row);
    let cells = inner.split(|character| {
        is_code ^= character == '`';
        character == '|' && !is_code
    });
    cells.map(|cell| cell.trim().to_owned()).collect()
}

/// What stands in backticks in a cell.
pub(crate) fn in_backticks(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}
