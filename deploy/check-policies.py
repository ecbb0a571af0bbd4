#!/usr/bin/env python3
"""Do the policies allow exactly the calls that the controller and the boot agent make?

Reads the calls out of controller/aws/src and compares them with template.yaml and policies/*.json. A call that no policy allows would
fail in the middle of a failover; an action that nobody calls is a permission too many. Needs nothing but Python 3.
"""

import json
import pathlib
import re
import sys

DEPLOY = pathlib.Path(__file__).resolve().parent
CALLS = DEPLOY.parent / "controller" / "aws" / "src"

# The accessors of controller/aws/src/clients.rs, and the service prefix of their actions.
CLIENTS = {
    "autoscaling": "autoscaling",
    "autoscaling_effects": "autoscaling",
    "ec2": "ec2",
    "ec2_effects": "ec2",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "sns": "sns",
    "ssm": "ssm",
}
CALL = re.compile(r"\.(" + "|".join(CLIENTS) + r")\(\)\s*\.([a-z_]+)\(\)")

# Calls that only some hosts make.
ONLY_COMMAND_LINE = {"ssm:PutParameter", "dynamodb:CreateTable", "dynamodb:DescribeTable", "autoscaling:CreateOrUpdateTags"}
ONLY_AGENT = {"autoscaling:DescribeAutoScalingInstances", "ec2:DisassociateAddress"}
ONLY_FUNCTION = {"ec2:DescribeTags", "autoscaling:DescribeTags"}
# What the boot agent calls: with a ledger, and standalone (only the latter has a source file of its own).
AGENT = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "ssm:GetParameter"}
STANDALONE = {"ssm:GetParameter"}
STANDALONE_SOURCE = "claim.rs"
READS = ("Describe", "Get", "Query")

# Not calls of the controller: Lambda's own, and EC2's calls of KMS in the caller's name.
LAMBDA_ITSELF = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
KMS = {
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}


def calls(sources: str) -> set[str]:
    """Every call in the sources, as an IAM action."""
    found = set()
    for path in CALLS.rglob(sources):
        for client, call in CALL.findall(path.read_text(encoding="utf-8")):
            found.add(f"{CLIENTS[client]}:" + "".join(word.capitalize() for word in call.split("_")))
    return found


def is_read(action: str) -> bool:
    """Whether an action changes nothing."""
    return action.split(":")[1].startswith(READS)


def of_template() -> set[str]:
    """The actions of the function's role: the template is read as text, since its YAML has CloudFormation's own tags."""
    text = (DEPLOY / "template.yaml").read_text(encoding="utf-8")
    role = text.split("\n  FunctionRole:\n", 1)[1].split("\n  Function:\n", 1)[0]
    lines = (line for line in role.splitlines() if not line.lstrip().startswith("#"))
    action = re.compile(r"^\s+(?:- |Action: )([a-z0-9]+:[A-Z]\w+)$")
    return {match[1] for line in lines if (match := action.match(line))}


def of_policy(name: str) -> set[str]:
    """The actions of a policy document."""
    document = json.loads((DEPLOY / "policies" / name).read_text(encoding="utf-8"))
    actions = set()
    for statement in document["Statement"]:
        action = statement["Action"]
        actions |= {action} if isinstance(action, str) else set(action)
    return actions


def main() -> int:
    standalone = calls(STANDALONE_SOURCE) | STANDALONE
    every = calls("*.rs")
    # What only the agent calls is not the controller's to be allowed.
    made = every - ONLY_AGENT
    if len(made) < 10 or not (AGENT | standalone | ONLY_AGENT) <= every:
        print(f"only {len(made)} calls were found in {CALLS}: the sources are not written as this check expects", file=sys.stderr)
        return 1
    command_line = made - ONLY_FUNCTION
    expected = {
        "template.yaml": (of_template(), (made - ONLY_COMMAND_LINE) | LAMBDA_ITSELF | KMS | {"sts:AssumeRole"}),
        "policies/operator.json": (of_policy("operator.json"), command_line | KMS),
        "policies/agent.json": (of_policy("agent.json"), AGENT),
        "policies/agent-standalone.json": (of_policy("agent-standalone.json"), standalone),
        "policies/viewer.json": (of_policy("viewer.json"), {call for call in command_line if is_read(call)} - ONLY_COMMAND_LINE),
    }
    wrong = False
    for name, (allowed, needed) in expected.items():
        for what, actions in (("does not allow", needed - allowed), ("allows for nothing", allowed - needed)):
            if actions:
                wrong = True
                print(f"deploy/{name} {what}: {', '.join(sorted(actions))}", file=sys.stderr)
    if not wrong:
        print(f"{len(every)} calls; the policies allow these and no others")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
