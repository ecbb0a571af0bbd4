//! Instance attributes on the wire: the few that a failover reads or sets.

use crate::model::instance::{Instance, InstanceState};
use crate::wire::AwsError;
use crate::wire::ec2::params::invalid_value;
use crate::wire::ec2::{Call, Done};

pub(crate) fn describe(call: &mut Call<'_>) -> Done {
    let (id, attribute) = (call.params.required("InstanceId")?, call.params.required("Attribute")?);
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

pub(crate) fn modify(call: &mut Call<'_>) -> Done {
    let params = call.params;
    let id = params.required("InstanceId")?;
    call.require_instance(id)?;
    let disable_api_termination = params.boolean("DisableApiTermination.Value")?;
    let disable_api_stop = params.boolean("DisableApiStop.Value")?;
    let shutdown = params.get("InstanceInitiatedShutdownBehavior.Value");
    if let Some(other) = shutdown.filter(|value| !matches!(*value, "stop" | "terminate")) {
        return Err(invalid_value("instanceInitiatedShutdownBehavior", other, "Expecting stop or terminate.").into());
    }
    let (instance_type, user_data) = (params.get("InstanceType.Value"), params.get("UserData.Value"));
    // AWS: type and user data change on a stopped instance only.
    let stopped = call.state.instances.get(id).is_some_and(|instance| instance.state == InstanceState::Stopped);
    if (instance_type.is_some() || user_data.is_some()) && !stopped {
        return Err(AwsError::client(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in the 'stopped' state."),
        )
        .into());
    }
    let mut devices = Vec::new();
    for prefix in params.structures("BlockDeviceMapping") {
        let device = params.required(&format!("{prefix}DeviceName"))?;
        if let Some(delete) = params.boolean(&format!("{prefix}Ebs.DeleteOnTermination"))? {
            devices.push((device, delete));
        }
    }
    call.enter_zone_of_instance(id)?;
    for (device, delete) in devices {
        if !call.state.set_delete_on_termination(id, device, delete, call.now) {
            return Err(AwsError::client(
                "InvalidInstanceAttributeValue",
                format!("No device is currently mapped at {device}"),
            )
            .into());
        }
    }
    if let Some(instance) = call.state.instances.change(id, call.now) {
        instance.disable_api_termination = disable_api_termination.unwrap_or(instance.disable_api_termination);
        instance.disable_api_stop = disable_api_stop.unwrap_or(instance.disable_api_stop);
        instance.terminate_on_shutdown = shutdown.map_or(instance.terminate_on_shutdown, |value| value == "terminate");
        if let Some(instance_type) = instance_type {
            instance_type.clone_into(&mut instance.instance_type);
        }
        instance.user_data = user_data.map(str::to_owned).or_else(|| instance.user_data.take());
    }
    call.say_true();
    Ok(())
}
