//! Instance attributes on the wire: the few that a failover reads or sets.

use crate::model::instance::{Instance, InstanceState};
use crate::protocol::error::ApiError;
use crate::protocol::input::Input;

use super::call::{Call, Done};
use super::words::invalid_value;

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let (id, attribute) = (call.input.filled_text("InstanceId")?, call.input.filled_text("Attribute")?);
    call.require_instance(id)?;
    let state = &*call.state;
    let Some(instance) = state.instances.get(id) else { return Ok(()) };
    let xml = &mut call.xml;
    xml.text("instanceId", id);
    let value = match attribute {
        "disableApiTermination" => instance.disable_api_termination.to_string(),
        "disableApiStop" => instance.disable_api_stop.to_string(),
        "instanceType" => instance.instance_type.clone(),
        "instanceInitiatedShutdownBehavior" => shutdown_behavior(instance).to_owned(),
        "rootDeviceName" => instance.root_device.to_owned(),
        "userData" => instance.user_data.clone().unwrap_or_default(),
        "blockDeviceMapping" => {
            xml.element("blockDeviceMapping", |xml| {
                for (volume_id, attachment) in state.volumes_of(id) {
                    xml.element("item", |xml| {
                        xml.text("deviceName", &attachment.device);
                        xml.element("ebs", |xml| {
                            xml.text("volumeId", volume_id);
                            xml.text("status", attachment.state.name());
                            xml.time("attachTime", state.clock.wall(attachment.attached_at));
                            xml.plain("deleteOnTermination", attachment.delete_on_termination);
                        });
                    });
                }
            });
            return Ok(());
        }
        other => return Err(invalid_value("attribute", other, "Unknown or not modelled attribute.").into()),
    };
    xml.element(attribute, |xml| {
        if !value.is_empty() {
            xml.text("value", &value);
        }
    });
    Ok(())
}

const fn shutdown_behavior(instance: &Instance) -> &'static str {
    if instance.terminate_on_shutdown { "terminate" } else { "stop" }
}

/// What a call changes; a device's fate by its name.
struct Changes<'a> {
    disable_api_termination: Option<bool>,
    disable_api_stop: Option<bool>,
    terminate_on_shutdown: Option<bool>,
    instance_type: Option<&'a str>,
    user_data: Option<&'a str>,
    delete_on_termination: Vec<(&'a str, bool)>,
}

fn read_changes(input: Input<'_>) -> Result<Changes<'_>, ApiError> {
    let flag = |name: &str| input.structure(name)?.map_or(Ok(None), |given| given.boolean("Value"));
    let text = |name: &str| input.structure(name)?.map_or(Ok(None), |given| given.text("Value"));
    let mut delete_on_termination = Vec::new();
    for entry in input.list("BlockDeviceMapping")? {
        let device = entry.filled_text("DeviceName")?;
        if let Some(delete) = entry.structure("Ebs")?.map_or(Ok(None), |ebs| ebs.boolean("DeleteOnTermination"))? {
            delete_on_termination.push((device, delete));
        }
    }
    Ok(Changes {
        disable_api_termination: flag("DisableApiTermination")?,
        disable_api_stop: flag("DisableApiStop")?,
        terminate_on_shutdown: text("InstanceInitiatedShutdownBehavior")?.map(terminates_on_shutdown).transpose()?,
        instance_type: text("InstanceType")?,
        user_data: text("UserData")?,
        delete_on_termination,
    })
}

/// `InstanceInitiatedShutdownBehavior`.
pub(super) fn terminates_on_shutdown(behavior: &str) -> Result<bool, ApiError> {
    match behavior {
        "stop" => Ok(false),
        "terminate" => Ok(true),
        other => Err(invalid_value("instanceInitiatedShutdownBehavior", other, "Expecting stop or terminate.")),
    }
}

pub(super) fn modify(call: &mut Call<'_>) -> Done {
    let id = call.input.filled_text("InstanceId")?;
    call.require_instance(id)?;
    let changes = read_changes(call.input)?;
    // AWS: type and user data change on a stopped instance only.
    let stopped = call.state.instances.get(id).is_some_and(|instance| instance.state == InstanceState::Stopped);
    if (changes.instance_type.is_some() || changes.user_data.is_some()) && !stopped {
        return Err(ApiError::client(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in the 'stopped' state."),
        )
        .into());
    }
    let mapped = |device: &str| call.state.volumes_of(id).any(|(_, attachment)| attachment.device == device);
    if let Some((device, _)) = changes.delete_on_termination.iter().find(|(device, _)| !mapped(device)) {
        let message = format!("No device is currently mapped at {device}");
        return Err(ApiError::client("InvalidInstanceAttributeValue", message).into());
    }
    call.enter_zone_of_instance(id)?;
    for (device, delete) in &changes.delete_on_termination {
        call.state.set_delete_on_termination(id, device, *delete, call.now);
    }
    if let Some(instance) = call.state.instances.change(id, call.now) {
        instance.disable_api_termination = changes.disable_api_termination.unwrap_or(instance.disable_api_termination);
        instance.disable_api_stop = changes.disable_api_stop.unwrap_or(instance.disable_api_stop);
        instance.terminate_on_shutdown = changes.terminate_on_shutdown.unwrap_or(instance.terminate_on_shutdown);
        if let Some(instance_type) = changes.instance_type {
            instance_type.clone_into(&mut instance.instance_type);
        }
        instance.user_data = changes.user_data.map(str::to_owned).or_else(|| instance.user_data.take());
    }
    call.say_true();
    Ok(())
}

#[cfg(test)]
mod tests;
