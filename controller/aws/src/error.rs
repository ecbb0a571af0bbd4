//! Every failed call becomes an [`AwsError`] where it arises, with the class that says how to go on.

use std::error::Error as StdError;
use std::io;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use failover_core::step::FailureClass;
use thiserror::Error;

use crate::transport::TransportError;

/// A call that AWS refused, or that got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation}: {code}: {message}")]
pub struct AwsError {
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// What it means for going on.
    pub class: FailureClass,
    /// AWS's code, or one of [`code`]'s words for what never got an answer.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

/// Codes of our own, for calls that AWS gave no code to.
pub mod code {
    /// The call took longer than it may.
    pub const TIMEOUT: &str = "Timeout";
    /// No connection: the request was not sent.
    pub const NOT_CONNECTED: &str = "NotConnected";
    /// The request could not be built or signed, and was not sent.
    pub const NOT_SENT: &str = "NotSent";
    /// The connection broke after the request may have been sent.
    pub const NO_ANSWER: &str = "NoAnswer";
    /// An answer that is no answer of AWS's.
    pub const UNREADABLE: &str = "UnreadableAnswer";
}

impl AwsError {
    /// A call that took longer than its caller could wait.
    pub(crate) fn timeout(operation: &'static str, waited: std::time::Duration) -> Self {
        let message = format!("no answer within {:.1} s", waited.as_secs_f64());
        Self { operation, class: FailureClass::UnknownOutcome, code: code::TIMEOUT.to_owned(), message }
    }

    /// Whether AWS says that calls come too fast: asking in another way, right away, would make it worse.
    pub(crate) fn is_throttle(&self) -> bool {
        THROTTLES.contains(&bare(&self.code))
    }
}

/// For `map_err`: turns the SDK's error of `operation` into ours.
pub(crate) fn failed<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    move |error| convert(operation, &error)
}

/// Turns the SDK's error of `operation` into ours.
pub(crate) fn convert<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let ours = |class, code: &str, message| AwsError { operation, class, code: code.to_owned(), message };
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or_default();
            let message = service.err().message().unwrap_or_default();
            if status < 400 && code.is_empty() {
                // AWS did it, and what came back of its answer can't be read: that is no refusal.
                return ours(
                    FailureClass::UnknownOutcome,
                    code::UNREADABLE,
                    format!("HTTP {status}: {}", chain(error)),
                );
            }
            from_answer(operation, status, code, message)
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            let class = if status >= 500 { FailureClass::Retryable } else { FailureClass::UnknownOutcome };
            ours(class, code::UNREADABLE, format!("HTTP {status}: {}", chain(error)))
        }
        SdkError::TimeoutError(_) => ours(FailureClass::UnknownOutcome, code::TIMEOUT, chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_user() || failure.is_other() => {
            // Credentials that can't be loaded end here too: nothing was sent, and they may be there at the next try.
            ours(FailureClass::Retryable, code::NOT_SENT, chain(error))
        }
        SdkError::DispatchFailure(_) if never_connected(error) => {
            ours(FailureClass::Retryable, code::NOT_CONNECTED, chain(error))
        }
        SdkError::DispatchFailure(_) => ours(FailureClass::UnknownOutcome, code::NO_ANSWER, chain(error)),
        // Construction failures; the enum is open, but nothing else exists in it.
        _ => ours(FailureClass::Invalid, code::NOT_SENT, chain(error)),
    }
}

fn from_answer(operation: &'static str, status: u16, code: &str, message: &str) -> AwsError {
    let class = classify(code, message, status);
    let code = if code.is_empty() { format!("HTTP {status}") } else { code.to_owned() };
    AwsError { operation, class, code, message: message.to_owned() }
}

/// The error and its causes in one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn StdError + 'static)| error.source())
}

/// Whether it is certain that the request never left. The SDK knows it but does not tell, so the causes are read; what is not
/// recognised counts as sent, which is the careful reading.
fn never_connected(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        if let Some(error) = cause.downcast_ref::<TransportError>() {
            return matches!(error, TransportError::Refused(_));
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
            );
        }
        // hyper's connector and the SDK's connect timeout have no public types.
        let text = cause.to_string();
        text.starts_with("client error (Connect)") || text.starts_with("HTTP connect timeout")
    })
}

/// Calls come too fast (aws-facts 7, and the same of the other services).
const THROTTLES: [&str; 12] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// A pause is all that is missing. The snapshot limits end with their reason: 15 s between snapshots of one volume, five pending
/// ones (aws-facts 2.1). `ConcurrentTagAccess`: two writers of one resource's tags (7). `ResourceContention` and
/// `ScalingActivityInProgress`: an Auto Scaling group is busy with something else (4.2).
const RETRYABLE: [&str; 16] = [
    "ConcurrentSnapshotLimitExceeded",
    "ConcurrentTagAccess",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "PendingSnapshotLimitExceeded",
    "PriorRequestNotComplete",
    "RequestTimeout",
    "RequestTimeoutException",
    "ResourceContention",
    "ScalingActivityInProgress",
    "ServiceUnavailable",
    "SnapshotCreationPerVolumeRateExceeded",
    "TransactionInProgressException",
    "Unavailable",
];

/// No room here; elsewhere there may be (aws-facts 1.3, 2.2, 7). Every other `…LimitExceeded` joins them: the account is full.
const CAPACITY: [&str; 9] = [
    "InsufficientAddressCapacity",
    "InsufficientCapacity",
    "InsufficientFreeAddressesInSubnet",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "InsufficientReservedInstanceCapacity",
    "InsufficientVolumeCapacity",
    "Unsupported",
    "VolumeTypeNotAvailableInZone",
];

/// An operator has to allow it. `OperationNotPermitted` is stop or termination protection (aws-facts 1.3).
const DENIED: [&str; 17] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "AuthorizationError",
    "Blocked",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OperationNotPermitted",
    "OptInRequired",
    "PendingVerification",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// The resource is in another state than the call needs (aws-facts 1.3, 2.3, 3.1).
const CONFLICT: [&str; 9] = [
    "ConditionalCheckFailedException",
    "DependencyViolation",
    "IncorrectInstanceState",
    "IncorrectState",
    "InvalidSnapshot.InUse",
    "Resource.AlreadyAssociated",
    "ResourceInUse",
    "ResourceInUseException",
    "VolumeInUse",
];

/// What a failed call means for going on.
pub fn classify(code: &str, message: &str, status: u16) -> FailureClass {
    let code = bare(code);
    if THROTTLES.contains(&code) || RETRYABLE.contains(&code) {
        FailureClass::Retryable
    } else if CAPACITY.contains(&code) || code.ends_with("LimitExceeded") {
        FailureClass::Capacity
    } else if DENIED.contains(&code) || is_kms(code) {
        FailureClass::Denied
    } else if CONFLICT.contains(&code) || is_state_in_words(code, message) {
        FailureClass::Conflict
    } else if is_missing(code) {
        FailureClass::Gone
    } else if status >= 500 || status == 429 {
        FailureClass::Retryable
    } else {
        FailureClass::Invalid
    }
}

/// Some tools and state reasons prefix the side that is to blame.
fn bare(code: &str) -> &str {
    code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code)
}

/// A key that is disabled, pending deletion, or not ours to use (aws-facts 2.6).
fn is_kms(code: &str) -> bool {
    code.contains("KMS") || code.contains("Kms")
}

fn is_missing(code: &str) -> bool {
    code.ends_with(".NotFound")
        || code.ends_with("NotFoundException")
        || code == "ParameterNotFound"
        || code == "NotFound"
}

/// Two conflicts hide behind codes for bad parameters: an address for a pending instance (aws-facts 3.1) and a device name that is
/// taken (2.3).
fn is_state_in_words(code: &str, message: &str) -> bool {
    match code {
        "InvalidInstanceID" => message.contains("not in a valid state"),
        "InvalidParameterValue" => message.contains("already in use"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn codes_have_the_class_that_says_how_to_go_on() {
        use FailureClass::{Capacity, Conflict, Denied, Gone, Invalid, Retryable};
        let table = [
            ("RequestLimitExceeded", "", 503, Retryable),
            ("Throttling", "", 400, Retryable),
            ("InternalError", "", 500, Retryable),
            ("Unavailable", "", 503, Retryable),
            ("", "", 502, Retryable),
            ("SomethingNew", "", 500, Retryable),
            ("SnapshotCreationPerVolumeRateExceeded", "", 400, Retryable),
            ("ConcurrentSnapshotLimitExceeded", "", 400, Retryable),
            ("ResourceContention", "", 500, Retryable),
            ("ScalingActivityInProgress", "", 400, Retryable),
            ("InsufficientInstanceCapacity", "", 500, Capacity),
            ("Server.InsufficientInstanceCapacity", "", 500, Capacity),
            ("InsufficientVolumeCapacity", "", 500, Capacity),
            ("VolumeLimitExceeded", "", 400, Capacity),
            ("VcpuLimitExceeded", "", 400, Capacity),
            ("Unsupported", "", 400, Capacity),
            ("UnauthorizedOperation", "", 403, Denied),
            ("AccessDeniedException", "", 400, Denied),
            ("AuthFailure", "", 401, Denied),
            ("OptInRequired", "", 401, Denied),
            ("Client.InvalidKMSKey.InvalidState", "", 400, Denied),
            ("IncorrectState", "", 400, Conflict),
            ("IncorrectInstanceState", "", 400, Conflict),
            ("VolumeInUse", "", 400, Conflict),
            ("Resource.AlreadyAssociated", "", 400, Conflict),
            (
                "InvalidInstanceID",
                "The pending instance 'i-1' is not in a valid state for this operation.",
                400,
                Conflict,
            ),
            ("InvalidInstanceID", "several network interfaces", 400, Invalid),
            ("InvalidParameterValue", "Attachment point /dev/sdh is already in use", 400, Conflict),
            ("InvalidParameterValue", "Invalid value", 400, Invalid),
            ("InvalidInstanceID.NotFound", "", 400, Gone),
            ("InvalidVolume.NotFound", "", 400, Gone),
            ("InvalidAttachment.NotFound", "", 400, Gone),
            ("ResourceNotFoundException", "", 400, Gone),
            ("ParameterNotFound", "", 400, Gone),
            ("IdempotentParameterMismatch", "", 400, Invalid),
            ("InvalidVolume.ZoneMismatch", "", 400, Invalid),
            ("ValidationException", "", 400, Invalid),
            ("ValidationError", "AutoScalingGroup name not found - no such group", 400, Invalid),
            ("AccessDenied", "", 403, Denied),
            ("ResourceInUse", "", 400, Conflict),
        ];
        for (code, message, status, class) in table {
            assert_eq!(classify(code, message, status), class, "{code} {message} {status}");
        }
    }

    /// Every code that the controller tells apart, whichever list it stands in above, with what AWS documents that it is for.
    #[test]
    fn every_known_code_has_its_class() {
        use FailureClass::{Capacity, Conflict, Denied, Retryable};
        let throttles = "BandwidthLimitExceeded EC2ThrottledException LimitExceededException ProvisionedThroughputExceededException \
             RequestLimitExceeded RequestThrottled RequestThrottledException SlowDown ThrottledException Throttling \
             ThrottlingException TooManyRequestsException";
        let retryable = "ConcurrentSnapshotLimitExceeded ConcurrentTagAccess InternalError InternalFailure InternalServerError \
             InternalServiceError PendingSnapshotLimitExceeded PriorRequestNotComplete RequestTimeout RequestTimeoutException \
             ResourceContention ScalingActivityInProgress ServiceUnavailable SnapshotCreationPerVolumeRateExceeded \
             TransactionInProgressException Unavailable";
        let capacity = "InsufficientAddressCapacity InsufficientCapacity InsufficientFreeAddressesInSubnet \
             InsufficientHostCapacity InsufficientInstanceCapacity InsufficientReservedInstanceCapacity \
             InsufficientVolumeCapacity Unsupported VolumeTypeNotAvailableInZone AddressLimitExceeded InstanceLimitExceeded";
        let denied = "AccessDenied AccessDeniedException AuthFailure AuthorizationError Blocked ExpiredToken \
             ExpiredTokenException IncompleteSignature InvalidClientTokenId MissingAuthenticationToken NotAuthorized \
             OperationNotPermitted OptInRequired PendingVerification SignatureDoesNotMatch UnauthorizedOperation \
             UnrecognizedClientException KMSKeyNotAccessibleFault KmsInvalidStateException";
        let conflict = "ConditionalCheckFailedException DependencyViolation IncorrectInstanceState IncorrectState \
             InvalidSnapshot.InUse Resource.AlreadyAssociated ResourceInUse ResourceInUseException VolumeInUse";
        let error = |code: &str| from_answer("StopInstances", 400, code, "");
        let mut known = 0;
        for (codes, class) in [
            (throttles, Retryable),
            (retryable, Retryable),
            (capacity, Capacity),
            (denied, Denied),
            (conflict, Conflict),
        ] {
            for code in codes.split_whitespace() {
                known += 1;
                assert_eq!(error(code).class, class, "{code}");
                assert_eq!(error(&format!("Client.{code}")).class, class, "Client.{code}");
                assert_eq!(error(code).is_throttle(), codes == throttles, "{code}");
            }
        }
        // Four are classes of codes and stand in no list.
        let listed = THROTTLES.len() + RETRYABLE.len() + CAPACITY.len() + DENIED.len() + CONFLICT.len();
        assert_eq!(known, listed + 4, "a code is in a list above and not in this test");
        assert!(error("Server.RequestLimitExceeded").is_throttle());
    }

    #[test]
    fn what_has_no_known_code_goes_by_its_status() {
        use FailureClass::{Invalid, Retryable};
        for (status, class) in [
            (400, Invalid),
            (404, Invalid),
            (428, Invalid),
            (429, Retryable),
            (499, Invalid),
            (500, Retryable),
            (503, Retryable),
        ] {
            assert_eq!(from_answer("DescribeTags", status, "SomethingNew", "m").class, class, "{status}");
            let nameless = from_answer("DescribeTags", status, "", "m");
            assert_eq!((nameless.class, nameless.code), (class, format!("HTTP {status}")));
        }
        let error = from_answer("DescribeTags", 400, "SomethingNew", "why");
        assert_eq!(error.to_string(), "DescribeTags: SomethingNew: why");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_answer_of_awss_has_the_class_that_its_sending_allows() {
        use crate::testing::{Reply, Script};
        use FailureClass::{Retryable, UnknownOutcome};
        let unreadable = |status| Reply::Answer(status, "<html>".to_owned());
        for (reply, class, code) in [
            (unreadable(200), UnknownOutcome, code::UNREADABLE),
            (Reply::Broken, UnknownOutcome, code::NO_ANSWER),
            (Reply::Hang, UnknownOutcome, code::TIMEOUT),
            (Reply::Refused, Retryable, code::NOT_CONNECTED),
        ] {
            let script = Script::new(move |_| reply.clone());
            let error = script.aws().service_of("i-00000000000000001").await.unwrap_err();
            assert_eq!((error.class, error.code.as_str()), (class, code), "{error}");
        }
    }

    #[test]
    fn what_was_never_sent_can_be_tried_again() {
        use aws_sdk_ec2::operation::describe_tags::DescribeTagsError;
        use aws_smithy_runtime_api::client::result::ConnectorError;
        use aws_smithy_runtime_api::http::StatusCode;
        use aws_smithy_types::body::SdkBody;

        let converted = |error: SdkError<DescribeTagsError, HttpResponse>| {
            let error = convert("DescribeTags", &error);
            (error.class, error.code)
        };
        let not_sent = |class| (class, code::NOT_SENT.to_owned());
        // Credentials that can't be loaded may be there at the next try.
        let no_credentials = || "no credentials".into();
        let user = SdkError::dispatch_failure(ConnectorError::user(no_credentials()));
        assert_eq!(converted(user), not_sent(FailureClass::Retryable));
        let other = SdkError::dispatch_failure(ConnectorError::other(no_credentials(), None));
        assert_eq!(converted(other), not_sent(FailureClass::Retryable));
        let broken = SdkError::dispatch_failure(ConnectorError::io("reset".into()));
        assert_eq!(converted(broken), (FailureClass::UnknownOutcome, code::NO_ANSWER.to_owned()));
        assert_eq!(converted(SdkError::construction_failure("no bucket")), not_sent(FailureClass::Invalid));
        for (status, class) in [(200, FailureClass::UnknownOutcome), (500, FailureClass::Retryable)] {
            let raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
            let unread = SdkError::response_error("cut off", raw);
            assert_eq!(converted(unread), (class, code::UNREADABLE.to_owned()));
        }
    }

    #[test]
    fn tables_do_not_overlap() {
        let all: Vec<&str> =
            THROTTLES.into_iter().chain(RETRYABLE).chain(CAPACITY).chain(DENIED).chain(CONFLICT).collect();
        let distinct: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len());
    }
}
