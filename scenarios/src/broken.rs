//! Controllers that do not keep one of their rules: what the judge must find. The rule is broken below the SDK, so that nothing in the
//! controller knows of it: a request is changed or swallowed, or an answer says what is not so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::layout::Made;

/// The rule that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// What is read of the first active instance says that it is stopped: it is not fenced.
    BelievesItStopped,
    /// What is restored is the first copy that was ever made, not the newest.
    RestoresTheFirstCopy,
    /// Instead of being attached a volume is deleted.
    DeletesInsteadOfAttaching,
    /// The ends of lifecycle hooks never reach AWS.
    EndsNoHook,
    /// Launch hooks are abandoned when they were to be continued.
    AbandonsLaunches,
    /// The move of the address never reaches AWS, and what is read of it says that it did.
    BelievesTheAddressMoved,
    /// The volumes of an instance are copied one after another, and passed off as copied together.
    CopiesOneByOne,
    /// Status checks that passed are read as impaired.
    BelievesItImpaired,
}

/// The way of a broken controller to AWS.
#[derive(Debug)]
pub(crate) struct Broken {
    breakage: Breakage,
    active: Option<String>,
    volumes: Vec<String>,
    noted: Mutex<Noted>,
}

/// What it remembers, to go on with its errors.
#[derive(Debug, Default)]
struct Noted {
    /// The first copy that was made.
    first_copy: Option<String>,
    /// The copy that was to be restored.
    newest_copy: Option<String>,
    /// The instance that the address was to lead to.
    led_to: Option<String>,
}

/// What became of a request.
pub(crate) enum Asked {
    /// It goes to AWS, changed or not.
    Sent {
        /// What it asks for, if the query protocol says so.
        action: Option<String>,
        /// The request.
        request: http::Request<Bytes>,
    },
    /// Instead of it these go to AWS, one after another.
    OneByOne(Vec<http::Request<Bytes>>),
    /// It never gets there.
    MadeUp(http::Response<Bytes>),
}

impl Broken {
    pub(crate) fn new(breakage: Breakage, made: &Made) -> Self {
        Self { breakage, active: made.active.clone(), volumes: made.volumes.clone(), noted: Mutex::default() }
    }

    /// The request as it leaves the broken controller.
    pub(crate) fn ask(&self, request: http::Request<Bytes>) -> Asked {
        let form = std::str::from_utf8(request.body()).unwrap_or_default().to_owned();
        let action = value(&form, "Action").map(str::to_owned);
        let changed = match (self.breakage, action.as_deref()) {
            (Breakage::EndsNoHook, Some("CompleteLifecycleAction")) => {
                let result = "<CompleteLifecycleActionResult/>";
                let namespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
                return made_up("CompleteLifecycleAction", namespace, result);
            }
            (Breakage::CopiesOneByOne, Some("CreateSnapshots")) => return self.one_by_one(&request, &form),
            (Breakage::BelievesTheAddressMoved, Some("AssociateAddress")) => {
                self.noted().led_to = value(&form, "InstanceId").map(str::to_owned);
                let result = "<return>true</return><associationId>eipassoc-00000000000000000</associationId>";
                return made_up("AssociateAddress", "http://ec2.amazonaws.com/doc/2016-11-15/", result);
            }
            (Breakage::RestoresTheFirstCopy, Some("CreateVolume")) => {
                let mut noted = self.noted();
                noted.newest_copy = value(&form, "SnapshotId").map(str::to_owned);
                noted
                    .newest_copy
                    .as_ref()
                    .zip(noted.first_copy.as_ref())
                    .map(|(newest, first)| form.replace(newest, first))
            }
            (Breakage::DeletesInsteadOfAttaching, Some("AttachVolume")) => value(&form, "VolumeId")
                .map(|volume| format!("Action=DeleteVolume&Version=2016-11-15&VolumeId={volume}")),
            (Breakage::AbandonsLaunches, Some("CompleteLifecycleAction")) if form.contains("failover-launch") => {
                Some(form.replace("LifecycleActionResult=CONTINUE", "LifecycleActionResult=ABANDON"))
            }
            _ => None,
        };
        Asked::Sent { action, request: request.map(|body| changed.map_or(body, Bytes::from)) }
    }

    /// The answer as the broken controller hears it.
    pub(crate) fn hear(&self, action: Option<&str>, answer: http::Response<Bytes>) -> http::Response<Bytes> {
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
            (Breakage::RestoresTheFirstCopy, Some("DescribeVolumes")) => {
                let noted = self.noted();
                noted
                    .newest_copy
                    .as_ref()
                    .zip(noted.first_copy.as_ref())
                    .map(|(newest, first)| said.replace(first, newest))
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

    /// A request for a copy of each of the first volumes, with the tags of the one for all.
    fn one_by_one(&self, request: &http::Request<Bytes>, form: &str) -> Asked {
        let tags: Vec<&str> = form.split('&').filter(|pair| pair.starts_with("TagSpecification")).collect();
        let copy = |volume: &String| {
            let form = format!("Action=CreateSnapshot&Version=2016-11-15&VolumeId={volume}&{}", tags.join("&"));
            request.clone().map(|_| Bytes::from(form))
        };
        Asked::OneByOne(self.volumes.iter().map(copy).collect())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A success that AWS never gave.
fn made_up(action: &str, namespace: &str, result: &str) -> Asked {
    let body = format!(
        "<{action}Response xmlns=\"{namespace}\"><requestId>made-up</requestId>{result}\
         <ResponseMetadata><RequestId>made-up</RequestId></ResponseMetadata></{action}Response>"
    );
    Asked::MadeUp(http::Response::new(Bytes::from(body)))
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

/// A value of a form. Ids and names need no decoding.
fn value<'a>(form: &'a str, key: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    rest.split_once(end).map(|(found, _)| found)
}

/// `DescribeInstances`'s answer, with one instance stopped.
fn stopped(said: &str, instance: &str) -> Option<String> {
    let (before, rest) = said.split_once(&format!("<instanceId>{instance}</instanceId>"))?;
    let (between, after) = rest.split_once("<instanceState>")?;
    let (_, after) = after.split_once("</instanceState>")?;
    let state = "<instanceState><code>80</code><name>stopped</name></instanceState>";
    Some(format!("{before}<instanceId>{instance}</instanceId>{between}{state}{after}"))
}
