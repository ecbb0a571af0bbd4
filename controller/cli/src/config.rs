//! What counts for every command: the options as they are typed, and what they come to.
//!
//! What was typed is not what counts: a service may be left out, and some options mean nothing beside others.

use clap::Args;
use failover_aws::ClientSettings;
use failover_core::ids::ServiceName;
use failover_engine::Names;

use crate::error::CliError;
use crate::output::Format;

/// The seed where none is given: every try of the simulated region shows the same.
const DEFAULT_SEED: u64 = 1;

/// Options that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArgs {
    /// Which service; may be left out when there is only one
    #[arg(long, global = true, value_name = "NAME")]
    pub service: Option<ServiceName>,
    /// What is printed to standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// AWS region [default: as AWS's own variables and profiles say]
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Profile of the shared AWS configuration
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Where requests go instead of AWS's own endpoints
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// DynamoDB table of the ledgers
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = Names::TABLE_VARIABLE,
        hide_env_values = true,
        default_value_t = Names::default().table
    )]
    pub table: String,
    /// SSM path under which the specs are kept
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = Names::SPEC_PATH_VARIABLE,
        hide_env_values = true,
        default_value_t = Names::default().spec_path
    )]
    pub spec_path: String,
    /// ARN of the SNS topic that hears of failovers
    #[arg(long, global = true, value_name = "ARN", env = Names::TOPIC_VARIABLE, hide_env_values = true)]
    pub topic: Option<String>,
    /// Use an embedded, simulated region with a sample service instead of AWS
    #[arg(long, global = true)]
    pub simulated: bool,
    /// Seed of the simulated region [default: 1]
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// Log to standard error what is seen, decided and done
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// The options of every command, resolved and checked: none is left that means nothing here.
#[derive(Debug)]
pub struct Config {
    /// The service that was named.
    pub service: Option<ServiceName>,
    /// How to print.
    pub format: Format,
    /// Which AWS.
    pub place: Place,
    /// Seed of whatever is simulated.
    pub seed: u64,
    /// What belongs to the controller there.
    pub names: Names,
    /// Whether to log.
    pub verbose: bool,
}

/// Which AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The real one, or what an endpoint URL puts in its place.
    Aws(ClientSettings),
    /// The embedded region.
    Simulated,
}

impl GlobalArgs {
    /// Makes sense of what was typed, or says what does not fit together. `simulates`: the command makes regions of its own.
    pub fn resolve(self, simulates: bool) -> Result<Config, CliError> {
        self.check(simulates)?;
        let place = if self.simulated {
            Place::Simulated
        } else {
            Place::Aws(ClientSettings { region: self.region, profile: self.profile, endpoint_url: self.endpoint_url })
        };
        let topic = self.topic.filter(|arn| !arn.is_empty());
        Ok(Config {
            service: self.service,
            format: self.output,
            place,
            seed: self.seed.unwrap_or(DEFAULT_SEED),
            names: Names { table: self.table, spec_path: self.spec_path, topic },
            verbose: self.verbose,
        })
    }

    fn check(&self, simulates: bool) -> Result<(), CliError> {
        if self.seed.is_some() && !self.simulated && !simulates {
            return Err(CliError::Usage(
                "--seed means something only with --simulated or `failover simulate`".to_owned(),
            ));
        }
        if !self.simulated {
            return Ok(());
        }
        let of_aws = [(&self.region, "--region"), (&self.profile, "--profile"), (&self.endpoint_url, "--endpoint-url")];
        match of_aws.into_iter().find(|(value, _)| value.is_some()) {
            Some((_, option)) => Err(CliError::Usage(format!(
                "{option} and --simulated exclude each other: the simulated region is not AWS"
            ))),
            None => Ok(()),
        }
    }
}
