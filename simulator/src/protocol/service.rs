//! The services that the region answers: how a request names each, which protocols it speaks, and in which words it refuses input.

use super::refusal::{self, InputErrors};

/// A service of the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Ec2,
    AutoScaling,
    CloudWatch,
    DynamoDb,
    Ssm,
    Sns,
    Sts,
}

/// The protocols that requests come in. The last two belong to services that the region does not have: it refuses those in their own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Ec2Query,
    Query,
    Json10,
    Json11,
    RpcV2Cbor,
    RestJson,
    RestXml,
}

impl Protocol {
    /// The name in AWS's service models.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ec2Query => "ec2",
            Self::Query => "query",
            Self::Json10 | Self::Json11 => "json",
            Self::RpcV2Cbor => "smithy-rpc-v2-cbor",
            Self::RestJson => "rest-json",
            Self::RestXml => "rest-xml",
        }
    }
}

/// What is to be known of a service on the wire.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The name in the credentials' scope, which is the endpoint's prefix in AWS's service models.
    pub(crate) signing_name: &'static str,
    pub(crate) api_version: &'static str,
    /// What precedes the operation in `X-Amz-Target`, and follows `/service/` in a path of RPC v2.
    pub(crate) target: Option<&'static str>,
    /// The one that is taken for a request that shows no other comes first.
    pub(crate) protocols: &'static [Protocol],
    /// Namespace of the service's XML documents.
    pub(crate) xml_namespace: &'static str,
    /// What precedes an error's code in `__type`.
    pub(crate) json_namespace: &'static str,
    /// Members of answers that are maps from text to text, which XML writes as entries.
    pub(crate) maps: &'static [&'static str],
    /// A query service of old that came to the newer protocols: errors have a shape's name there, and the old code in a header.
    pub(crate) shape_of_code: Option<fn(&str) -> &str>,
    pub(crate) input_errors: InputErrors,
}

static EC2: Profile = Profile {
    signing_name: "ec2",
    api_version: "2016-11-15",
    target: None,
    protocols: &[Protocol::Ec2Query],
    xml_namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
    json_namespace: "",
    maps: &[],
    shape_of_code: None,
    input_errors: refusal::EC2,
};

static AUTO_SCALING: Profile = Profile {
    signing_name: "autoscaling",
    api_version: "2011-01-01",
    target: None,
    protocols: &[Protocol::Query],
    xml_namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/",
    json_namespace: "",
    maps: &[],
    shape_of_code: None,
    input_errors: refusal::VALIDATION_ERROR,
};

static CLOUDWATCH: Profile = Profile {
    signing_name: "monitoring",
    api_version: "2010-08-01",
    target: Some("GraniteServiceVersion20100801"),
    protocols: &[Protocol::Query, Protocol::Json10, Protocol::RpcV2Cbor],
    xml_namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
    json_namespace: "com.amazonaws.cloudwatch#",
    maps: &[],
    shape_of_code: Some(cloudwatch_shape),
    input_errors: refusal::CLOUDWATCH,
};

static DYNAMODB: Profile = Profile {
    signing_name: "dynamodb",
    api_version: "2012-08-10",
    target: Some("DynamoDB_20120810"),
    protocols: &[Protocol::Json10],
    xml_namespace: "",
    json_namespace: "com.amazonaws.dynamodb.v20120810#",
    maps: &[],
    shape_of_code: None,
    input_errors: refusal::VALIDATION_EXCEPTION,
};

static SSM: Profile = Profile {
    signing_name: "ssm",
    api_version: "2014-11-06",
    target: Some("AmazonSSM"),
    protocols: &[Protocol::Json11],
    xml_namespace: "",
    json_namespace: "",
    maps: &[],
    shape_of_code: None,
    input_errors: refusal::VALIDATION_EXCEPTION,
};

static SNS: Profile = Profile {
    signing_name: "sns",
    api_version: "2010-03-31",
    target: None,
    protocols: &[Protocol::Query],
    xml_namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
    json_namespace: "",
    maps: &["Attributes"],
    shape_of_code: None,
    input_errors: refusal::SNS,
};

static STS: Profile = Profile {
    signing_name: "sts",
    api_version: "2011-06-15",
    target: None,
    protocols: &[Protocol::Query],
    xml_namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    json_namespace: "",
    maps: &[],
    shape_of_code: None,
    input_errors: refusal::VALIDATION_ERROR,
};

impl Service {
    pub(crate) const ALL: [Self; 7] =
        [Self::Ec2, Self::AutoScaling, Self::CloudWatch, Self::DynamoDb, Self::Ssm, Self::Sns, Self::Sts];

    pub(crate) fn profile(self) -> &'static Profile {
        match self {
            Self::Ec2 => &EC2,
            Self::AutoScaling => &AUTO_SCALING,
            Self::CloudWatch => &CLOUDWATCH,
            Self::DynamoDb => &DYNAMODB,
            Self::Ssm => &SSM,
            Self::Sns => &SNS,
            Self::Sts => &STS,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.profile().signing_name
    }

    pub(crate) fn find(known_by: impl Fn(&Profile) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|service| known_by(service.profile()))
    }
}

/// The shape that a query error code of CloudWatch belongs to in its model.
fn cloudwatch_shape(code: &str) -> &str {
    match code {
        "InvalidFormat" => "InvalidFormatFault",
        "InvalidParameterValue" => "InvalidParameterValueException",
        "MissingParameter" => "MissingRequiredParameterException",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "InternalServiceError" => "InternalServiceFault",
        "LimitExceeded" => "LimitExceededFault",
        other => other,
    }
}
