//! Circles of files inside a crate.
//!
//! File A leans on file B if A's code names something that B defines: in a `use`, or by a path in the code, straight or through the re-exports
//! of modules between them. To declare a module, or to hand on its names without using them, is not to lean on it. What is compiled for tests
//! only does not count. Methods are not looked up: those that several files give to one type may call each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::{Import, blanked, definitions, imports, paths, without_tests, words};

/// A crate's files by path below `src`, with their text.
pub(crate) type Sources = BTreeMap<String, String>;

/// One file as a module.
struct Module {
    file: String,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    code: String,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Module(Vec<String>),
    /// Something that the module's file defines.
    Defined(Vec<String>),
}

/// A crate's modules by path; the root has none.
struct Crate(BTreeMap<Vec<String>, Module>);

/// More steps than any path takes: re-exports that lead to each other must not hang the test.
const MOST_STEPS: usize = 32;

impl Crate {
    fn read(sources: &Sources) -> Self {
        let mut modules = BTreeMap::new();
        let mut for_tests = BTreeSet::new();
        for (file, text) in sources {
            let Some(path) = module_path(file) else { continue };
            let (code, tests) = without_tests(&blanked(text));
            for_tests.extend(tests.into_iter().map(|name| path.iter().cloned().chain([name]).collect::<Vec<_>>()));
            let (imports, code) = imports(&code);
            let defined = definitions(&code);
            modules.insert(path, Module { file: file.clone(), defined, imports, code });
        }
        modules.retain(|path: &Vec<String>, _| !for_tests.iter().any(|tests| path.starts_with(tests)));
        Self(modules)
    }

    /// What `path`, written in module `from`, leads to; none for other crates, and for names of the function's own.
    fn resolve(&self, from: &[String], path: &[String], steps: usize) -> Option<Target> {
        let steps = steps.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(&[], rest, steps),
            "self" => self.descend(from, rest, steps),
            "super" => {
                let (_, parent) = from.split_last()?;
                let again = rest.first().is_some_and(|next| next == "super");
                if again { self.resolve(parent, rest, steps) } else { self.descend(parent, rest, steps) }
            }
            _ => self.descend(from, path, steps),
        }
    }

    /// Goes down from a module: into the modules below, to what it defines, and through what it imports.
    fn descend(&self, module: &[String], path: &[String], steps: usize) -> Option<Target> {
        let steps = steps.checked_sub(1)?;
        let found = self.0.get(module)?;
        let Some((first, rest)) = path.split_first() else { return Some(Target::Module(module.to_vec())) };
        let below: Vec<String> = module.iter().chain([first]).cloned().collect();
        if self.0.contains_key(&below) {
            return self.descend(&below, rest, steps);
        }
        if found.defined.contains(first) {
            return Some(Target::Defined(module.to_vec()));
        }
        let named = found.imports.iter().find(|import| import.name == *first);
        if let Some(import) = named {
            return match self.resolve(module, &import.path, steps)? {
                Target::Module(next) => self.descend(&next, rest, steps),
                defined @ Target::Defined(_) => Some(defined),
            };
        }
        let everything = found.imports.iter().filter(|import| import.name == "*");
        everything.filter_map(|import| self.resolve(module, import.path.split_last()?.1, steps)).find_map(|target| {
            match target {
                Target::Module(next) if next != module => self.descend(&next, path, steps),
                // `use Kind::*`: the variants are where the enum is.
                Target::Module(_) | Target::Defined(_) => None,
            }
        })
    }

    /// The files that each file leans on.
    fn arrows(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        self.0.iter().map(|(path, module)| (module.file.as_str(), self.leans_on(path, module))).collect()
    }

    fn leans_on(&self, path: &[String], module: &Module) -> BTreeSet<&str> {
        let used = words(&module.code);
        let leans = |import: &&Import| !import.public || used.contains(import.name.as_str());
        let imported = module.imports.iter().filter(leans).map(|import| match import.name.as_str() {
            "*" => import.path.split_last().map_or(&import.path[..], |(_, before)| before).to_vec(),
            _ => import.path.clone(),
        });
        let targets = imported.chain(paths(&module.code)).filter_map(|named| self.resolve(path, &named, MOST_STEPS));
        let files = targets.filter_map(|target| match target {
            Target::Defined(at) => self.0.get(&at).map(|module| module.file.as_str()),
            // Only a path through it says what of it is used.
            Target::Module(_) => None,
        });
        files.filter(|file| *file != module.file).collect()
    }
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`; none for a program, which nobody imports.
fn module_path(file: &str) -> Option<Vec<String>> {
    let stem = file.strip_suffix(".rs")?;
    if stem == "main" || stem.starts_with("bin/") {
        return None;
    }
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    Some(if stem == "lib" { Vec::new() } else { stem.split('/').map(str::to_owned).collect() })
}

/// All sets of files that lean on each other, by a chain or at once.
pub(crate) fn circles(sources: &Sources) -> Vec<BTreeSet<String>> {
    let tree = Crate::read(sources);
    let arrows = tree.arrows();
    let reached: BTreeMap<&str, BTreeSet<&str>> = arrows.keys().map(|file| (*file, reachable(&arrows, file))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (file, leads_to) in &reached {
        let back = |other: &&&str| reached.get(**other).is_some_and(|leads_to| leads_to.contains(file));
        let circle: BTreeSet<String> = leads_to.iter().filter(back).map(|other| (*other).to_owned()).collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reachable<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = arrows.get(from).into_iter().flatten().copied().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(arrows.get(next).into_iter().flatten());
        }
    }
    reached
}

/// Which file leans on which.
pub(crate) fn arrows(sources: &Sources) -> Vec<(String, String)> {
    let tree = Crate::read(sources);
    let pairs = tree
        .arrows()
        .into_iter()
        .flat_map(|(file, leans_on)| leans_on.into_iter().map(move |other| (file.to_owned(), other.to_owned())));
    pairs.collect()
}

/// The arrows of a circle, for whoever has to undo it.
fn arrows_within(sources: &Sources, circle: &BTreeSet<String>) -> Vec<String> {
    let within = arrows(sources).into_iter().filter(|(file, other)| circle.contains(file) && circle.contains(other));
    within.map(|(file, other)| format!("{file} -> {other}")).collect()
}

/// The sources below a directory.
pub(crate) fn read_sources(directory: &Path) -> Sources {
    let mut files = Vec::new();
    crate::sources(directory, &mut files);
    let read = |file: &std::path::PathBuf| {
        let name = file.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(file).unwrap())
    };
    files.iter().map(read).collect()
}

#[test]
fn no_files_lean_on_each_other_in_a_circle() {
    let (mut read, mut found) = (0, Vec::new());
    for (name, (directory, _)) in crate::members() {
        let sources = read_sources(&directory.join("src"));
        read += sources.len();
        for circle in circles(&sources) {
            found.push(format!("{name}:\n  {}", arrows_within(&sources, &circle).join("\n  ")));
        }
    }
    assert!(read > 300, "the crates' sources were not found");
    assert!(found.is_empty(), "files lean on each other in a circle:\n{}", found.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let sources = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        circles(&sources).into_iter().map(|circle| circle.into_iter().collect()).collect()
    }

    #[test]
    fn a_circle_is_found_however_a_file_names_the_other() {
        let leans = [
            "use crate::b::B;",
            "use crate::{c::C, b::{self, B as Other}};\nfn f(_: Other) {}",
            "use super::b::B;",
            "fn f() -> crate::b::B { crate::b::B }",
            "use crate::b;\nfn f() -> b::B { b::B }",
            "use crate::*;\nfn f() -> b::B { b::B }",
            "use crate::handed_on::B;",
            "pub use crate::b::B;\nfn f(_: B) {}",
            "fn f(_: &'static str, _: crate::b::B) {}",
        ];
        for lean in leans {
            let files = [
                ("lib.rs", "mod a;\nmod b;\nmod c;\nmod handed_on;"),
                ("a.rs", &format!("{lean}\npub struct A;")),
                ("b.rs", "use crate::a::A;\npub struct B;"),
                ("c.rs", "pub struct C;"),
                ("handed_on.rs", "pub use crate::b::B;"),
            ];
            assert_eq!(found(&files), [["a.rs", "b.rs"]], "{lean}");
        }
    }

    #[test]
    fn a_circle_through_a_chain_and_a_folder_is_one() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a/mod.rs", "mod inner;\nfn f() { inner::g() }"),
            ("a/inner.rs", "use crate::b::B;\npub fn g() {}"),
            ("b.rs", "use crate::c::C;\npub struct B;"),
            ("c.rs", "use crate::a::f;\npub struct C;"),
        ];
        assert_eq!(found(&files), [["a/inner.rs", "a/mod.rs", "b.rs", "c.rs"]]);
    }

    #[test]
    fn what_does_not_lean_makes_no_circle() {
        for harmless in [
            "",
            "pub use crate::b::B;",
            "// use crate::b::B;\n/// See [`crate::b::B`].",
            "const TEXT: &str = \"crate::b::B\";\nconst RAW: &str = r#\"crate::b::B \" '\"#;\nconst LETTER: char = '\"';",
            "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}",
            "#[cfg(test)]\nmod tests;",
            "use std::b::B;",
            "use crate::b;",
        ] {
            let files = [
                ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;"),
                ("a.rs", &format!("{harmless}\npub struct A;")),
                ("a/tests.rs", "use crate::b::B;\nuse crate::a::A;"),
                ("b.rs", "use crate::A;\npub struct B;"),
            ];
            assert_eq!(found(&files), Vec::<Vec<String>>::new(), "{harmless}");
        }
    }
}
