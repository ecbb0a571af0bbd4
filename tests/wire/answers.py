"""Holds answers to AWS's own service models: unknown and missing members, types, enumerations.

botocore's parsers skip what they do not know. Here the raw body is walked instead, in each of the protocols.
"""

import datetime
import json
import re
import xml.etree.ElementTree

import botocore.parsers

TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
WHOLE = re.compile(r"^-?\d+$")
METADATA = {"ResponseMetadata", "RequestId", "requestId"}
"""What the query protocols put around every answer."""


class Faults:
    """What is wrong with one answer."""

    def __init__(self, operation):
        self.operation, self.found = operation, []

    def add(self, path, text):
        self.found.append(f"{self.operation}: {'.'.join(path) or 'the answer'} {text}")

    def required(self, shape, present, path):
        for name in shape.required_members:
            if name not in present:
                self.add(path, f"lacks {name}")

    def enumeration(self, shape, value, path):
        if shape.enum and value not in shape.enum:
            self.add(path, f"is {value!r}, which is none of {shape.enum}")


# --- JSON and CBOR: values with types --------------------------------------------------------------------------------

TYPES = {
    "string": str,
    "character": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "float": (int, float),
    "double": (int, float),
    "structure": dict,
    "map": dict,
    "list": list,
}


def check_value(faults, shape, value, path, binary):
    """One value of JSON or (`binary`) CBOR."""
    kind = shape.type_name
    wanted = TYPES.get(kind, (bytes if binary else str) if kind == "blob" else (datetime.datetime if binary else (int, float)))
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        return faults.add(path, f"is {value!r}, which is no {kind}")
    if kind == "structure":
        check_members(faults, shape, value, path, binary)
    elif kind == "list":
        for element in value:
            check_value(faults, shape.member, element, path + ["[]"], binary)
    elif kind == "map":
        for key, element in value.items():
            check_value(faults, shape.key, key, path + ["key"], binary)
            check_value(faults, shape.value, element, path + [key], binary)
    elif kind == "string":
        faults.enumeration(shape, value, path)


def check_members(faults, shape, value, path, binary):
    names = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    present = set()
    for name, element in value.items():
        if name not in names:
            faults.add(path + [name], "is unknown to the model")
        elif element is None:
            faults.add(path + [name], "is null")
        else:
            present.add(names[name][0])
            check_value(faults, names[name][1], element, path + [name], binary)
    faults.required(shape, present, path)


# --- XML: elements ---------------------------------------------------------------------------------------------------


def tag(element):
    return element.tag.rsplit("}", 1)[-1]


def check_element(faults, shape, element, path):
    """One element of XML."""
    kind, text = shape.type_name, element.text or ""
    if kind in ("structure", "list", "map"):
        if text.strip():
            faults.add(path, f"has the text {text!r}")
        return {"structure": check_children, "list": check_list, "map": check_map}[kind](faults, shape, element, path)
    if len(element):
        return faults.add(path, f"has elements, and is a {kind}")
    if kind in ("integer", "long"):
        fits = WHOLE.match(text)
    elif kind in ("float", "double"):
        fits = re.match(r"^-?\d+(\.\d+)?([eE]-?\d+)?$", text)
    elif kind == "boolean":
        fits = text in ("true", "false")
    elif kind == "timestamp":
        fits = TIMESTAMP.match(text)
    else:
        fits = True
        faults.enumeration(shape, text, path)
    if not fits:
        faults.add(path, f"is {text!r}, which is no {kind}")
    return None


def check_list(faults, shape, element, path):
    wanted = shape.member.serialization.get("name", "member")
    for child in element:
        if tag(child) != wanted:
            faults.add(path + [tag(child)], f"is in a list of {wanted}")
        else:
            check_element(faults, shape.member, child, path + ["[]"])


def check_map(faults, shape, element, path):
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    for entry in element:
        if tag(entry) != "entry" or [tag(child) for child in entry] != [key_name, value_name]:
            faults.add(path + [tag(entry)], "is no entry of a map")
            continue
        check_element(faults, shape.key, entry[0], path + ["key"])
        check_element(faults, shape.value, entry[1], path + [entry[0].text or ""])


def check_children(faults, shape, element, path, around=frozenset()):
    names, flattened = {}, {}
    for name, member in shape.members.items():
        # A flattened list has no element of its own: its members carry its name, or their own.
        if member.type_name == "list" and member.serialization.get("flattened"):
            own = member.serialization.get("name", member.member.serialization.get("name", name))
            flattened[own] = (name, member)
        else:
            names[member.serialization.get("name", name)] = (name, member)
    present = set()
    for child in element:
        found = tag(child)
        if found in flattened:
            name, member = flattened[found]
            check_element(faults, member.member, child, path + [found])
        elif found in names:
            name, member = names[found]
            if name in present:
                faults.add(path + [found], "comes twice")
            check_element(faults, member, child, path + [found])
        else:
            if found not in around:
                faults.add(path + [found], "is unknown to the model")
            continue
        present.add(name)
    faults.required(shape, present, path)


def check_xml(faults, operation, shape, body, wrapper):
    root = xml.etree.ElementTree.fromstring(body)
    if tag(root) != f"{operation}Response":
        faults.add([tag(root)], f"is not {operation}Response")
    if wrapper is None:
        return check_children(faults, shape, root, [], METADATA) if shape else check_empty(faults, root)
    results = [child for child in root if tag(child) == wrapper]
    for child in root:
        if tag(child) not in METADATA | {wrapper}:
            faults.add([tag(child)], "is unknown to the model")
    if len(results) != 1:
        return faults.add([wrapper], f"comes {len(results)} times")
    return check_children(faults, shape, results[0], [])


def check_empty(faults, root):
    for child in root:
        # EC2's operations without an output answer so.
        if tag(child) not in METADATA | {"return"}:
            faults.add([tag(child)], "is unknown to the model")


# --- in the clients --------------------------------------------------------------------------------------------------


def check_answer(operation_model, status, body, cbor=None):
    """What is wrong with an answer of the operation; nothing for errors, which have no shape to be held to."""
    faults = Faults(f"{operation_model.service_model.service_name} {operation_model.name}")
    if status >= 300:
        return faults.found
    shape = operation_model.output_shape
    protocol = operation_model.service_model.resolved_protocol
    if protocol in ("query", "ec2"):
        wrapper = (shape.serialization.get("resultWrapper") if shape else None) if protocol == "query" else None
        check_xml(faults, operation_model.name, shape, body, wrapper)
    elif body or shape:
        value = cbor(body) if protocol == "smithy-rpc-v2-cbor" else json.loads(body or b"{}")
        if shape is None:
            if value:
                faults.add([], f"is {value!r}, and the operation has none")
        else:
            check_value(faults, shape, value or {}, [], cbor is not None and protocol == "smithy-rpc-v2-cbor")
    return faults.found


def read_cbor(body):
    if not body:
        return {}
    parser = botocore.parsers.RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
