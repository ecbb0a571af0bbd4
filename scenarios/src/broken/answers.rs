//! Answers as a broken controller hears them.

use bytes::Bytes;

use super::{Breakage, Broken, Read, between};

impl Broken {
    /// The answer as the broken controller hears it.
    pub(crate) fn hear(&self, action: Option<&str>, mut answer: http::Response<Bytes>) -> http::Response<Bytes> {
        if self.breakage == Breakage::BelievesItsClock {
            answer.headers_mut().remove(http::header::DATE);
        }
        let said = std::str::from_utf8(answer.body()).unwrap_or_default();
        let heard = match (self.breakage, action) {
            (Breakage::BelievesItStopped, Some("DescribeInstances")) => {
                self.active.as_deref().and_then(|active| stopped(said, active))
            }
            (Breakage::RestoresTheFirstCopy, Some("CreateSnapshot")) => {
                let made = between(said, "<snapshotId>", "</snapshotId>");
                self.noted().first_copy.get_or_insert_with(|| made.unwrap_or_default().to_owned());
                None
            }
            // Otherwise it would see that the volume is not what it asked for, and go on asking.
            (_, Some("DescribeVolumes")) => {
                self.noted().swapped.as_ref().map(|(asked, given)| said.replace(given, asked))
            }
            (_, Some("DescribeSnapshots")) => {
                self.noted().read = completed(said);
                None
            }
            (Breakage::BelievesTheAddressMoved, Some("DescribeAddresses")) => {
                let from = between(said, "<instanceId>", "</instanceId>");
                from.zip(self.noted().led_to.as_ref()).map(|(from, to)| said.replace(from, to))
            }
            (Breakage::BelievesItImpaired, Some("DescribeInstanceStatus")) => {
                Some(said.replace("<status>ok</status>", "<status>impaired</status>"))
            }
            _ => None,
        };
        answer.map(|body| heard.map_or(body, Bytes::from))
    }
}

/// The completed snapshots of an answer.
fn completed(said: &str) -> Vec<Read> {
    let items = said.split("<snapshotId>").skip(1).filter(|item| item.contains("<status>completed</status>"));
    let read = items.filter_map(|item| {
        let started_at = between(item, "<startTime>", "</startTime>")?.to_owned();
        Some(Read { id: item.split('<').next()?.to_owned(), started_at, text: item.to_owned() })
    });
    read.collect()
}

/// Answers to requests for one copy each, as the answer to a request for all.
pub(crate) fn as_one(answers: &[http::Response<Bytes>]) -> Option<http::Response<Bytes>> {
    let item = |answer: &http::Response<Bytes>| {
        let said = std::str::from_utf8(answer.body()).ok()?;
        let copy = between(said, "</requestId>", "</CreateSnapshotResponse>")?;
        Some(format!("<item>{}</item>", copy.replace("status>", "state>")))
    };
    let items: Option<Vec<String>> = answers.iter().map(item).collect();
    let body = format!(
        "<CreateSnapshotsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>made-up</requestId>\
         <snapshotSet>{}</snapshotSet></CreateSnapshotsResponse>",
        items?.concat()
    );
    Some(http::Response::new(Bytes::from(body)))
}

/// `DescribeInstances`'s answer, with one instance stopped.
fn stopped(said: &str, instance: &str) -> Option<String> {
    let (before, rest) = said.split_once(&format!("<instanceId>{instance}</instanceId>"))?;
    let (between, after) = rest.split_once("<instanceState>")?;
    let (_, after) = after.split_once("</instanceState>")?;
    let state = "<instanceState><code>80</code><name>stopped</name></instanceState>";
    Some(format!("{before}<instanceId>{instance}</instanceId>{between}{state}{after}"))
}
