//! Where the controller keeps what is its own.

/// How to find what belongs to the controller in AWS.
#[derive(Debug, Clone)]
pub struct Names {
    /// The DynamoDB table of ledgers.
    pub table: String,
    /// The SSM path under which specs are kept.
    pub spec_path: String,
    /// The SNS topic that hears of ended and halted failovers.
    pub topic: Option<String>,
}

/// The variables that say so, for the function and the command alike.
impl Names {
    /// Names the table.
    pub const TABLE_VARIABLE: &str = "FAILOVER_TABLE";
    /// Names the SSM path of the specs.
    pub const SPEC_PATH_VARIABLE: &str = "FAILOVER_SPEC_PATH";
    /// Names the topic, by its ARN.
    pub const TOPIC_VARIABLE: &str = "FAILOVER_TOPIC";
}

impl Default for Names {
    fn default() -> Self {
        Self { table: "failover".to_owned(), spec_path: "/failover/services/".to_owned(), topic: None }
    }
}
