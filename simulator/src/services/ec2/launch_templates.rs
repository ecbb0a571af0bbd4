//! Launch templates on the wire: as much as a group needs.

use crate::model::scaling::template::LaunchTemplate;
use crate::model::scaling::template::Template;
use crate::protocol::error::ApiError;
use crate::protocol::xml::Xml;

use super::call::{Call, Done};
use super::filter::{ANY_TAG, all_pass, filters};
use super::machine;
use super::mapping::AskedBy;
use super::page::Page;
use super::tags::tags_at_creation;
use super::words::write_tags;

/// AWS: most describes of EC2 have other sizes.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 1..=200;

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let name = input.filled_text("LaunchTemplateName")?;
    if let Some(made) = call.made_before("region")? {
        show_made(call, made.first().map(String::as_str).unwrap_or_default());
        return Ok(());
    }
    if call.state.scaling.templates.by_name(name).is_some() {
        return Err(ApiError::client(
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.",
        )
        .into());
    }
    let (tags, recipe) = (tags_at_creation(input, "launch-template")?, read_data(call)?);
    let template = LaunchTemplate {
        id: call.state.scaling.ids.id("lt"),
        name: name.to_owned(),
        created_at: call.now,
        tags,
        versions: vec![recipe],
        default_version: 1,
    };
    let id = template.id.clone();
    call.state.scaling.templates.0.insert(id.clone(), template);
    call.remember_token("region", vec![id.clone()])?;
    show_made(call, &id);
    Ok(())
}

fn read_data(call: &Call<'_>) -> Result<Template, ApiError> {
    let data = call.input.structure("LaunchTemplateData")?;
    let data = data.ok_or_else(|| call.input.missing("LaunchTemplateData"))?;
    let machine = machine::read(call, data, AskedBy::Template)?;
    Ok(Template {
        image_id: data.text("ImageId")?.unwrap_or("ami-0123456789abcdef0").to_owned(),
        instance_type: machine.instance_type,
        tags: machine.tags,
        user_data: machine.user_data,
        profile: machine.profile,
        disable_api_termination: machine.disable_api_termination,
        disable_api_stop: machine.disable_api_stop,
        terminate_on_shutdown: machine.terminate_on_shutdown,
        metadata_tags: machine.metadata_tags,
        mapping: machine.mapping,
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
fn named(call: &Call<'_>) -> Result<String, ApiError> {
    let templates = &call.state.scaling.templates;
    let found = match (call.input.text("LaunchTemplateId")?, call.input.text("LaunchTemplateName")?) {
        (Some(id), None) => {
            templates.0.get(id).ok_or_else(|| unknown("InvalidLaunchTemplateId.NotFound", "template ID", id))
        }
        (None, Some(name)) => templates
            .by_name(name)
            .ok_or_else(|| unknown("InvalidLaunchTemplateName.NotFoundException", "template name", name)),
        _ => Err(ApiError::client(
            "MissingParameter",
            "The request must contain one of LaunchTemplateId and LaunchTemplateName",
        )),
    };
    found.map(|template| template.id.clone())
}

fn unknown(code: &'static str, kind: &str, named: &str) -> ApiError {
    ApiError::client(code, format!("The specified launch template, with {kind} {named}, does not exist."))
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let id = named(call)?;
    show_made(call, &id);
    call.state.scaling.templates.0.remove(&id);
    Ok(())
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let input = call.input;
    let (ids, names) = (input.texts("LaunchTemplateId")?, input.texts("LaunchTemplateName")?);
    let filters = filters(input, &["launch-template-name", ANY_TAG, "tag-key"])?;
    let page = Page::read_sized(input, !ids.is_empty() || !names.is_empty(), PAGE_SIZES)?;
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
