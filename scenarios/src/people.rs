//! People and their other automation: what they do in the account through AWS's own API while the controller works.
//!
//! A deed says what is done. Which thing it is done to is chosen when it happens, among those that are there then: nobody else knows the
//! controller's ids beforehand either.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use bytes::Bytes;
use failover_simulator::truth::Resource;
use failover_simulator::{InstanceSetup, Region};
use serde::Serialize;

use crate::layout::{GROUP, Layout, Made, SERVICE, zone};

/// What is theirs says so, as a backup of AWS Backup does.
const MAKER: (&str, &str) = ("made-by", "somebody-else");

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Deed {
    /// Takes a snapshot of any volume that holds the service's data and gives it the volume's tags, as AWS Backup and Data Lifecycle
    /// Manager do, also of volumes that no longer serve.
    BackUp,
    /// Restores a backup with its tags, to look at it.
    Restore,
    /// Attaches what was restored to an instance that is not the service's.
    Inspect,
    /// Attaches it to an instance of the service, beside what that has.
    InspectHere,
    /// Enlarges a volume of the service.
    Enlarge,
    /// Gives a volume of the service more IOPS.
    RaiseIops,
    /// Deletes a snapshot of the service's data.
    DeleteSnapshot,
    /// Deletes a volume of the service that is attached to nothing.
    DeleteVolume,
    /// Takes the service's tag off a snapshot.
    UntagSnapshot,
    /// Takes the service's tag off a volume.
    UntagVolume,
    /// Takes the service's tag off an instance.
    UntagInstance,
    /// Takes the service's tag off its address.
    UntagAddress,
    /// Gives a snapshot that somebody else made the controller's own tags.
    TagBackup,
    /// Stops an instance of the service.
    Stop,
    /// Starts an instance of the service.
    Start,
    /// Terminates an instance of the service.
    Terminate,
    /// Switches stop protection of an instance of the service on.
    ProtectFromStop,
    /// Switches it off again.
    AllowStop,
}

impl Deed {
    /// Whether whatever serves goes on serving.
    pub(crate) fn is_harmless(self) -> bool {
        match self {
            Self::BackUp
            | Self::Restore
            | Self::Inspect
            | Self::UntagAddress
            | Self::Enlarge
            | Self::RaiseIops
            | Self::DeleteSnapshot
            | Self::UntagSnapshot
            | Self::TagBackup
            | Self::ProtectFromStop
            | Self::AllowStop => true,
            // Without agents, a guest that finds the service's data serves it.
            Self::InspectHere
            | Self::DeleteVolume
            | Self::UntagVolume
            | Self::UntagInstance
            | Self::Stop
            | Self::Start
            | Self::Terminate => false,
        }
    }
}

/// A deed that was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Done {
    /// What was done.
    pub deed: Deed,
    /// To what.
    pub on: String,
    /// When.
    pub at: SystemTime,
    /// What it made.
    pub made: Option<String>,
}

/// Everybody in the account but the controller.
#[derive(Debug, Clone)]
pub struct People {
    region: Region,
    in_group: bool,
    instances: Vec<String>,
    address: String,
    /// Of no service.
    bystander: String,
}

impl People {
    /// Moves in beside a service, with an instance that is not the service's.
    pub fn settle(region: &Region, layout: &Layout, made: &Made) -> Self {
        let tags = BTreeMap::from([("Name".to_owned(), "bystander".to_owned())]);
        let bystander = region.add_instance(InstanceSetup { zone: zone('a'), tags, ..InstanceSetup::default() });
        let instances = made.active.iter().chain(&made.standbys).cloned().collect();
        let (in_group, address) = (matches!(layout, Layout::Group(_)), made.address.clone());
        Self { region: region.clone(), in_group, instances, address, bystander }
    }

    /// What is theirs: what they made, also where they never got an answer, and an instance that is of no service. The controller copies
    /// their tags to what it restores from it.
    pub fn theirs(&self) -> BTreeSet<String> {
        let truth = self.region.truth();
        let made = truth.resources().iter().filter(|it| it.tags.get(MAKER.0).is_some_and(|maker| maker == MAKER.1));
        made.map(|it| it.id.clone()).chain([self.bystander.clone()]).collect()
    }

    /// Does it to the one of those that it can be done to which `pick` says. None: it was refused, or there was nothing to do it to.
    pub async fn act(self, deed: Deed, pick: usize) -> Option<Done> {
        let on = self.choose(deed, pick)?;
        let query = self.request(deed, &on, pick).await?;
        let body = self.ask(&query).await?;
        let made = ["snapshotId", "volumeId"].iter().filter(|_| matches!(deed, Deed::BackUp | Deed::Restore));
        let made = made.filter_map(|tag| text(&body, tag)).find(|id| **id != on).map(str::to_owned);
        Some(Done { deed, on, at: self.region.wall_now(), made })
    }

    fn choose(&self, deed: Deed, pick: usize) -> Option<String> {
        let (truth, theirs) = (self.region.truth(), self.theirs());
        let of_kind = |kind: &'static str| {
            let holds_data = move |it: &&Resource| it.kind == kind && it.data.is_some();
            truth.resources().iter().filter(holds_data)
        };
        let (all, some): (_, fn(&Resource) -> bool) = (|_: &Resource| true, |it: &Resource| it.state == "completed");
        let mut found: Vec<String> = match deed {
            Deed::BackUp | Deed::Enlarge | Deed::RaiseIops | Deed::UntagVolume => ids(of_kind("volume"), all),
            Deed::Restore => ids(of_kind("snapshot"), some),
            Deed::DeleteSnapshot | Deed::UntagSnapshot | Deed::TagBackup => ids(of_kind("snapshot"), all),
            Deed::DeleteVolume | Deed::Inspect | Deed::InspectHere => {
                ids(of_kind("volume"), |it| it.state == "available")
            }
            Deed::UntagAddress => vec![self.address.clone()],
            Deed::UntagInstance
            | Deed::Stop
            | Deed::Start
            | Deed::Terminate
            | Deed::ProtectFromStop
            | Deed::AllowStop => self.members(),
        };
        match deed {
            // Their own, not the service's.
            Deed::Inspect | Deed::InspectHere | Deed::TagBackup => found.retain(|id| theirs.contains(id)),
            // What they restored is no volume of the service; to change it would be nobody's business.
            Deed::DeleteVolume | Deed::UntagVolume | Deed::Enlarge | Deed::RaiseIops => {
                found.retain(|id| !theirs.contains(id));
            }
            _ => {}
        }
        let index = pick.checked_rem(found.len())?;
        found.into_iter().nth(index)
    }

    /// The service's instances, as far as they are known from outside.
    fn members(&self) -> Vec<String> {
        if self.in_group {
            return self.region.group_members(GROUP).into_iter().map(|member| member.instance).collect();
        }
        self.instances.clone()
    }

    /// What AWS is asked for, as the query protocol writes it.
    async fn request(&self, deed: Deed, on: &str, pick: usize) -> Option<String> {
        let untag = format!("DeleteTags&ResourceId.1={on}&Tag.1.Key=failover:service");
        let protect = |value: bool| format!("ModifyInstanceAttribute&InstanceId={on}&DisableApiStop.Value={value}");
        Some(match deed {
            Deed::BackUp => format!("CreateSnapshot&VolumeId={on}{}", self.tags_of(on, "snapshot")),
            Deed::Restore => {
                let zone = zone(if pick.is_multiple_of(2) { 'a' } else { 'b' });
                format!("CreateVolume&AvailabilityZone={zone}&SnapshotId={on}{}", self.tags_of(on, "volume"))
            }
            Deed::Inspect => format!("AttachVolume&VolumeId={on}&InstanceId={}&Device=/dev/sdx", self.bystander),
            Deed::InspectHere => {
                let members = self.members();
                let member = members.get(pick.checked_rem(members.len())?)?;
                format!("AttachVolume&VolumeId={on}&InstanceId={member}&Device=/dev/sdx")
            }
            Deed::Enlarge => {
                let shown = self.ask(&format!("DescribeVolumes&VolumeId.1={on}")).await?;
                let size: u32 = text(&shown, "size")?.parse().ok()?;
                format!("ModifyVolume&VolumeId={on}&Size={}", size.saturating_mul(2))
            }
            Deed::RaiseIops => format!("ModifyVolume&VolumeId={on}&Iops=6000"),
            Deed::DeleteSnapshot => format!("DeleteSnapshot&SnapshotId={on}"),
            Deed::DeleteVolume => format!("DeleteVolume&VolumeId={on}"),
            Deed::UntagSnapshot | Deed::UntagVolume | Deed::UntagInstance | Deed::UntagAddress => untag,
            Deed::TagBackup => {
                let tag = |number, key, value| format!("&Tag.{number}.Key={key}&Tag.{number}.Value={value}");
                let role = tag(2, "failover:copy", "periodic");
                format!("CreateTags&ResourceId.1={on}{}{role}", tag(1, "failover:service", SERVICE))
            }
            Deed::Stop => format!("StopInstances&InstanceId.1={on}"),
            Deed::Start => format!("StartInstances&InstanceId.1={on}"),
            Deed::Terminate => format!("TerminateInstances&InstanceId.1={on}"),
            Deed::ProtectFromStop => protect(true),
            Deed::AllowStop => protect(false),
        })
    }

    /// The tags of a resource, to be given to what is made from it.
    fn tags_of(&self, id: &str, kind: &str) -> String {
        let truth = self.region.truth();
        let mut tags = truth.resources().iter().find(|it| it.id == id).map(|it| it.tags.clone()).unwrap_or_default();
        tags.insert(MAKER.0.to_owned(), MAKER.1.to_owned());
        let tag = |(index, (key, value)): (usize, (&String, &String))| {
            let number = index + 1;
            format!("&TagSpecification.1.Tag.{number}.Key={key}&TagSpecification.1.Tag.{number}.Value={value}")
        };
        let tags: Vec<String> = tags.iter().enumerate().map(tag).collect();
        format!("&TagSpecification.1.ResourceType={kind}{}", tags.concat())
    }

    /// A call of EC2; its answer's body, unless it was refused or not answered.
    async fn ask(&self, query: &str) -> Option<String> {
        let body = Bytes::from(format!("Version=2016-11-15&Action={query}"));
        let request = http::Request::post("http://ec2.eu-central-1.amazonaws.com/").body(body).ok()?;
        let answer = self.region.call(request).await.ok()?;
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        answer.status().is_success().then_some(body)
    }
}

fn ids<'a>(all: impl Iterator<Item = &'a Resource>, which: fn(&Resource) -> bool) -> Vec<String> {
    all.filter(|it| which(it)).map(|it| it.id.clone()).collect()
}

/// The text of the first element of that name.
fn text<'a>(body: &'a str, tag: &str) -> Option<&'a str> {
    let rest = body.split_once(&format!("<{tag}>"))?.1;
    rest.split_once(&format!("</{tag}>")).map(|(text, _)| text)
}
