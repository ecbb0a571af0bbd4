//! An Auto Scaling group as it was asked for: sizes, places, template, health checks, hooks, policies.

use std::collections::BTreeMap;

use crate::time::RegionTime;

/// What the group launches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) name: String,
    /// As it was asked for: a number, `$Default` or `$Latest`.
    pub(crate) version: String,
    pub(crate) image_id: String,
    pub(crate) instance_type: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) user_data: Option<String>,
    /// The service that its guests run; none lets the region's workload tag say.
    pub(crate) workload: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) terminate_on_shutdown: bool,
    pub(crate) metadata_tags: bool,
}

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
        let asked = version.unwrap_or("$Default");
        let number = match asked {
            "$Default" => self.default_version,
            "$Latest" => self.versions.len(),
            number => number.parse().ok()?,
        };
        let recipe = self.versions.get(number.checked_sub(1)?)?.clone();
        Some(Template { id: self.id.clone(), name: self.name.clone(), version: asked.to_owned(), ..recipe })
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
