//! Specs: one SSM parameter per service, holding its `failover.toml`.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{Parameter, ParameterTier, ParameterType};
use failover_core::ids::ServiceName;
use failover_core::spec::{Spec, SpecError};
use failover_core::step::FailureClass;
use thiserror::Error;

use crate::clients::Aws;
use crate::error::{AwsError, code, failed};

/// The most that one page holds; SSM takes no more.
const PAGE: i32 = 10;

/// A bound for the loop over pages: a hundred thousand services.
const MOST_PAGES: usize = 10_000;

/// A spec that can't be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecsError {
    /// The parameter is there, but no spec.
    #[error("{parameter}: {source}")]
    Bad {
        /// The parameter's name.
        parameter: String,
        /// What is wrong.
        source: SpecError,
    },
    /// The parameter holds the spec of another service.
    #[error("{parameter}: it is the spec of {found}")]
    Misplaced {
        /// The parameter's name.
        parameter: String,
        /// Whose spec it is.
        found: ServiceName,
    },
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// The specs under one prefix of SSM's Parameter Store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Specs {
    aws: Aws,
    prefix: String,
}

impl Specs {
    /// The specs under `prefix`, such as `/failover/services/`.
    pub fn new(aws: &Aws, prefix: &str) -> Self {
        Self { aws: aws.clone(), prefix: format!("/{}", prefix.trim_matches('/')) }
    }

    /// The name of a service's parameter.
    pub fn parameter(&self, service: &ServiceName) -> String {
        format!("{}/{service}", self.prefix.trim_end_matches('/'))
    }

    /// A service's spec. Nothing: it has none.
    pub async fn get(&self, service: &ServiceName) -> Result<Option<Spec>, SpecsError> {
        let call = self.aws.ssm().get_parameter().name(self.parameter(service));
        match call.send().await.map_err(failed("GetParameter")) {
            Ok(answer) => answer.parameter().map(|parameter| read(service, parameter)).transpose(),
            Err(error) if error.class == FailureClass::Gone => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Every service's spec. One that is bad does not hide the others.
    pub async fn all(&self) -> Result<BTreeMap<ServiceName, Result<Spec, SpecsError>>, SpecsError> {
        const OPERATION: &str = "GetParametersByPath";
        let call = self.aws.ssm().get_parameters_by_path().path(&self.prefix).recursive(false).max_results(PAGE);
        let mut specs = BTreeMap::new();
        let mut next_token = None;
        for _ in 0..MOST_PAGES {
            let page = call.clone().set_next_token(next_token).send().await.map_err(failed(OPERATION))?;
            for parameter in page.parameters() {
                let name = parameter.name().unwrap_or_default();
                match ServiceName::new(name.rsplit('/').next().unwrap_or_default()) {
                    Ok(service) => {
                        let spec = read(&service, parameter);
                        specs.insert(service, spec);
                    }
                    Err(error) => tracing::warn!(parameter = name, %error, "a parameter beside the specs was left out"),
                }
            }
            // A page may be empty and not the last.
            next_token = page.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                return Ok(specs);
            }
        }
        let message = format!("{} has more than {MOST_PAGES} pages", self.prefix);
        let code = code::UNREADABLE.to_owned();
        Err(AwsError { operation: OPERATION, class: FailureClass::Invalid, code, message }.into())
    }

    /// Keeps a service's spec, as the operator wrote it. `text` is what `spec` was read from.
    pub async fn put(&self, spec: &Spec, text: &str) -> Result<(), SpecsError> {
        let call = self.aws.ssm().put_parameter().name(self.parameter(&spec.service)).value(text);
        // Intelligent tiering takes the free standard tier up to 4 KB, and the advanced one for what is larger.
        let call = call.r#type(ParameterType::String).tier(ParameterTier::IntelligentTiering).overwrite(true);
        call.send().await.map(drop).map_err(|error| failed("PutParameter")(error).into())
    }
}

fn read(service: &ServiceName, parameter: &Parameter) -> Result<Spec, SpecsError> {
    let name = || parameter.name().unwrap_or_default().to_owned();
    let spec = Spec::parse(parameter.value().unwrap_or_default())
        .map_err(|source| SpecsError::Bad { parameter: name(), source })?;
    if spec.service != *service {
        return Err(SpecsError::Misplaced { parameter: name(), found: spec.service });
    }
    Ok(spec)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::json;

    use super::*;
    use crate::testing::{Reply, Script};

    const SPEC: &str = "service = \"db\"\ntopology = \"standby\"\n";

    fn parameter(name: &str, value: &str) -> serde_json::Value {
        json!({ "Name": name, "Type": "String", "Value": value, "Version": 1 })
    }

    #[tokio::test(start_paused = true)]
    async fn every_page_is_read_and_one_bad_spec_does_not_hide_the_others() {
        let first = json!({ "Parameters": [parameter("/failover/services/web", "service = 7")], "NextToken": "t" });
        let empty = json!({ "Parameters": [], "NextToken": "u" });
        let moved = parameter("/failover/services/mail", SPEC);
        let last = json!({ "Parameters": [parameter("/failover/services/db", SPEC), moved] });
        let script = Script::of([Reply::json(&first), Reply::json(&empty), Reply::json(&last)]);
        let all = Specs::new(&script.aws(), "/failover/services/").all().await.unwrap();
        let of = |name: &str| &all[&ServiceName::new(name).unwrap()];
        assert!(of("db").is_ok());
        assert!(matches!(of("web"), Err(SpecsError::Bad { parameter, .. }) if parameter.ends_with("/web")));
        assert!(matches!(of("mail"), Err(SpecsError::Misplaced { found, .. }) if found.as_str() == "db"));
        let request = script.requests()[0].json();
        assert_eq!((&request["Path"], &request["MaxResults"]), (&json!("/failover/services"), &json!(10)));
        assert_eq!(script.requests()[2].json()["NextToken"], "u");
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_spec_is_none_and_a_failure_is_not() {
        let db = ServiceName::new("db").unwrap();
        let script = Script::of([Reply::json_error("ParameterNotFound", json!({}))]);
        assert_eq!(Specs::new(&script.aws(), "/p").get(&db).await.unwrap(), None);
        let script = Script::of([Reply::json_error("AccessDeniedException", json!({ "message": "no" }))]);
        let error = Specs::new(&script.aws(), "/p").get(&db).await.unwrap_err();
        assert!(matches!(error, SpecsError::Aws(error) if error.class == FailureClass::Denied));
    }

    #[tokio::test(start_paused = true)]
    async fn a_spec_is_kept_as_it_was_written() {
        let script = Script::of([Reply::json(&json!({ "Version": 2 }))]);
        Specs::new(&script.aws(), "failover/services").put(&Spec::parse(SPEC).unwrap(), SPEC).await.unwrap();
        let request = script.requests()[0].json();
        assert_eq!(request["Name"], "/failover/services/db");
        assert_eq!((&request["Value"], &request["Overwrite"]), (&json!(SPEC), &json!(true)));
    }
}
