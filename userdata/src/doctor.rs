//! What is wrong with this machine: looks at everything the agent needs, and changes nothing.

use failover_aws::{Aws, ClientSettings, Metadata, Store};
use failover_core::ids::{AddressId, InstanceId, ServiceName};
use failover_core::ledger::Ledger;
use failover_core::spec::Spec;

use crate::agent::mounts;
use crate::config::Config;
use crate::disk::{DataVolume, Disks};
use crate::host::systemd;

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoctorFinding {
    /// As it should be.
    Fine(String),
    /// Something that a person should know.
    Note(String),
    /// Something that keeps the agent from working.
    Wrong(String),
}

impl DoctorFinding {
    /// Whether it keeps the agent from working.
    pub fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong(_))
    }
}

/// Prints findings, one a line.
pub fn print(findings: &[DoctorFinding]) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    for finding in findings {
        let (mark, text) = match finding {
            DoctorFinding::Fine(text) => ("ok   ", text),
            DoctorFinding::Note(text) => ("note ", text),
            DoctorFinding::Wrong(text) => ("WRONG", text),
        };
        // A reader that went away needs no findings.
        let _written = writeln!(out, "{mark} {text}");
    }
}

/// Looks at everything.
pub async fn examine(config: &Config, metadata: &Metadata) -> Vec<DoctorFinding> {
    let mut findings = Vec::new();
    tools(&mut findings);
    let Some((aws, me, service)) = identity(config, metadata, &mut findings).await else { return findings };
    let spec = match config.spec.load(&aws, &service).await {
        Ok(spec) => {
            findings.push(DoctorFinding::Fine(format!("the spec of {service} can be read")));
            spec
        }
        Err(error) => {
            findings.push(DoctorFinding::Wrong(error.to_string()));
            return findings;
        }
    };
    units(&spec, &mut findings).await;
    match &config.table {
        Some(table) => ledger(&aws, table, &spec, &me, &mut findings).await,
        None => standalone(&aws, &spec, &me, &mut findings).await,
    }
    findings
}

async fn identity(
    config: &Config,
    metadata: &Metadata,
    findings: &mut Vec<DoctorFinding>,
) -> Option<(Aws, InstanceId, ServiceName)> {
    let me = match metadata.instance_id().await {
        Ok(me) => me,
        Err(error) => {
            findings.push(DoctorFinding::Wrong(error.to_string()));
            return None;
        }
    };
    findings.push(DoctorFinding::Fine(format!("this is {me}, by its metadata service")));
    let service = match config.service(metadata).await {
        Ok(service) => service,
        Err(error) => {
            findings.push(DoctorFinding::Wrong(error.to_string()));
            return None;
        }
    };
    findings.push(DoctorFinding::Fine(format!("it belongs to the service {service}")));
    let settings = ClientSettings { region: metadata.region().await.ok(), ..ClientSettings::default() };
    match Aws::from_environment(&settings).await {
        Ok(aws) => Some((aws, me, service)),
        Err(error) => {
            findings.push(DoctorFinding::Wrong(error.to_string()));
            None
        }
    }
}

/// Programs that the agent calls, with the package that has each.
const TOOLS: [(&str, &str); 10] = [
    ("systemctl", "systemd"),
    ("reboot", "systemd (Debian: systemd-sysv)"),
    ("blkid", "util-linux"),
    ("mount", "util-linux (Debian: mount)"),
    ("umount", "util-linux (Debian: mount)"),
    ("e2fsck", "e2fsprogs"),
    ("resize2fs", "e2fsprogs"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mkfs.xfs", "xfsprogs"),
    ("xfs_growfs", "xfsprogs"),
];

fn tools(findings: &mut Vec<DoctorFinding>) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let missing = TOOLS.iter().filter(|(tool, _)| !directories.iter().any(|directory| directory.join(tool).is_file()));
    let missing: Vec<_> = missing.map(|(tool, package)| format!("{tool} (package {package})")).collect();
    findings.push(if missing.is_empty() {
        DoctorFinding::Fine("every tool is installed".to_owned())
    } else {
        DoctorFinding::Note(format!("not installed: {}", missing.join(", ")))
    });
}

async fn units(spec: &Spec, findings: &mut Vec<DoctorFinding>) {
    if !spec.expects_agents() {
        findings.push(DoctorFinding::Note(
            "the spec's [agent] names neither units nor readiness: only volumes are mounted".to_owned(),
        ));
    }
    for unit in &spec.agent.units {
        findings.push(match systemd::is_known(unit).await {
            Err(error) => DoctorFinding::Wrong(format!("{unit}: {error}")),
            Ok(false) => DoctorFinding::Wrong(format!("{unit} is not installed (`systemctl cat {unit}`)")),
            Ok(true) if systemd::is_enabled(unit).await == Some(true) => DoctorFinding::Wrong(format!(
                "{unit} is enabled: systemd starts it at boot, wherever the service is active; `systemctl disable {unit}`"
            )),
            Ok(true) => DoctorFinding::Fine(format!("{unit} is installed, and left to the agent")),
        });
    }
}

async fn ledger(aws: &Aws, table: &str, spec: &Spec, me: &InstanceId, findings: &mut Vec<DoctorFinding>) {
    let store = Store::new(aws, table);
    let ledger = match store.read(&spec.service).await {
        Err(error) => return findings.push(DoctorFinding::Wrong(error.to_string())),
        Ok(None) => {
            let text = format!("{} has no ledger in {table} yet: `failover apply` writes it", spec.service);
            return findings.push(DoctorFinding::Wrong(text));
        }
        Ok(Some(stored)) => stored.ledger,
    };
    let who = if ledger.active == *me { "this instance".to_owned() } else { ledger.active.to_string() };
    findings.push(DoctorFinding::Fine(format!("the ledger names {who}, epoch {}", ledger.epoch)));
    if let Some(failover) = &ledger.failover {
        findings.push(DoctorFinding::Note(format!("a failover away from {} runs", failover.from.instance_id)));
    }
    match store.reports(&spec.service).await.get(me) {
        Some(report) => findings.push(DoctorFinding::Note(format!(
            "the agent last reported: {:?}, epoch {}, at {}",
            report.state, report.epoch, report.at
        ))),
        None => findings.push(DoctorFinding::Note("no agent of this instance has reported yet".to_owned())),
    }
    if ledger.active == *me {
        volumes(&ledger, spec, findings).await;
    }
}

async fn volumes(ledger: &Ledger, spec: &Spec, findings: &mut Vec<DoctorFinding>) {
    for (name, mount) in mounts(spec) {
        let Some(current) = ledger.current_volumes.get(&name) else {
            findings.push(DoctorFinding::Wrong(format!("the ledger has no volume for {name}")));
            continue;
        };
        let of_spec = spec.volume(&name);
        let volume = DataVolume {
            service: ledger.service.clone(),
            name,
            volume_id: current.volume.clone(),
            mount,
            filesystem: of_spec.and_then(|it| it.filesystem),
            blank_allowed: ledger.blank.contains(&current.volume),
            epoch: ledger.epoch,
            oldest_epoch: 0,
            options: of_spec.map(|it| it.options.clone()).unwrap_or_default(),
        };
        let seen = Disks::default().examine(&volume).await;
        findings.extend(seen.problems.iter().map(|problem| DoctorFinding::Wrong(problem.to_string())));
        let device = seen.device.as_ref().map_or_else(|| "not attached".to_owned(), |it| it.display().to_string());
        let mounted: Vec<_> = seen.mounted_at.iter().map(|it| it.display().to_string()).collect();
        let mounted =
            if mounted.is_empty() { "not mounted".to_owned() } else { format!("mounted on {}", mounted.join(", ")) };
        let text = format!("volume {} ({}): {device}, {:?}, {mounted}", volume.name, volume.volume_id, seen.finding);
        findings.push(DoctorFinding::Note(text));
    }
}

async fn standalone(aws: &Aws, spec: &Spec, me: &InstanceId, findings: &mut Vec<DoctorFinding>) {
    findings.push(DoctorFinding::Note("no table is configured: the agent is standalone".to_owned()));
    if !spec.volumes.is_empty() {
        findings.push(DoctorFinding::Wrong("the spec has [[volume]]s, which take a ledger".to_owned()));
    }
    let named: Vec<_> = spec.address_ids().map(|AddressId::ElasticIp(allocation)| allocation).collect();
    match aws.addresses_of(&spec.service, &named).await {
        Err(error) => findings.push(DoctorFinding::Wrong(error.to_string())),
        Ok(addresses) if addresses.is_empty() => {
            findings.push(DoctorFinding::Wrong("no Elastic IP carries the service's tag failover:service".to_owned()));
        }
        Ok(addresses) => findings.extend(addresses.into_iter().map(|address| {
            let holder = address.association.and_then(|it| it.instance);
            let holder = holder.map_or_else(|| "nobody".to_owned(), |holder| holder.to_string());
            DoctorFinding::Fine(format!("{} ({}) leads to {holder}", address.public_ip, address.allocation))
        })),
    }
    match aws.group_standing(me).await {
        Err(error) => findings.push(DoctorFinding::Wrong(error.to_string())),
        Ok(None) => findings.push(DoctorFinding::Note("the instance is in no Auto Scaling group".to_owned())),
        Ok(Some(standing)) => {
            let health = if standing.healthy { "healthy" } else { "unhealthy" };
            findings.push(DoctorFinding::Fine(format!(
                "in the group {}: {:?}, {health}",
                standing.group, standing.lifecycle
            )));
        }
    }
}
