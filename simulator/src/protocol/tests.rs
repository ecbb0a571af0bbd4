#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer;
use super::error::ApiError;
use super::input::Input;
use super::operations::{Operation, Operations, operation};
use super::parameter::{default_only, document, irrelevant, one_of};
use super::request::Request;
use super::service::{Protocol, Service};

type Handler = fn(Input<'_>) -> Result<Value, ApiError>;

static OPERATIONS: Operations<Handler> = Operations::new(Service::Ec2, TABLE);

const TABLE: &[Operation<Handler>] = &[operation(
    "RunInstances",
    run,
    &["ImageId", "BlockDeviceMapping[].Ebs.Iops", "InstanceId[]", "Attributes{}"],
    &[
        document("Item"),
        one_of("InstanceType", &["t3.micro", "t3.large"]),
        default_only("Tenancy", &["default"]),
        irrelevant("KeyName", "there is no way to log in"),
    ],
)];

fn run(input: Input<'_>) -> Result<Value, ApiError> {
    let iops = input
        .list("BlockDeviceMapping")?
        .into_iter()
        .map(|mapping| mapping.structure("Ebs")?.map_or(Ok(None), |ebs| ebs.integer("Iops")));
    Ok(json!({
        "iops": iops.collect::<Result<Vec<_>, ApiError>>()?,
        "ids": input.texts("InstanceId")?,
        "image": input.filled_text("ImageId")?,
        "attributes": input.map("Attributes")?.into_iter().map(|(key, _)| key).collect::<Vec<_>>(),
        "item": input.document("Item")?,
    }))
}

fn call(tree: Value) -> Result<Value, ApiError> {
    let admitted = OPERATIONS.admit_tree("RunInstances", tree)?;
    (admitted.operation.handler)(admitted.input())
}

fn request(headers: &[(&str, &str)], uri: &str, body: &str) -> Request {
    let request = headers.iter().fold(http::Request::post(uri), |request, (name, value)| request.header(*name, *value));
    Request::parse(request.body(Bytes::from(body.to_owned())).unwrap())
}

fn scope(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIA/20260105/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=x"
    )
}

#[test]
fn what_the_table_names_is_read_at_any_depth() {
    let output = call(json!({
        "ImageId": "ami-1", "InstanceId": ["i-1", "i-2"], "BlockDeviceMapping": [{"Ebs": {"Iops": "3000"}}, {}],
        "Attributes": {"a": "b"}, "Item": {"whatever": [1]}, "KeyName": {"as": "it likes"}, "InstanceType": "t3.large",
        "Tenancy": "default",
    }));
    let expected = json!({
        "iops": [3000, null], "ids": ["i-1", "i-2"], "image": "ami-1", "attributes": ["a"], "item": {"whatever": [1]},
    });
    assert_eq!(output.unwrap(), expected);
    assert_eq!(call(json!({"ImageId": ""})).unwrap_err().code, "MissingParameter");
}

#[test]
fn what_the_table_does_not_name_is_refused_by_its_path() {
    for (tree, code, text) in [
        (json!({"Placement": {"HostId": "h"}}), "UnsupportedOperation", "parameter Placement of RunInstances"),
        (
            json!({"BlockDeviceMapping": [{"Ebs": {"Iops": 1}}, {"Ebs": {"Encrypted": true}}]}),
            "UnsupportedOperation",
            "BlockDeviceMapping[].Ebs.Encrypted",
        ),
        (json!({"InstanceType": "m5.metal"}), "UnsupportedOperation", "m5.metal"),
        (json!({"Tenancy": "host"}), "UnsupportedOperation", "Tenancy"),
        (json!({"ImageId": ["ami-1"]}), "InvalidParameterValue", "ImageId"),
        (json!({"ImageId": {"a": "b"}}), "InvalidParameterValue", "ImageId"),
        (json!({"InstanceId": "i-1"}), "InvalidParameterValue", "InstanceId"),
    ] {
        let error = call(tree).unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
        assert!(error.message.contains(text), "{}", error.message);
    }
    assert_eq!(OPERATIONS.admit_tree("RunAway", json!({})).unwrap_err().code, "UnsupportedOperation");
}

#[test]
fn to_read_what_the_table_does_not_name_is_an_internal_error() {
    let admitted = OPERATIONS.admit_tree("RunInstances", json!({})).unwrap();
    let input = admitted.input();
    assert_eq!(input.text("UserData").unwrap_err().code, "InternalFailure");
    assert_eq!(input.text("KeyName").unwrap_err().code, "InternalFailure");
    assert_eq!(input.text("Tenancy").unwrap_err().code, "InternalFailure");
    assert_eq!(input.texts("ImageId").unwrap_err().code, "InternalFailure");
    assert_eq!(input.text("ImageId"), Ok(None));
}

#[test]
fn the_dump_names_every_parameter_with_its_kind() {
    call(json!({"ImageId": "ami-1"})).unwrap();
    let dumped = OPERATIONS.describe();
    let parameters = &dumped["operations"]["RunInstances"];
    assert_eq!(dumped["protocols"], json!(["ec2"]));
    assert_eq!(parameters["ImageId"], json!({"kind": "modelled", "read": true}));
    assert_eq!(parameters["BlockDeviceMapping.Ebs.Iops"]["kind"], "modelled");
    assert_eq!(parameters["InstanceType"]["values"], json!(["t3.micro", "t3.large"]));
    assert_eq!(parameters["KeyName"]["why"], "there is no way to log in");
}

#[test]
fn a_request_says_which_service_it_is_for() {
    let signed = |name: &str| request(&[("authorization", &scope(name))], "/", "Action=Publish&Version=2010-03-31");
    assert_eq!(signed("sns").service, Some(Service::Sns));
    assert_eq!(signed("iam").service, None);
    assert_eq!(signed("iam").protocol, Protocol::Query);
    let by_version = request(&[], "/", "Action=DescribeInstances&Version=2016-11-15");
    assert_eq!((by_version.service, by_version.protocol), (Some(Service::Ec2), Protocol::Ec2Query));
    let by_target = request(&[("x-amz-target", "AmazonSSM.GetParameter")], "/", "{}");
    assert_eq!((by_target.service, by_target.protocol), (Some(Service::Ssm), Protocol::Json11));
    assert_eq!(by_target.action, "GetParameter");
    let by_path = request(&[], "/service/GraniteServiceVersion20100801/operation/DescribeAlarms", "");
    assert_eq!((by_path.service, by_path.protocol), (Some(Service::CloudWatch), Protocol::RpcV2Cbor));
    assert_eq!((by_path.action.as_str(), by_path.parameters().unwrap()), ("DescribeAlarms", json!({})));
    let presigned = request(
        &[],
        "/?Action=GetCallerIdentity&X-Amz-Credential=AKIA%2F20260105%2Fus-east-1%2Fsts%2Faws4_request",
        "",
    );
    assert_eq!((presigned.service, presigned.region.as_deref()), (Some(Service::Sts), Some("us-east-1")));
}

#[test]
fn what_is_not_of_this_region_is_refused_in_its_own_envelope() {
    for (headers, uri, body, expected) in [
        (vec![], "/", "Action=ListUsers&Version=2010-05-08", "<ErrorResponse"),
        (vec![("x-amz-target", "AmazonSQS.ListQueues")], "/", "{}", "\"__type\":\"UnsupportedOperation\""),
        (vec![], "/2015-03-31/functions/", "", "\"__type\":\"UnsupportedOperation\""),
        (vec![], "/service/Other/operation/Do", "", "UnsupportedOperation"),
    ] {
        let request = request(&headers, uri, body);
        let error = request.service_in("eu-central-1").unwrap_err();
        assert_eq!(error.code, "UnsupportedOperation");
        let answer = answer::failure(&request, &error, "id");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 400 && text.contains(expected), "{text}");
    }
    let s3 = request(&[("authorization", &scope("s3"))], "/bucket", "");
    let refused = answer::failure(&s3, &s3.service_in("eu-central-1").unwrap_err(), "id");
    assert!(
        String::from_utf8_lossy(&refused.body)
            .starts_with("<Error><Type>Sender</Type><Code>UnsupportedOperation</Code>")
    );
    let elsewhere = request(&[("authorization", &scope("sns"))], "/", "Action=ListTopics&Version=2010-03-31");
    assert_eq!(elsewhere.service_in("eu-central-1"), Ok(Service::Sns));
    let refused = elsewhere.service_in("us-east-1").unwrap_err();
    assert!(refused.status == 403 && refused.message.contains("eu-central-1"), "{refused:?}");
}

#[test]
fn output_becomes_xml() {
    let request = request(&[("authorization", &scope("sns"))], "/", "Action=Do&Version=2010-03-31");
    let output =
        json!({"List": [{"A": 1}, {"A": 2.5}], "Attributes": {"k<": "v&"}, "StateUpdatedTimestamp": 1.5, "None": null});
    let body = answer::success(&request, &output, "id").body;
    assert_eq!(
        std::str::from_utf8(&body).unwrap(),
        "<DoResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><DoResult><Attributes><entry><key>k&lt;</key><value>v&amp;</value></entry></Attributes>\
         <List><member><A>1</A></member><member><A>2.5</A></member></List><StateUpdatedTimestamp>1970-01-01T00:00:01.500Z</StateUpdatedTimestamp></DoResult>\
         <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>"
    );
}
