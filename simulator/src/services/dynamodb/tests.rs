//! The tables' behaviour as a client sees it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::*;
use crate::model::settings::Settings;

struct Client {
    tables: Tables,
    now: SystemTime,
}

impl Client {
    /// A region with an active table `t` whose key is `pk`, and `log` whose key is `pk` and the number `at`.
    fn new() -> Client {
        let mut client =
            Client { tables: Tables::new(Settings::for_tests()), now: UNIX_EPOCH + Duration::from_hours(490_001) };
        client.ok(
            "CreateTable",
            json!({
                "TableName": "tab", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            }),
        );
        client.ok("CreateTable", json!({
            "TableName": "log", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"}],
        }));
        client.now += Duration::from_mins(1);
        client
    }

    fn call(&mut self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        self.now += Duration::from_millis(10);
        self.tables.forget_deleted(self.now);
        let admitted = OPERATIONS.admit_tree(operation, input.clone())?;
        (admitted.operation.handler)(&mut self.tables, admitted.input(), self.now)
    }

    #[allow(clippy::needless_pass_by_value)]
    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, &input).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    #[allow(clippy::needless_pass_by_value)]
    fn refused(&mut self, operation: &str, input: Value) -> ApiError {
        self.call(operation, &input).expect_err(operation)
    }

    fn put(&mut self, item: &Value) {
        self.ok("PutItem", json!({"TableName": "tab", "Item": item}));
    }

    fn get(&mut self, key: &str) -> Value {
        self.ok("GetItem", json!({"TableName": "tab", "Key": {"pk": {"S": key}}, "ConsistentRead": true}))["Item"]
            .clone()
    }

    /// An update of the item `a`; names and values are given as JSON.
    fn update(&mut self, expression: &str, names: &Value, values: &Value) -> Result<Value, ApiError> {
        let mut input = json!({"TableName": "tab", "Key": {"pk": {"S": "a"}}, "UpdateExpression": expression, "ReturnValues": "ALL_NEW"});
        for (parameter, content) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
            if !content.is_null() {
                input[parameter] = content.clone();
            }
        }
        self.call("UpdateItem", &input).map(|output| output["Attributes"].clone())
    }

    /// Whether a condition holds on the item `a`, asked by a write that changes nothing.
    fn holds(&mut self, condition: &str, names: &Value, values: &Value) -> bool {
        let mut check = json!({"TableName": "tab", "Key": {"pk": {"S": "a"}}, "ConditionExpression": condition});
        for (parameter, content) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
            if !content.is_null() {
                check[parameter] = content.clone();
            }
        }
        match self.call("TransactWriteItems", &json!({"TransactItems": [{"ConditionCheck": check}]})) {
            Ok(_) => true,
            Err(error) if error.code == "TransactionCanceledException" => false,
            Err(error) => panic!("{condition}: {error:?}"),
        }
    }
}

fn sample() -> Value {
    json!({
        "pk": {"S": "a"}, "epoch": {"N": "7"}, "name1": {"S": "billing"}, "tags": {"SS": ["x", "y"]},
        "list1": {"L": [{"S": "p"}, {"S": "q"}, {"S": "r"}]}, "deep": {"M": {"middle": {"M": {"n": {"N": "1"}}}}}, "flag": {"BOOL": true},
    })
}

#[test]
fn a_table_passes_through_its_states() {
    let mut client = Client::new();
    let create = json!({
        "TableName": "new", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    });
    assert_eq!(client.ok("CreateTable", create.clone())["TableDescription"]["TableStatus"], "CREATING");
    assert_eq!(client.refused("CreateTable", create).code, "ResourceInUseException");
    assert_eq!(
        client.refused("PutItem", json!({"TableName": "new", "Item": {"pk": {"S": "x"}}})).code,
        "ResourceNotFoundException"
    );
    client.now += Duration::from_secs(20);
    assert_eq!(client.ok("DescribeTable", json!({"TableName": "new"}))["Table"]["TableStatus"], "ACTIVE");
    assert_eq!(client.ok("ListTables", json!({}))["TableNames"], json!(["log", "new", "tab"]));
    assert_eq!(client.ok("DeleteTable", json!({"TableName": "new"}))["TableDescription"]["TableStatus"], "DELETING");
    client.now += Duration::from_secs(20);
    let gone = client.refused("DescribeTable", json!({"TableName": "new"}));
    assert_eq!(
        (gone.code.as_ref(), gone.message.as_str()),
        ("ResourceNotFoundException", "Requested resource not found: Table: new not found")
    );
}

#[test]
fn conditions_follow_the_documented_meaning() {
    let mut client = Client::new();
    client.put(&sample());
    let none = Value::Null;
    let value = |v: Value| json!({":v": v});
    for (condition, values, expected) in [
        ("attribute_exists(pk)", none.clone(), true),
        ("attribute_not_exists(pk)", none.clone(), false),
        ("attribute_not_exists(nothing.below)", none.clone(), true),
        ("attribute_exists(deep.middle.n)", none.clone(), true),
        ("list1[1] = :v", value(json!({"S": "q"})), true),
        ("epoch = :v", value(json!({"N": "7.0"})), true),
        ("epoch <> :v", value(json!({"N": "7"})), false),
        ("nothing <> :v", value(json!({"N": "7"})), true),
        ("nothing = :v", value(json!({"N": "7"})), false),
        ("epoch < :v", value(json!({"S": "8"})), false),
        ("epoch >= :v", value(json!({"N": "7"})), true),
        ("begins_with(name1, :v)", value(json!({"S": "bill"})), true),
        ("contains(tags, :v)", value(json!({"S": "y"})), true),
        ("contains(name1, :v)", value(json!({"S": "ling"})), true),
        ("contains(list1, :v)", value(json!({"S": "z"})), false),
        ("size(list1) = :v", value(json!({"N": "3"})), true),
        ("size(name1) > :v", value(json!({"N": "6"})), true),
        ("attribute_type(deep, :v)", value(json!({"S": "M"})), true),
        ("NOT attribute_exists(flag) OR epoch = :v", value(json!({"N": "7"})), true),
        ("NOT (attribute_exists(flag) OR epoch = :v)", value(json!({"N": "7"})), false),
        // AND binds more tightly than OR.
        ("attribute_exists(pk) OR attribute_exists(pk) AND epoch = :v", value(json!({"N": "0"})), true),
        ("(attribute_exists(pk) OR attribute_exists(pk)) AND epoch = :v", value(json!({"N": "0"})), false),
    ] {
        assert_eq!(client.holds(condition, &none, &values), expected, "{condition}");
    }
    let three = json!({":l": {"N": "5"}, ":h": {"N": "7"}});
    assert!(client.holds("epoch BETWEEN :l AND :h", &none, &three));
    assert!(client.holds("epoch IN (:l, :h)", &none, &three));
    assert!(client.holds("#s = :v", &json!({"#s": "name1"}), &value(json!({"S": "billing"}))));
}

#[test]
fn a_failed_condition_shows_the_item_that_stood_in_the_way() {
    let mut client = Client::new();
    client.put(&sample());
    let mut write = json!({
        "TableName": "tab", "Item": {"pk": {"S": "a"}, "epoch": {"N": "8"}}, "ConditionExpression": "epoch = :e",
        "ExpressionAttributeValues": {":e": {"N": "6"}},
    });
    let plain = client.refused("PutItem", write.clone());
    assert_eq!(
        (plain.code.as_ref(), plain.message.as_str()),
        ("ConditionalCheckFailedException", "The conditional request failed")
    );
    assert!(plain.members.is_empty());
    write["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    assert_eq!(client.refused("PutItem", write.clone()).members["Item"]["epoch"], json!({"N": "7"}));
    write["ExpressionAttributeValues"][":e"] = json!({"N": "7"});
    client.ok("PutItem", write);
    assert_eq!(client.get("a"), json!({"pk": {"S": "a"}, "epoch": {"N": "8"}}));
}

#[test]
fn updates_read_the_item_as_it_was() {
    let mut client = Client::new();
    let none = Value::Null;
    // An update of an absent item creates it.
    let made = client
        .update(
            "SET epoch = if_not_exists(epoch, :zero) + :one, #s = :n",
            &json!({"#s": "status"}),
            &json!({":zero": {"N": "0"}, ":one": {"N": "1"}, ":n": {"S": "x"}}),
        )
        .unwrap();
    assert_eq!(made, json!({"pk": {"S": "a"}, "epoch": {"N": "1"}, "status": {"S": "x"}}));
    client.put(&sample());
    let swapped = client
        .update("SET name1 = pk, other1 = name1, epoch = epoch - :one", &none, &json!({":one": {"N": "1"}}))
        .unwrap();
    assert_eq!(
        (&swapped["name1"], &swapped["other1"], &swapped["epoch"]),
        (&json!({"S": "a"}), &json!({"S": "billing"}), &json!({"N": "6"}))
    );
    let listed = client.update("SET list1 = list_append(list1, :more), deep.middle.n = :one REMOVE flag ADD counter1 :one, tags :z DELETE nothing :z", &none, &json!({":more": {"L": [{"S": "s"}]}, ":one": {"N": "1"}, ":z": {"SS": ["z"]}})).unwrap();
    assert_eq!(listed["list1"]["L"].as_array().unwrap().len(), 4);
    assert_eq!(listed["tags"], json!({"SS": ["x", "y", "z"]}));
    assert_eq!(listed["counter1"], json!({"N": "1"}));
    assert!(listed.get("flag").is_none());
    let removed = client.update("REMOVE list1[0], list1[2]", &none, &none).unwrap();
    assert_eq!(removed["list1"], json!({"L": [{"S": "q"}, {"S": "s"}]}));
    let emptied = client.update("DELETE tags :all", &none, &json!({":all": {"SS": ["x", "y", "z"]}})).unwrap();
    assert!(emptied.get("tags").is_none());
}

#[test]
fn returned_values_are_those_asked_for() {
    let mut client = Client::new();
    client.put(&sample());
    let update = |returned: &str| {
        json!({
            "TableName": "tab", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET epoch = epoch + :one", "ReturnValues": returned,
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        })
    };
    assert_eq!(client.ok("UpdateItem", update("UPDATED_OLD"))["Attributes"], json!({"epoch": {"N": "7"}}));
    assert_eq!(client.ok("UpdateItem", update("UPDATED_NEW"))["Attributes"], json!({"epoch": {"N": "9"}}));
    assert_eq!(client.ok("UpdateItem", update("ALL_OLD"))["Attributes"]["epoch"], json!({"N": "9"}));
    assert!(client.ok("UpdateItem", update("NONE")).get("Attributes").is_none());
    assert!(client.refused("UpdateItem", update("EVERYTHING")).message.contains("enum value set"));
    let delete = json!({"TableName": "tab", "Key": {"pk": {"S": "a"}}, "ReturnValues": "ALL_OLD"});
    assert_eq!(client.ok("DeleteItem", delete.clone())["Attributes"]["epoch"], json!({"N": "11"}));
    assert_eq!(client.ok("DeleteItem", delete), json!({}));
    assert!(client.get("a").is_null());
}

#[test]
fn malformed_requests_are_refused_with_dynamodbs_words() {
    let mut client = Client::new();
    client.put(&sample());
    let one = json!({":v": {"N": "1"}});
    for (expression, values, text) in [
        (
            "SET status = :v",
            &one,
            "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status",
        ),
        (
            "SET epoch = :w",
            &one,
            "An expression attribute value used in expression is not defined; attribute value: :w",
        ),
        (
            "SET #e = :v",
            &one,
            "An expression attribute name used in the document path is not defined; attribute name: #e",
        ),
        ("SET epoch = :v SET name1 = :v", &one, "The \"SET\" section can only be used once in an update expression;"),
        ("SET epoch = :v, epoch = :v", &one, "Two document paths overlap with each other"),
        ("SET deep = :v, deep.middle = :v", &one, "Two document paths overlap with each other"),
        ("SET pk = :v", &one, "Cannot update attribute pk. This attribute is part of the key"),
        ("SET epoch :v", &one, "Syntax error; token: \":v\", near: \"epoch :v\""),
        ("SET epoch = :v,", &one, "Syntax error; token: \"<EOF>\""),
        ("EPOCH = :v", &one, "Syntax error; token: \"EPOCH\""),
        ("SET epoch = nothing1", &Value::Null, "refers to an attribute that does not exist in the item"),
        ("SET epoch = name1 + :v", &one, "An operand in the update expression has an incorrect data type"),
        ("SET nothing.below = :v", &one, "The document path provided in the update expression is invalid for update"),
        ("ADD name1 :v", &one, "An operand in the update expression has an incorrect data type"),
        ("REMOVE flag", &one, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"),
        ("SET epoch = plus(:v)", &one, "Invalid function name; function: plus"),
        ("", &Value::Null, "The expression can not be empty;"),
    ] {
        let error = client.update(expression, &Value::Null, values).expect_err(expression);
        assert_eq!(error.code, "ValidationException");
        assert!(error.message.contains(text), "{expression}: {}", error.message);
    }
    for (item, text) in [
        (json!({"epoch": {"N": "1"}}), "Missing the key pk in the item"),
        (json!({"pk": {"N": "1"}}), "Type mismatch for key pk expected: S actual: N"),
        (json!({"pk": {"S": ""}}), "cannot contain an empty string value. Key: pk"),
        (
            json!({"pk": {"S": "a"}, "big": {"S": "x".repeat(410 * 1024)}}),
            "Item size has exceeded the maximum allowed size",
        ),
    ] {
        assert!(client.refused("PutItem", json!({"TableName": "tab", "Item": item})).message.contains(text), "{text}");
    }
    let old_style = json!({"TableName": "tab", "Item": sample(), "Expected": {"epoch": {"Exists": false}}});
    assert_eq!(client.refused("PutItem", old_style).code, "UnsupportedOperation");
    let wrong_key = json!({"TableName": "tab", "Key": {"id": {"S": "a"}}});
    assert_eq!(client.refused("GetItem", wrong_key).message, "The provided key element does not match the schema");
    assert_eq!(client.refused("GetItem", json!({"TableName": "none", "Key": {}})).code, "ResourceNotFoundException");
    assert_eq!(client.refused("NoSuchThing", json!({})).code, "UnsupportedOperation");
}

#[test]
fn a_query_follows_the_sort_key_in_pages() {
    let mut client = Client::new();
    for at in 0..10 {
        let item = json!({"pk": {"S": "a"}, "at": {"N": at.to_string()}, "even": {"BOOL": at % 2 == 0}});
        client.ok("PutItem", json!({"TableName": "log", "Item": item}));
        client.ok("PutItem", json!({"TableName": "log", "Item": {"pk": {"S": "b"}, "at": {"N": at.to_string()}}}));
    }
    let base = json!({
        "TableName": "log", "ConsistentRead": true, "KeyConditionExpression": "pk = :p AND #a >= :from", "ExpressionAttributeNames": {"#a": "at"},
        "ExpressionAttributeValues": {":p": {"S": "a"}, ":from": {"N": "2"}},
    });
    let numbers = |page: &Value| -> Vec<String> {
        page["Items"].as_array().unwrap().iter().map(|item| item["at"]["N"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(numbers(&client.ok("Query", base.clone())), ["2", "3", "4", "5", "6", "7", "8", "9"]);
    let mut backwards = base.clone();
    backwards["ScanIndexForward"] = json!(false);
    backwards["Limit"] = json!(3);
    let first = client.ok("Query", backwards.clone());
    assert_eq!(numbers(&first), ["9", "8", "7"]);
    backwards["ExclusiveStartKey"] = first["LastEvaluatedKey"].clone();
    assert_eq!(numbers(&client.ok("Query", backwards)), ["6", "5", "4"]);
    let mut filtered = base.clone();
    filtered["FilterExpression"] = json!("even = :t");
    filtered["ExpressionAttributeValues"][":t"] = json!({"BOOL": true});
    filtered["ProjectionExpression"] = json!("#a");
    let page = client.ok("Query", filtered.clone());
    assert_eq!(
        (numbers(&page), page["ScannedCount"].as_i64()),
        (vec!["2".into(), "4".into(), "6".into(), "8".into()], Some(8))
    );
    filtered["Select"] = json!("COUNT");
    assert!(client.refused("Query", filtered.clone()).message.contains("choosing to get COUNT"));
    filtered.as_object_mut().unwrap().remove("ProjectionExpression");
    filtered["ExpressionAttributeNames"] = json!({"#a": "at"});
    assert_eq!(client.ok("Query", filtered), json!({"Count": 4, "ScannedCount": 8}));
    for (expression, text) in [
        ("#a >= :from", "Query condition missed key schema element: pk"),
        ("pk > :p", "Query key condition not supported"),
        ("pk = :p AND elsewhere = :from", "Query condition missed key schema element: at"),
        ("pk = :p OR #a = :from", "missed key schema element"),
    ] {
        let mut bad = base.clone();
        bad["KeyConditionExpression"] = json!(expression);
        bad["ExpressionAttributeNames"] = json!({"#a": "at"});
        if !expression.contains("#a") {
            bad.as_object_mut().unwrap().remove("ExpressionAttributeNames");
        }
        bad["ExpressionAttributeValues"] = ["p", "from"]
            .iter()
            .filter(|name| expression.contains(&format!(":{name}")))
            .map(|name| (format!(":{name}"), base["ExpressionAttributeValues"][format!(":{name}")].clone()))
            .collect();
        let error = client.refused("Query", bad);
        assert!(error.message.contains(text), "{expression}: {}", error.message);
    }
}

#[test]
fn a_scan_reads_no_more_than_a_page() {
    let mut client = Client::new();
    for index in 0..6 {
        client.put(&json!({"pk": {"S": format!("k{index}")}, "big": {"S": "x".repeat(300 * 1024)}}));
    }
    let mut input = json!({"TableName": "tab", "ConsistentRead": true});
    let mut sizes = Vec::new();
    loop {
        let page = client.ok("Scan", input.clone());
        sizes.push(page["Count"].as_i64().unwrap());
        match page.get("LastEvaluatedKey") {
            Some(last) => input["ExclusiveStartKey"] = last.clone(),
            None => break,
        }
    }
    assert_eq!(sizes, [4, 2]);
    let parallel: i64 = (0..3)
        .map(|segment| client.ok("Scan", json!({"TableName": "tab", "ConsistentRead": true, "Segment": segment, "TotalSegments": 3, "Select": "COUNT"}))["Count"].as_i64().unwrap())
        .sum();
    assert_eq!(parallel, 6);
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let mut client = Client::new();
    client.put(&sample());
    let transaction = |expected: &str| {
        json!({"TransactItems": [
        {"Put": {"TableName": "log", "Item": {"pk": {"S": "a"}, "at": {"N": "1"}}, "ConditionExpression": "attribute_not_exists(pk)"}},
        {"Update": {"TableName": "tab", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET epoch = :n", "ConditionExpression": "epoch = :e",
            "ExpressionAttributeValues": {":n": {"N": "8"}, ":e": {"N": expected}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
    ], "ClientRequestToken": format!("token-{expected}")})
    };
    let cancelled = client.refused("TransactWriteItems", transaction("6"));
    assert_eq!(cancelled.code, "TransactionCanceledException");
    assert!(cancelled.message.ends_with("[None, ConditionalCheckFailed]"), "{}", cancelled.message);
    assert_eq!(cancelled.members["CancellationReasons"][1]["Item"]["epoch"], json!({"N": "7"}));
    assert_eq!(client.ok("Scan", json!({"TableName": "log", "ConsistentRead": true}))["Count"], 0);
    client.ok("TransactWriteItems", transaction("7"));
    assert_eq!(client.get("a")["epoch"], json!({"N": "8"}));
    // The same token again is the same transaction; with other parameters it is a mistake.
    client.ok("TransactWriteItems", transaction("7"));
    let mut other = transaction("6");
    other["ClientRequestToken"] = json!("token-7");
    assert_eq!(client.refused("TransactWriteItems", other).code, "IdempotentParameterMismatchException");
    let twice = json!({"TransactItems": [
        {"Delete": {"TableName": "tab", "Key": {"pk": {"S": "a"}}}}, {"Delete": {"TableName": "tab", "Key": {"pk": {"S": "a"}}}}]});
    assert!(client.refused("TransactWriteItems", twice).message.contains("multiple operations on one item"));
}

#[test]
fn batches_read_and_write_several_items() {
    let mut client = Client::new();
    let puts: Vec<Value> = ["a", "b"].iter().map(|key| json!({"PutRequest": {"Item": {"pk": {"S": key}}}})).collect();
    assert_eq!(client.ok("BatchWriteItem", json!({"RequestItems": {"tab": puts}})), json!({"UnprocessedItems": {}}));
    let keys = json!([{"pk": {"S": "a"}}, {"pk": {"S": "b"}}, {"pk": {"S": "none"}}]);
    let read = client.ok("BatchGetItem", json!({"RequestItems": {"tab": {"Keys": keys, "ConsistentRead": true}}}));
    assert_eq!(read["Responses"]["tab"].as_array().unwrap().len(), 2);
    assert_eq!(read["UnprocessedKeys"], json!({}));
    let duplicates = json!({"RequestItems": {"tab": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "a"}}]}}});
    assert!(client.refused("BatchGetItem", duplicates).message.contains("contains duplicates"));
}

#[test]
fn only_a_consistent_read_is_sure_to_be_fresh() {
    let mut client = Client::new();
    let (mut stale, mut fresh) = (0, 0);
    for epoch in 1..400 {
        client.put(&json!({"pk": {"S": "a"}, "epoch": {"N": epoch.to_string()}}));
        assert_eq!(client.get("a")["epoch"]["N"], epoch.to_string());
        let eventual = client.ok("GetItem", json!({"TableName": "tab", "Key": {"pk": {"S": "a"}}}));
        if eventual["Item"]["epoch"]["N"] == json!(epoch.to_string()) { fresh += 1 } else { stale += 1 }
    }
    assert!(stale > 10 && fresh > 300, "{stale} stale, {fresh} fresh");
}

#[test]
fn a_protected_table_is_not_deleted() {
    let mut client = Client::new();
    let create = json!({
        "TableName": "ledger", "BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": true,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    });
    assert_eq!(client.ok("CreateTable", create)["TableDescription"]["DeletionProtectionEnabled"], true);
    client.now += Duration::from_mins(1);
    let named = json!({"TableName": "ledger"});
    assert_eq!(client.ok("DescribeTable", named.clone())["Table"]["DeletionProtectionEnabled"], true);
    let refused = client.refused("DeleteTable", named.clone());
    assert!(refused.code == "ValidationException" && refused.message.contains("protected against deletion"));
    assert_eq!(client.ok("DescribeTable", named.clone())["Table"]["TableStatus"], "ACTIVE");
    let off = json!({"TableName": "ledger", "DeletionProtectionEnabled": false});
    assert_eq!(client.ok("UpdateTable", off)["TableDescription"]["DeletionProtectionEnabled"], false);
    client.ok("DeleteTable", named.clone());
    assert_eq!(client.refused("UpdateTable", named).code, "ValidationException");
}

#[test]
fn what_a_table_cannot_have_here_is_refused() {
    let mut client = Client::new();
    for (member, value) in [
        ("SSESpecification", json!({"Enabled": true})),
        ("TableClass", json!("STANDARD_INFREQUENT_ACCESS")),
        ("StreamSpecification", json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"})),
        ("Tags", json!([{"Key": "a", "Value": "b"}])),
        ("GlobalSecondaryIndexes", json!([{"IndexName": "i"}])),
        ("OnDemandThroughput", json!({"MaxReadRequestUnits": 1})),
    ] {
        let mut create = json!({
            "TableName": "other", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        });
        create[member] = value;
        let refused = client.refused("CreateTable", create);
        assert!(refused.code == "UnsupportedOperation" && refused.message.contains(member), "{}", refused.message);
    }
    assert_eq!(client.ok("ListTables", json!({}))["TableNames"], json!(["log", "tab"]));
}

#[test]
fn provisioned_capacity_is_kept_and_shown() {
    let mut client = Client::new();
    let mut create = json!({
        "TableName": "paid", "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 2},
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    });
    let made = client.ok("CreateTable", create.clone())["TableDescription"].clone();
    assert_eq!(
        (&made["ProvisionedThroughput"]["WriteCapacityUnits"], made.get("BillingModeSummary")),
        (&json!(2), None)
    );
    create["TableName"] = json!("free");
    create["BillingMode"] = json!("PAY_PER_REQUEST");
    assert_eq!(client.refused("CreateTable", create).code, "ValidationException");
}

#[test]
fn keys_have_their_longest() {
    let mut client = Client::new();
    let key = |bytes: usize| json!({"S": "x".repeat(bytes)});
    client.put(&json!({"pk": key(2048)}));
    for (operation, member) in [("PutItem", "Item"), ("GetItem", "Key")] {
        let refused = client.refused(operation, json!({"TableName": "tab", member: {"pk": key(2049)}}));
        assert!(refused.code == "ValidationException" && refused.message.contains("2048"), "{}", refused.message);
    }
}

#[test]
fn what_is_selected_and_what_is_projected_agree() {
    let mut client = Client::new();
    client.put(&sample());
    let scan = |more: &Value| {
        let mut input = json!({"TableName": "tab", "ConsistentRead": true});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let specific = scan(&json!({"Select": "SPECIFIC_ATTRIBUTES", "ProjectionExpression": "epoch"}));
    assert_eq!(client.ok("Scan", specific)["Items"], json!([{"epoch": {"N": "7"}}]));
    for more in [
        json!({"Select": "SPECIFIC_ATTRIBUTES"}),
        json!({"Select": "ALL_PROJECTED_ATTRIBUTES"}),
        json!({"Select": "EVERYTHING"}),
        json!({"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "epoch"}),
    ] {
        assert_eq!(client.refused("Scan", scan(&more)).code, "ValidationException", "{more}");
    }
}

#[test]
fn redundant_parentheses_are_refused() {
    let mut client = Client::new();
    client.put(&sample());
    let values = json!({":v": {"N": "8"}});
    for condition in ["(epoch < :v)", "((epoch < :v) AND (epoch < :v))", "NOT (epoch > :v)", "(NOT (epoch > :v))"] {
        assert!(client.holds(condition, &Value::Null, &values), "{condition}");
    }
    for condition in ["((epoch < :v))", "((((epoch < :v))))", "epoch < :v AND ((epoch < :v OR epoch = :v))"] {
        let write = json!({
            "TableName": "tab", "Item": {"pk": {"S": "a"}}, "ConditionExpression": condition, "ExpressionAttributeValues": values,
        });
        let refused = client.refused("PutItem", write);
        assert!(
            refused.message.contains("The expression has redundant parentheses"),
            "{condition}: {}",
            refused.message
        );
    }
}
