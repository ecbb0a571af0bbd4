//! From what Lambda hands over to a [`Trigger`]: why services are driven, and which.
//!
//! ```text
//! detail-type            ──► bridge    EventBridge: instance, spot, volume, snapshot, health, alarm, Auto Scaling group, schedule
//! alarmData              ──► alarm     a CloudWatch alarm that calls the function itself
//! LifecycleTransition    ──► group     a lifecycle hook that calls the function itself
//! Records[].Sns.Message  ──► sns       an alarm's notification, a hook's, or any of the above, through a topic
//! Records[].body         ──► sqs       the same through a queue, with or without a topic before it
//! service, to            ──► request   an operator's request
//! ```
//!
//! A trigger holds nothing that a decision uses: what an event says of states is for the log. Hence only that is demanded of an
//! event which leads to a service (an id or a name); a missing signature or an odd date loses no event. What an event *is* must be
//! clear, though: one that can't be understood is an error and, after Lambda's retries, in the dead-letter queue.

mod alarm;
mod bridge;
mod drive;
mod envelope;
mod error;
mod family;
mod group;
mod payload;
mod read;
mod records;
mod request;
mod sns;
mod sqs;
mod subject;

pub use bridge::understood;
pub use drive::Trigger;
pub use error::EventError;
pub use payload::trigger;
pub use request::ManualRequest;
