//! Launch templates on the wire: as much as a group needs.

use std::collections::BTreeMap;

use crate::model::scaling::template::LaunchTemplate;
use crate::model::scaling::template::Template;
use crate::protocol::xml::Xml;
use crate::wire::AwsError;
use crate::wire::ec2::filter::{Page, all_pass, filters};
use crate::wire::ec2::launch::profile_name;
use crate::wire::ec2::params::{Params, invalid_value};
use crate::wire::ec2::{Call, Done, write_tags};

/// Members of `LaunchTemplateData` that are modelled, or that change nothing here as in `RunInstances`.
const DATA_MEMBERS: &[&str] = &[
    "ImageId",
    "InstanceType",
    "UserData",
    "InstanceInitiatedShutdownBehavior",
    "TagSpecification",
    "IamInstanceProfile",
    "MetadataOptions",
    "KeyName",
    "SecurityGroup",
    "SecurityGroupId",
    "Monitoring",
    "EbsOptimized",
];

pub(crate) fn create(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let name = params.required("LaunchTemplateName")?;
    if let Some(made) = call.made_before("region")? {
        show_made(call, made.first().map(String::as_str).unwrap_or_default());
        return Ok(());
    }
    if call.state.scaling.templates.by_name(name).is_some() {
        return Err(AwsError::client(
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.",
        )
        .into());
    }
    let template = LaunchTemplate {
        id: call.state.scaling.ids.id("lt"),
        name: name.to_owned(),
        created_at: call.now,
        tags: params.tags_for("launch-template")?,
        versions: vec![read_data(params)?],
        default_version: 1,
    };
    let id = template.id.clone();
    call.state.scaling.templates.0.insert(id.clone(), template);
    call.remember_token("region", vec![id.clone()]);
    show_made(call, &id);
    Ok(())
}

fn read_data(params: &Params) -> Result<Template, AwsError> {
    let member = |name: &str| {
        name.strip_prefix("LaunchTemplateData.").and_then(|rest| rest.split('.').next()).map(str::to_owned)
    };
    if let Some(name) = params.names().filter_map(member).find(|name| !DATA_MEMBERS.contains(&name.as_str())) {
        return Err(AwsError::client(
            "UnsupportedOperation",
            format!("The launch template's {name} is unknown or not modelled by this simulated region."),
        ));
    }
    let get = |name: &str| params.get(&format!("LaunchTemplateData.{name}"));
    let mut tags = BTreeMap::new();
    for prefix in params.structures("LaunchTemplateData.TagSpecification") {
        if params.get(&format!("{prefix}ResourceType")) == Some("instance") {
            tags.extend(params.tags_under(&format!("{prefix}Tag"))?);
        }
    }
    let terminate_on_shutdown = match get("InstanceInitiatedShutdownBehavior") {
        None | Some("stop") => false,
        Some("terminate") => true,
        Some(other) => {
            return Err(invalid_value("instanceInitiatedShutdownBehavior", other, "Expecting stop or terminate."));
        }
    };
    Ok(Template {
        image_id: get("ImageId").unwrap_or("ami-0123456789abcdef0").to_owned(),
        instance_type: get("InstanceType").unwrap_or("m1.small").to_owned(),
        tags,
        user_data: get("UserData").map(str::to_owned),
        profile: profile_name(get("IamInstanceProfile.Name"), get("IamInstanceProfile.Arn")),
        terminate_on_shutdown,
        metadata_tags: get("MetadataOptions.InstanceMetadataTags") == Some("enabled"),
        ..Template::default()
    })
}

fn show_made(call: &mut Call<'_>, id: &str) {
    let state = &*call.state;
    if let Some(template) = state.scaling.templates.0.get(id) {
        let created = state.clock.wall(template.created_at);
        call.xml.element("launchTemplate", |xml| write_template(xml, template, created, &state.account_id));
    }
}

fn write_template(xml: &mut Xml, template: &LaunchTemplate, created: std::time::SystemTime, account_id: &str) {
    xml.text("launchTemplateId", &template.id);
    xml.text("launchTemplateName", &template.name);
    xml.time("createTime", created);
    xml.text("createdBy", &format!("arn:aws:iam::{account_id}:user/simulated"));
    xml.plain("defaultVersionNumber", template.default_version);
    xml.plain("latestVersionNumber", template.versions.len());
    write_tags(xml, &template.tags);
}

/// The template that the call names by id or by name.
fn named(call: &Call<'_>) -> Result<String, AwsError> {
    let templates = &call.state.scaling.templates;
    let found = match (call.params.get("LaunchTemplateId"), call.params.get("LaunchTemplateName")) {
        (Some(id), None) => {
            templates.0.get(id).ok_or_else(|| unknown("InvalidLaunchTemplateId.NotFound", "template ID", id))
        }
        (None, Some(name)) => templates
            .by_name(name)
            .ok_or_else(|| unknown("InvalidLaunchTemplateName.NotFoundException", "template name", name)),
        _ => Err(AwsError::client(
            "MissingParameter",
            "The request must contain one of LaunchTemplateId and LaunchTemplateName",
        )),
    };
    found.map(|template| template.id.clone())
}

fn unknown(code: &'static str, kind: &str, named: &str) -> AwsError {
    AwsError::client(code, format!("The specified launch template, with {kind} {named}, does not exist."))
}

pub(crate) fn delete(call: &mut Call<'_>) -> Done {
    let id = named(call)?;
    show_made(call, &id);
    call.state.scaling.templates.0.remove(&id);
    Ok(())
}

pub(crate) fn describe(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let (ids, names) = (params.list("LaunchTemplateId"), params.list("LaunchTemplateName"));
    let filters = filters(params, &["launch-template-name", "tag-key"])?;
    let page = Page::read(params, !ids.is_empty() || !names.is_empty())?;
    let state = &*call.state;
    let templates = &state.scaling.templates;
    if let Some(id) = ids.iter().find(|id| !templates.0.contains_key(**id)) {
        return Err(unknown("InvalidLaunchTemplateId.NotFound", "template ID", id).into());
    }
    if let Some(name) = names.iter().find(|name| templates.by_name(name).is_none()) {
        return Err(unknown("InvalidLaunchTemplateName.NotFoundException", "template name", name).into());
    }
    let passes = |template: &&LaunchTemplate| {
        let asked = (ids.is_empty() && names.is_empty())
            || ids.contains(&template.id.as_str())
            || names.contains(&template.name.as_str());
        let values = |name: &str, each: &mut dyn FnMut(&str)| {
            if name == "launch-template-name" {
                each(&template.name);
            }
        };
        asked && all_pass(&filters, &template.tags, &values)
    };
    let (shown, token) = page.cut(templates.0.values().filter(passes).collect(), |template| &template.id);
    call.xml.element("launchTemplates", |xml| {
        for template in shown {
            let created = state.clock.wall(template.created_at);
            xml.element("item", |xml| write_template(xml, template, created, &state.account_id));
        }
    });
    call.xml.optional("nextToken", token.as_deref());
    Ok(())
}
