//! What the function's environment says.

use failover_engine::Names;

/// Where the controller's records are. What is not set, or empty as templates like to leave it, has a default.
pub fn names(variable: impl Fn(&str) -> Option<String>) -> Names {
    let given = |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let default = Names::default();
    Names {
        table: given(Names::TABLE_VARIABLE).unwrap_or(default.table),
        spec_path: given(Names::SPEC_PATH_VARIABLE).unwrap_or(default.spec_path),
        topic: given(Names::TOPIC_VARIABLE),
    }
}

/// A name for leases that no other invocation has: log streams belong to one execution environment each, and request ids to one
/// event each. (A repeated event keeps its request id, but runs where another log stream, or later the same one, is written.)
pub fn holder(log_stream: &str, process_id: u32, request_id: &str) -> String {
    format!("lambda {log_stream} {process_id} {request_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_has_a_default() {
        let names_of_nothing = names(|_| None);
        assert_eq!(names_of_nothing.table, "failover");
        assert_eq!(names_of_nothing.spec_path, "/failover/services/");
        assert_eq!(names_of_nothing.topic, None);
        let names_of_empty = names(|_| Some(" ".to_owned()));
        assert_eq!(names_of_empty.table, "failover");
        assert_eq!(names_of_empty.topic, None);
    }

    #[test]
    fn what_is_set_counts() {
        let set = names(|name| {
            Some(match name {
                Names::TABLE_VARIABLE => "ledgers".to_owned(),
                Names::SPEC_PATH_VARIABLE => "/specs/".to_owned(),
                _ => format!("arn:{name}"),
            })
        });
        assert_eq!((set.table.as_str(), set.spec_path.as_str()), ("ledgers", "/specs/"));
        assert_eq!(set.topic.as_deref(), Some("arn:FAILOVER_TOPIC"));
    }

    #[test]
    fn holders_differ_by_process_and_by_invocation() {
        let one = holder("2026/01/05/[$LATEST]aa", 8, "r1");
        assert_ne!(one, holder("2026/01/05/[$LATEST]bb", 8, "r1"));
        assert_ne!(one, holder("2026/01/05/[$LATEST]aa", 8, "r2"));
        assert_ne!(holder("", 8, "r1"), holder("", 9, "r1"));
    }
}
