#!/usr/bin/env python3
"""Does a served region refuse what it does not model? Every operation and every member of AWS's own service models is tried.

    model_walk.py ENDPOINT_URL

The region's tables (`GET /_region/operations`) say which operations and parameters it answers. All else has to be refused, by name, with
UnsupportedOperation, in the envelope of the protocol. One line per check, a total at the end, exit status 1 if any failed.
"""

import concurrent.futures
import re
import sys
import time

import models
import raw
from tables import read_tables

THREADS = 8
SHOWN = 20
UNSUPPORTED = "UnsupportedOperation"


class Walk:
    def __init__(self, endpoint):
        self.tables = read_tables(endpoint)
        self.sender = raw.Sender(endpoint)

    def each_operation(self):
        """(service, operation, its table) of all that is answered."""
        for service, operations in self.tables.items():
            for operation, table in operations.items():
                yield service, operation, table

    def call(self, service, operation, params, **more):
        return self.sender.call(raw.operation(service, operation), params, **more)

    def all(self, tries):
        """What the tries complain of, and how many there were; each is called in one of several threads."""
        tries = list(tries)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            found = [complaint for complaint in pool.map(lambda each: each(), tries) if complaint]
        return found, len(tries)


def protocols(service):
    """CloudWatch is asked in all three of its protocols."""
    return models.model(service).metadata.get("protocols") or [models.model(service).metadata["protocol"]]


def names_unknown(walk):
    """Entries of the tables that are in no model."""
    found, tried = [], 0
    for service, operation, table in walk.each_operation():
        if operation not in models.model(service).operation_names:
            found.append(f"{service} has no operation {operation}")
            continue
        known = {member.path for member in models.members(service, operation)}
        found += [f"{service} {operation} has no parameter {path}" for path in table.rows if path not in known]
        tried += len(table.rows)
    return found, tried


def carried(member, protocol):
    """Whether a request can carry the member itself: forms have no empty structures."""
    return protocol not in ("ec2", "query") or models.is_leaf(member.shape)


REFUSED = re.compile(r"^The parameter (\S+) of (\S+) is unknown or not modelled")


def refused_parameter(code, message):
    """The path of the parameter that a refusal is about, without the marks of lists and maps."""
    match = REFUSED.match(message or "")
    return match.group(1).replace("[]", "").replace("{}", "") if match and code == UNSUPPORTED else None


def try_member(walk, service, operation, member, table, protocol):
    params = models.request(service, operation, member, table.value_of)
    status, code, message = walk.call(service, operation, params, protocol=protocol)
    what = f"{service} {operation} {member.path} ({protocol})"
    refused = refused_parameter(code, message)
    above = [".".join(member.wire_names[: depth + 1]) for depth in range(len(member.wire_names))]
    outside = [path for path in above if not table.covers(path)]
    if outside:
        right = 400 <= status < 500 and refused in outside and operation in message
        return None if right else f"{what} is not in the table, but answered with {status} {code}: {message}"
    return f"{what} is in the table, but refused: {message}" if refused == member.path else None


def named(path, message):
    """Whether a message names this, and not something whose name contains it."""
    return path in {word.strip("'\"`,.:;()") for word in message.split()}


def members_outside(walk):
    """Members that are in no table and are not refused by name, or are in one and are refused."""
    tries = []
    for service, operation, table in walk.each_operation():
        for protocol in protocols(service):
            for member in models.members(service, operation):
                if carried(member, protocol):
                    arguments = (walk, service, operation, member, table, protocol)
                    tries.append(lambda arguments=arguments: try_member(*arguments))
    return walk.all(tries)


def try_operation(walk, service, operation, protocol):
    status, code, message = walk.call(service, operation, models.request(service, operation), protocol=protocol)
    if code == UNSUPPORTED and 400 <= status < 500 and named(operation, message):
        return None
    return f"{service} {operation} ({protocol}) is in no table, but answered with {status} {code}: {message}"


def operations_outside(walk):
    """Operations of the models that are in no table."""
    tries = []
    for service in models.SERVICES:
        outside = [name for name in models.model(service).operation_names if name not in walk.tables[service]]
        for operation in outside + ["MakeCoffee"]:
            for protocol in protocols(service):
                if operation == "MakeCoffee":
                    arguments = (walk, service, protocol)
                    tries.append(lambda arguments=arguments: try_made_up(*arguments))
                else:
                    arguments = (walk, service, operation, protocol)
                    tries.append(lambda arguments=arguments: try_operation(*arguments))
    return walk.all(tries)


def try_made_up(walk, service, protocol):
    """An operation that no model has: a real one under another name."""
    real = raw.operation(service, models.model(service).operation_names[0])
    model = type(real)(real._operation_model, real.service_model, "MakeCoffee")
    model._operation_model = {**real._operation_model, "name": "MakeCoffee"}
    _, code, message = walk.sender.call(model, {}, protocol=protocol)
    return None if code == UNSUPPORTED and "MakeCoffee" in message else f"{service} MakeCoffee ({protocol}): {code} {message}"


OTHERS = [
    ("sqs", "ListQueues"),
    ("kms", "ListKeys"),
    ("events", "ListRules"),
    ("iam", "ListRoles"),
    ("elbv2", "DescribeLoadBalancers"),
    ("cloudformation", "ListStacks"),
    ("lambda", "ListFunctions"),
    ("scheduler", "ListSchedules"),
    ("s3", "ListBuckets"),
    ("route53", "ListHostedZones"),
]
"""Services that a region has not, of every protocol."""


def services_outside(walk):
    def refused(service, operation):
        status, code, message = walk.call(service, operation, {})
        if code == UNSUPPORTED and 400 <= status < 500 and models.model(service).signing_name in message:
            return None
        return f"{service} {operation} is of no service here, but answered with {status} {code}: {message}"

    return walk.all([lambda pair=pair: refused(*pair) for pair in OTHERS])


def regions_outside(walk):
    def refused(service, operation, protocol):
        status, code, message = walk.call(service, operation, models.request(service, operation), protocol=protocol, region="us-east-1")
        if code and 400 <= status < 500 and raw.REGION in message and "us-east-1" in message:
            return None
        return f"{service} {operation} ({protocol}) for us-east-1 is answered with {status} {code}: {message}"

    pairs = [
        (service, next(iter(walk.tables[service])), protocol) for service in models.SERVICES for protocol in protocols(service)
    ]
    return walk.all([lambda pair=pair: refused(*pair) for pair in pairs])


def filters_outside(walk):
    """EC2's filters: a name that the region does not know is refused by that name, whatever else the request says."""

    def refused(operation):
        params = {"Filters": [{"Name": "favourite-colour", "Values": ["blue"]}]}
        status, code, message = walk.call("ec2", operation, {**models.request("ec2", operation), **params})
        if code == UNSUPPORTED and 400 <= status < 500 and "favourite-colour" in message:
            return None
        return f"ec2 {operation} with an unknown filter is answered with {status} {code}: {message}"

    filtered = [operation for operation, table in walk.tables["ec2"].items() if table.covers("Filter.Name")]
    return walk.all([lambda operation=operation: refused(operation) for operation in filtered])


CHECKS = [
    ("every entry of the tables is in AWS's models", names_unknown, 300),
    ("every member outside the tables is refused by name, and none inside", members_outside, 1500),
    ("every operation outside the tables is refused", operations_outside, 1000),
    ("every other service is refused in its protocol", services_outside, len(OTHERS)),
    ("credentials for another region are refused", regions_outside, len(models.SERVICES)),
    ("EC2's filters that are not known are refused by name", filters_outside, 8),
]
"""Each with the least number of things that it has to try: a walk over nothing shows nothing."""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    walk = Walk(sys.argv[1].rstrip("/"))
    passed = 0
    for name, check, least in CHECKS:
        began = time.monotonic()
        found, tried = check(walk)
        if tried < least:
            found = [f"only {tried} things were tried", *found]
        passed += not found
        print(f"{'FAILED ' if found else 'ok     '} {name}: {tried} tried ({time.monotonic() - began:.1f} s)", flush=True)
        for complaint in found[:SHOWN]:
            print(f"        {complaint}")
        if len(found) > SHOWN:
            print(f"        and {len(found) - SHOWN} more")
    print(f"{passed} passed, {len(CHECKS) - passed} failed")
    sys.exit(0 if passed == len(CHECKS) else 1)


if __name__ == "__main__":
    main()
