//! What the agent is told: `/etc/failover/agent.toml`, the environment, the instance's tag.

use std::path::{Path, PathBuf};

use failover_aws::{Aws, Metadata, MetadataError, Specs};
use failover_core::ids::{BadName, ServiceName};
use failover_core::spec::{Spec, SpecError};
use serde::Deserialize;
use thiserror::Error;

/// Where the file is, unless the command line says otherwise.
pub const DEFAULT_PATH: &str = "/etc/failover/agent.toml";
/// Where specs are in SSM, unless something says otherwise.
pub const DEFAULT_SPEC_PATH: &str = "/failover/services/";

/// The file, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    service: Option<String>,
    table: Option<String>,
    spec_path: Option<String>,
    spec: Option<PathBuf>,
}

/// What the environment says instead of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `FAILOVER_SERVICE`.
    pub service: Option<String>,
    /// `FAILOVER_TABLE`.
    pub table: Option<String>,
    /// `FAILOVER_SPEC_PATH`.
    pub spec_path: Option<String>,
}

/// What is configured; the service may still have to be read from the instance's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The service, if it was named.
    pub service: Option<ServiceName>,
    /// The ledger's table. None: standalone, without a controller.
    pub table: Option<String>,
    /// Where the spec is.
    pub spec: SpecSource,
}

/// Where the spec is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecSource {
    /// In this file.
    File(PathBuf),
    /// In SSM, below this prefix.
    Ssm(String),
}

/// A configuration that can't be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it must be.
    #[error("{}: {why}", path.display())]
    Shape {
        /// Which.
        path: PathBuf,
        /// What is wrong, where.
        why: String,
    },
    /// The service's name is none.
    #[error("the service that {from} names: {source}")]
    Service {
        /// Who names it.
        from: &'static str,
        /// What is wrong.
        source: BadName,
    },
    /// Nothing names the service.
    #[error("no service is named: write service = \"...\" into {}, or tag the instance with failover:service and allow tags in its \
             metadata (InstanceMetadataTags=enabled)", path.display())]
    NoService {
        /// The configuration file.
        path: PathBuf,
    },
    /// The instance's tag can't be read.
    #[error("the service is not named in the configuration, and the instance's tag can't be read: {0}")]
    Metadata(#[from] MetadataError),
    /// The spec can't be had.
    #[error("the spec of {service}: {why}")]
    Spec {
        /// Whose.
        service: String,
        /// Why.
        why: String,
        /// It may be there later.
        may_pass: bool,
    },
}

impl ConfigError {
    /// Whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Metadata(_) => true,
            Self::Spec { may_pass, .. } => *may_pass,
            Self::File { .. } | Self::Shape { .. } | Self::Service { .. } | Self::NoService { .. } => false,
        }
    }
}

impl Config {
    /// Reads the file at `path`, with `overrides`. A file that was not asked for by name may be missing.
    pub fn read(path: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let shown = path.unwrap_or(Path::new(DEFAULT_PATH));
        let file = match std::fs::read_to_string(shown) {
            Ok(text) => toml::from_str(&text).map_err(|error| ConfigError::Shape {
                path: shown.to_path_buf(),
                why: error.to_string().trim_end().to_owned(),
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_none() => File::default(),
            Err(source) => return Err(ConfigError::File { path: shown.to_path_buf(), source }),
        };
        Self::resolve(file, overrides)
    }

    fn resolve(file: File, overrides: &Overrides) -> Result<Self, ConfigError> {
        let given = |over: &Option<String>, own: Option<String>| over.clone().or(own).filter(|text| !text.is_empty());
        let from = if overrides.service.is_some() { "FAILOVER_SERVICE" } else { "the configuration" };
        let service = given(&overrides.service, file.service).map(ServiceName::new).transpose();
        let spec_path = given(&overrides.spec_path, file.spec_path).unwrap_or_else(|| DEFAULT_SPEC_PATH.to_owned());
        Ok(Self {
            service: service.map_err(|source| ConfigError::Service { from, source })?,
            table: given(&overrides.table, file.table),
            spec: file.spec.map_or(SpecSource::Ssm(spec_path), SpecSource::File),
        })
    }

    /// The service: as configured, or else as the instance is tagged.
    pub async fn service(&self, metadata: &Metadata) -> Result<ServiceName, ConfigError> {
        if let Some(service) = &self.service {
            return Ok(service.clone());
        }
        let tag = metadata.service_tag().await?;
        let tag = tag.ok_or_else(|| ConfigError::NoService { path: PathBuf::from(DEFAULT_PATH) })?;
        ServiceName::new(tag)
            .map_err(|source| ConfigError::Service { from: "the instance's tag failover:service", source })
    }
}

impl SpecSource {
    /// The service's spec.
    pub async fn load(&self, aws: &Aws, service: &ServiceName) -> Result<Spec, ConfigError> {
        let failed = |why: String, may_pass| ConfigError::Spec { service: service.to_string(), why, may_pass };
        let bad = |path: &Path, error: SpecError| failed(format!("{}: {error}", path.display()), false);
        let spec = match self {
            Self::File(path) => {
                let source = |source| ConfigError::File { path: path.clone(), source };
                let text = std::fs::read_to_string(path).map_err(source)?;
                Spec::parse(&text).map_err(|error| bad(path, error))?
            }
            Self::Ssm(prefix) => {
                let specs = Specs::new(aws, prefix);
                let missing =
                    || format!("{} does not exist in SSM yet: `failover apply` writes it", specs.parameter(service));
                match specs.get(service).await {
                    Ok(Some(spec)) => spec,
                    Ok(None) => return Err(failed(missing(), true)),
                    // What is bad may be replaced by what is good.
                    Err(error) => return Err(failed(error.to_string(), true)),
                }
            }
        };
        if spec.service != *service {
            return Err(failed(format!("it is the spec of {}", spec.service), false));
        }
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn read(text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(Some(&path), overrides)
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let text = "service = \"a\"\ntable = \"t\"\nspec_path = \"/p\"";
        let config = read(text, &Overrides::default()).unwrap();
        assert_eq!((config.table.as_deref(), config.spec), (Some("t"), SpecSource::Ssm("/p".to_owned())));
        let some = |text: &str| Some(text.to_owned());
        let overrides = Overrides { service: some("b"), table: some("u"), spec_path: some("/q") };
        let config = read(text, &overrides).unwrap();
        assert_eq!(config.service.unwrap().as_str(), "b");
        assert_eq!((config.table.as_deref(), config.spec), (Some("u"), SpecSource::Ssm("/q".to_owned())));
        let config = read("", &Overrides::default()).unwrap();
        assert_eq!(config, Config { service: None, table: None, spec: SpecSource::Ssm(DEFAULT_SPEC_PATH.to_owned()) });
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("services = \"a\"", vec!["agent.toml", "services", "service"]),
            ("service = \"A B\"", vec!["A B", "a-z"]),
            ("service = 7", vec!["agent.toml", "line 1"]),
        ] {
            let error = read(text, &Overrides::default()).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{text}: {word:?} is not in: {error}");
            }
        }
        let missing = Config::read(Some(Path::new("/no/such/file")), &Overrides::default()).unwrap_err();
        assert!(missing.to_string().contains("/no/such/file"), "{missing}");
    }
}
