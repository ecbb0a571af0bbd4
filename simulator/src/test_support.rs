//! What the tests of several modules share: regions to try, raw EC2 requests, waiting.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use bytes::Bytes;
use http::Request;

use crate::setup::{AddressSetup, InstanceSetup, Setup, VolumeSetup};

use crate::model::data_name::DataName;
use crate::{ConnectionError, Region, TimingModel};

/// A region whose calls are exact, for tests of states and errors.
pub(crate) fn exact_region() -> Region {
    Region::new(Setup { timing: TimingModel::exact_calls(), ..Setup::default() })
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    /// The text of the first element of that name.
    pub(crate) fn text(&self, tag: &str) -> &str {
        let rest = self.body.split_once(&format!("<{tag}>")).unwrap_or_else(|| panic!("no {tag} in {}", self.body)).1;
        rest.split_once(&format!("</{tag}>")).unwrap().0
    }

    /// Status and code of an error.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.text("Code"))
    }
}

pub(crate) async fn try_call(region: &Region, query: &str) -> Result<Reply, ConnectionError> {
    let body = Bytes::from(format!("Version=2016-11-15&Action={query}"));
    let response = region.call(Request::post("http://ec2.eu-central-1.amazonaws.com/").body(body).unwrap()).await?;
    Ok(Reply { status: response.status().as_u16(), body: String::from_utf8(response.into_body().to_vec()).unwrap() })
}

pub(crate) async fn call(region: &Region, query: impl AsRef<str>) -> Reply {
    try_call(region, query.as_ref()).await.unwrap()
}

pub(crate) async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Polls until the element has the text; at most an hour.
pub(crate) async fn until(region: &Region, query: impl AsRef<str>, tag: &str, wanted: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..7200 {
        let reply = call(region, query.as_ref()).await;
        let text = reply.text(tag).to_owned();
        if seen.last() != Some(&text) {
            seen.push(text);
        }
        if seen.last().map(String::as_str) == Some(wanted) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{tag} never became {wanted}: {seen:?}");
}

/// Two instances in different zones; the first serves `db` from a volume behind an address.
pub(crate) struct Sample {
    pub(crate) region: Region,
    pub(crate) first: String,
    pub(crate) second: String,
    pub(crate) volume: String,
    pub(crate) address: String,
}

pub(crate) fn sample(setup: Setup) -> Sample {
    let region = Region::new(setup);
    let workload = Some("db".to_owned());
    let first = region.add_instance(InstanceSetup { workload: workload.clone(), ..InstanceSetup::default() });
    let second = region.add_instance(InstanceSetup {
        zone: "eu-central-1b".to_owned(),
        running: false,
        workload: workload.clone(),
        ..InstanceSetup::default()
    });
    let data = DataName { service: "db".to_owned(), volume_name: "data".to_owned() };
    let volume = region.add_volume(VolumeSetup { data: Some(data), ..VolumeSetup::default() });
    region.attach_at_start(&volume, &first, "/dev/sdf");
    let address = region.add_address(AddressSetup {
        instance_id: Some(first.clone()),
        service: workload,
        ..AddressSetup::default()
    });
    Sample { region, first, second, volume, address }
}

pub(crate) fn exact_sample() -> Sample {
    sample(Setup { timing: TimingModel::exact_calls(), ..Setup::default() })
}
