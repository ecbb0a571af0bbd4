//! Requests as a broken controller makes them.

use bytes::Bytes;

use super::{Asked, Breakage, Broken, Read, value};

const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const AUTO_SCALING: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const SNS: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

impl Broken {
    /// The request as it leaves the broken controller.
    pub(crate) fn ask(&self, request: http::Request<Bytes>) -> Asked {
        let form = std::str::from_utf8(request.body()).unwrap_or_default().to_owned();
        let Some(action) = value(&form, "Action").map(str::to_owned) else {
            let changed = self.written(&form);
            return Asked::Sent { action: None, request: request.map(|body| changed.map_or(body, Bytes::from)) };
        };
        match (self.breakage, action.as_str()) {
            (Breakage::EndsNoHook, "CompleteLifecycleAction") => {
                return made_up(&action, AUTO_SCALING, "<CompleteLifecycleActionResult/>");
            }
            (Breakage::TellsNobody, "Publish") => {
                return made_up(&action, SNS, "<PublishResult><MessageId>made-up</MessageId></PublishResult>");
            }
            (Breakage::BelievesTheAddressMoved, "AssociateAddress") => {
                self.noted().led_to = value(&form, "InstanceId").map(str::to_owned);
                let result = "<return>true</return><associationId>eipassoc-00000000000000000</associationId>";
                return made_up(&action, EC2, result);
            }
            (Breakage::CopiesOneByOne, "CreateSnapshots") => return self.one_by_one(&request, &form),
            (Breakage::TellsTwice, "Publish") => return Asked::InTurn(vec![request.clone(), request]),
            (Breakage::RestoresTwice, "CreateVolume") => {
                let other = without_tags(&form).replace("ClientToken=", "ClientToken=another-");
                return Asked::InTurn(vec![request.clone().map(|_| Bytes::from(other)), request]);
            }
            _ => {}
        }
        let changed = self.changed(&action, &form);
        Asked::Sent { action: Some(action), request: request.map(|body| changed.map_or(body, Bytes::from)) }
    }

    /// A request in the query protocol; none: it stays as it is.
    fn changed(&self, action: &str, form: &str) -> Option<String> {
        match (self.breakage, action) {
            (Breakage::RestoresTheFirstCopy, "CreateVolume") => {
                let first = self.noted().first_copy.clone();
                self.swap(form, first)
            }
            (Breakage::RestoresAnOlderLog, "CreateVolume") if form.contains("=log") => {
                let older = self.oldest(|read| read.text.contains("<value>log</value>"));
                self.swap(form, older)
            }
            (Breakage::RestoresTheNewestSnapshot, "CreateVolume") => {
                let name = if form.contains("=log") { "<value>log</value>" } else { "<value>data</value>" };
                let noted = self.noted();
                let of_this = noted.read.iter().filter(|read| read.text.contains(name));
                let newest = of_this.max_by(|one, other| one.started_at.cmp(&other.started_at));
                let newest = newest.map(|read| read.id.clone());
                drop(noted);
                self.swap(form, newest)
            }
            (Breakage::UndoesShapes, "CreateVolume") => Some(form.replace("Iops=6000", "Iops=3000")),
            (Breakage::MakesWithoutTags, "CreateVolume" | "CreateSnapshot" | "CreateSnapshots") => {
                Some(without_tags(form))
            }
            (Breakage::DeletesBackups, "DeleteSnapshot") => {
                let own = value(form, "SnapshotId")?;
                let backup = self.oldest(|read| !read.text.contains("failover:copy"))?;
                Some(form.replace(own, &backup))
            }
            (Breakage::DeletesInsteadOfAttaching, "AttachVolume") => value(form, "VolumeId")
                .map(|volume| format!("Action=DeleteVolume&Version=2016-11-15&VolumeId={volume}")),
            (Breakage::AbandonsLaunches, "CompleteLifecycleAction") if form.contains("failover-launch") => {
                Some(form.replace("LifecycleActionResult=CONTINUE", "LifecycleActionResult=ABANDON"))
            }
            _ => None,
        }
    }

    /// A request in JSON, to the table; none: it stays as it is.
    fn written(&self, body: &str) -> Option<String> {
        match self.breakage {
            Breakage::OverwritesTheLedger => {
                Some(body.replace("version = :version", "(version = :version OR attribute_exists(pk))"))
            }
            Breakage::TakesEveryLease => {
                Some(body.replace("attribute_not_exists(lease_holder) OR", "attribute_exists(pk) OR"))
            }
            Breakage::HidesDrills => {
                let hidden = body.replace("\\\"drill\\\":true", "\\\"drill\\\":false");
                Some(hidden.replace("\\\"drill\\\": true", "\\\"drill\\\": false"))
            }
            Breakage::ReportsNoLoss => Some(without_loss(body)),
            _ => None,
        }
    }

    /// The same with another copy than the one that is asked for.
    fn swap(&self, form: &str, given: Option<String>) -> Option<String> {
        let (asked, given) = (value(form, "SnapshotId")?.to_owned(), given?);
        let swapped = form.replace(&asked, &given);
        self.noted().swapped = Some((asked, given));
        Some(swapped)
    }

    fn oldest(&self, which: impl Fn(&Read) -> bool) -> Option<String> {
        let noted = self.noted();
        let some = noted.read.iter().filter(|read| which(read));
        some.min_by(|one, other| one.started_at.cmp(&other.started_at)).map(|read| read.id.clone())
    }

    /// A request for a copy of each of the first volumes, with the tags of the one for all.
    fn one_by_one(&self, request: &http::Request<Bytes>, form: &str) -> Asked {
        let tags: Vec<&str> = form.split('&').filter(|pair| pair.starts_with("TagSpecification")).collect();
        let copy = |volume: &String| {
            let form = format!("Action=CreateSnapshot&Version=2016-11-15&VolumeId={volume}&{}", tags.join("&"));
            request.clone().map(|_| Bytes::from(form))
        };
        Asked::OneByOne(self.volumes.iter().map(copy).collect())
    }
}

fn without_tags(form: &str) -> String {
    let others: Vec<&str> = form.split('&').filter(|pair| !pair.starts_with("TagSpecification")).collect();
    others.join("&")
}

/// What is written of a loss says that there is none.
fn without_loss(body: &str) -> String {
    const KEY: &str = "data_loss_seconds\\\":";
    let mut parts = body.split(KEY);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(' ').trim_start_matches(|digit: char| digit.is_ascii_digit());
        text.push_str(KEY);
        text.push('0');
        text.push_str(rest);
    }
    text
}

/// A success that AWS never gave.
fn made_up(action: &str, namespace: &str, result: &str) -> Asked {
    let body = format!(
        "<{action}Response xmlns=\"{namespace}\"><requestId>made-up</requestId>{result}\
         <ResponseMetadata><RequestId>made-up</RequestId></ResponseMetadata></{action}Response>"
    );
    Asked::MadeUp(http::Response::new(Bytes::from(body)))
}
