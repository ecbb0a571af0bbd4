//! Rust sources as far as the rules about files need them: code without comments, texts and tests; what a file defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};

/// The text with comments, strings and characters blanked out; lines stay where they are.
pub(crate) fn blanked(text: &str) -> String {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let kept = out.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = (!kept).then(|| raw_string(rest)).flatten() {
            length
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        out.extend(rest[..length].chars().map(|gone| if gone == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    out
}

/// The length of the raw string that begins here.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let body = rest[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(start + body.find(&end).map_or(body.len(), |found| found + end.len()))
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a quote begins a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => true,
        (Some(letter), _) => !letter.is_alphabetic() && letter != '_',
        (None, _) => false,
    }
}

/// Where the item ends that begins here: after its `;`, or after its braces.
fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (index, letter) in code.char_indices() {
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && letter == '}' {
                    return index + 1;
                }
            }
            ';' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    code.len()
}

/// Code without what is compiled for tests only, and the names of the modules that are files for tests only.
pub(crate) fn without_tests(code: &str) -> (String, BTreeSet<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut out, mut modules, mut rest) = (String::new(), BTreeSet::new(), code);
    while let Some(start) = rest.find(MARK) {
        out.push_str(&rest[..start]);
        let item = &rest[start + MARK.len()..];
        let end = item_end(item);
        let words: Vec<&str> = item[..end].split_whitespace().collect();
        if let Some(position) = words.iter().position(|word| *word == "mod") {
            modules.extend(words.get(position + 1).map(|name| name.trim_end_matches(';').to_owned()));
        }
        out.extend(item[..end].chars().filter(|letter| *letter == '\n'));
        rest = &item[end..];
    }
    out.push_str(rest);
    (out, modules)
}

/// A name that a `use` brings in, and the path that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// `*` brings in everything.
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    /// Others may take it from here.
    pub(crate) public: bool,
}

/// The `use` declarations, and the code without them.
pub(crate) fn imports(code: &str) -> (Vec<Import>, String) {
    let (mut found, mut rest_of_code) = (Vec::new(), String::new());
    let mut rest = code;
    while let Some(start) = find_word(rest, "use") {
        let Some(length) = rest[start..].find(';') else { break };
        let before = &rest[..start];
        rest_of_code.push_str(before);
        let visible = before.rsplit(['\n', ';', '{', '}']).next().unwrap_or_default();
        let public = visible.trim_start().starts_with("pub");
        tree(&[], &rest[start + 3..start + length], public, &mut found);
        rest = &rest[start + length + 1..];
    }
    rest_of_code.push_str(rest);
    (found, rest_of_code)
}

fn find_word(code: &str, word: &str) -> Option<usize> {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    code.match_indices(word).map(|(start, _)| start).find(|start| {
        !is_part(code[..*start].chars().next_back()) && !is_part(code[start + word.len()..].chars().next())
    })
}

/// One `a::{b, c as d}`.
fn tree(prefix: &[String], text: &str, public: bool, found: &mut Vec<Import>) {
    let text = text.trim();
    if let Some((head, inner)) = text.strip_suffix('}').and_then(|text| text.split_once('{')) {
        let prefix: Vec<String> = prefix.iter().cloned().chain(segments(head)).collect();
        let mut depth = 0_i32;
        let separates = |letter: char| {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            letter == ',' && depth == 0
        };
        inner
            .split(separates)
            .filter(|part| !part.trim().is_empty())
            .for_each(|part| tree(&prefix, part, public, found));
        return;
    }
    let (path, alias) = text.split_once(" as ").map_or((text, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path: Vec<String> = prefix.iter().cloned().chain(segments(path)).collect();
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = alias.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
    found.push(Import { name, path, public });
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned)
}

/// Every path of at least two segments.
pub(crate) fn paths(code: &str) -> Vec<Vec<String>> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    // What begins with colons goes on behind something else, such as `<T>::new`.
    let words = code.split(|letter| !is_part(letter)).filter(|word| !word.starts_with(':'));
    words.map(|word| segments(word).collect::<Vec<_>>()).filter(|path| path.len() > 1).collect()
}

/// Every single word.
pub(crate) fn words(code: &str) -> BTreeSet<&str> {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty()).collect()
}

/// What a file defines at its top, modules in files apart.
pub(crate) fn definitions(code: &str) -> BTreeSet<String> {
    const KINDS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "mod"];
    const BEFORE_FN: [&str; 8] = ["pub", "crate", "super", "in", "const", "async", "unsafe", "extern"];
    let at_top = code.lines().filter(|line| line.starts_with(|first: char| first.is_alphabetic()));
    let defined = at_top.filter_map(|line| {
        let words: Vec<&str> = line
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .filter(|word| !word.is_empty())
            .collect();
        // `const fn` defines a function, not a constant.
        let function = words.iter().position(|word| !BEFORE_FN.contains(word)).filter(|first| words[*first] == "fn");
        let kind = function.or_else(|| words.iter().position(|word| KINDS.contains(word)))?;
        let in_a_file = words[kind] == "mod" && line.trim_end().ends_with(';');
        words.get(kind + 1).filter(|_| !in_a_file).map(|name| (*name).to_owned())
    });
    defined.collect()
}

/// The functions of a file, and how many lines each has from its signature to its end.
pub(crate) fn function_lengths(code: &str) -> BTreeMap<String, usize> {
    let (mut lengths, mut rest) = (BTreeMap::new(), code);
    while let Some(start) = find_word(rest, "fn") {
        let function = &rest[start..];
        rest = &function[2..];
        let name = rest.trim_start().split(|letter: char| !letter.is_alphanumeric() && letter != '_').next();
        // A type such as `fn(u8)` has no name.
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        let lines = function[..item_end(function)].lines().count();
        let longest = lengths.entry(name.to_owned()).or_insert(0);
        *longest = lines.max(*longest);
    }
    lengths
}
