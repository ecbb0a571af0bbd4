//! What a test runner of our own was asked to play, as Rust's takes it: `-- PART-OF-A-NAME ...`, `--exact`, `--skip`, `--list`.

/// Which names are meant.
#[derive(Debug, Default)]
pub struct Choice {
    /// Only the names are asked for.
    pub list: bool,
    exact: bool,
    wanted: Vec<String>,
    skipped: Vec<String>,
}

/// Options of Rust's runner that take a value of their own, and mean nothing here.
const WITH_VALUE: [&str; 6] = ["--color", "--format", "--logfile", "--shuffle-seed", "--test-threads", "-Z"];

impl Choice {
    /// From the command line. What else Rust's runner knows, such as `--nocapture`, is for all tests, and means nothing here.
    pub fn of(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut arguments = arguments.into_iter();
        let mut choice = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--list" => choice.list = true,
                "--exact" => choice.exact = true,
                "--skip" => choice.skipped.extend(arguments.next()),
                with_value if WITH_VALUE.contains(&with_value) => drop(arguments.next()),
                flag if flag.starts_with('-') => {}
                _ => choice.wanted.push(argument),
            }
        }
        choice
    }

    /// Whether what has this name is to be played.
    pub fn is_chosen(&self, name: &str) -> bool {
        let is_meant = |by: &String| if self.exact { name == by } else { name.contains(by.as_str()) };
        (self.wanted.is_empty() || self.wanted.iter().any(is_meant)) && !self.skipped.iter().any(is_meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(line: &str) -> Vec<&'static str> {
        let choice = Choice::of(line.split_whitespace().map(str::to_owned));
        ["killed-host", "killed-host-other-zone", "terminated"]
            .into_iter()
            .filter(|name| choice.is_chosen(name))
            .collect()
    }

    #[test]
    fn it_chooses_as_rusts_own_runner_does() {
        assert_eq!(chosen("--nocapture --test-threads 1 -q").len(), 3);
        assert_eq!(chosen("killed"), ["killed-host", "killed-host-other-zone"]);
        assert_eq!(chosen("zone terminated"), ["killed-host-other-zone", "terminated"]);
        assert_eq!(chosen("--exact killed-host"), ["killed-host"]);
        assert_eq!(chosen("--skip killed --nocapture"), ["terminated"]);
        assert_eq!(chosen("nothing-of-this-name"), Vec::<&str>::new());
        assert!(Choice::of(["--list".to_owned()]).list);
    }
}
