//! Launch templates: named recipes with numbered versions.

use std::collections::BTreeMap;

use crate::model::instance::Mapping;
use crate::time::RegionTime;

/// What the group launches.
#[expect(clippy::struct_excessive_bools, reason = "EC2's own switches")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) name: String,
    /// As it was asked for: a number, `$Default` or `$Latest`; none means `$Default`, and AWS shows none.
    pub(crate) version: Option<String>,
    pub(crate) image_id: String,
    pub(crate) instance_type: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) user_data: Option<String>,
    /// The service that its guests run; none lets the region's workload tag say.
    pub(crate) workload: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) disable_api_termination: bool,
    pub(crate) disable_api_stop: bool,
    pub(crate) terminate_on_shutdown: bool,
    pub(crate) metadata_tags: bool,
    pub(crate) mapping: Mapping,
}

/// The version that is meant where none is named.
pub(crate) const DEFAULT_VERSION: &str = "$Default";

/// A launch template. Version numbers begin with 1.
#[derive(Debug, Clone)]
pub(crate) struct LaunchTemplate {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: RegionTime,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) versions: Vec<Template>,
    pub(crate) default_version: usize,
}

impl LaunchTemplate {
    /// The recipe that a version names: a number, `$Default` (also if absent) or `$Latest`.
    pub(crate) fn resolve(&self, version: Option<&str>) -> Option<Template> {
        let number = match version.unwrap_or(DEFAULT_VERSION) {
            DEFAULT_VERSION => self.default_version,
            "$Latest" => self.versions.len(),
            number => number.parse().ok()?,
        };
        let recipe = self.versions.get(number.checked_sub(1)?)?.clone();
        Some(Template { id: self.id.clone(), name: self.name.clone(), version: version.map(str::to_owned), ..recipe })
    }
}

/// All launch templates, by id.
#[derive(Debug, Default)]
pub(crate) struct LaunchTemplates(pub(crate) BTreeMap<String, LaunchTemplate>);

impl LaunchTemplates {
    pub(crate) fn by_name(&self, name: &str) -> Option<&LaunchTemplate> {
        self.0.values().find(|template| template.name == name)
    }
}
