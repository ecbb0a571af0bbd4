"""AWS's own service models, as botocore ships them: the members of every operation's input, and requests that carry one."""

import datetime

import botocore.session

SERVICES = ["ec2", "autoscaling", "cloudwatch", "dynamodb", "ssm", "sns", "sts"]
"""The services that a region answers, by botocore's names."""

SESSION = botocore.session.get_session()
_MODELS = {}


def model(service):
    if service not in _MODELS:
        _MODELS[service] = SESSION.get_service_model(service)
    return _MODELS[service]


def wire_name(protocol, member, shape):
    """What a member of a structure is called in a request."""
    serialization = shape.serialization
    if protocol == "ec2":
        if "queryName" in serialization:
            return serialization["queryName"]
        name = serialization.get("name", member)
        return name[0].upper() + name[1:]
    return serialization.get("name", member)


class Member:
    """One member of an operation's input, at any depth."""

    def __init__(self, names, wire_names, shape, recurs):
        self.names, self.wire_names, self.shape, self.recurs = names, wire_names, shape, recurs

    @property
    def path(self):
        """The way to it in a request, without the positions in lists and the keys of maps: `BlockDeviceMapping.Ebs.Iops`."""
        return ".".join(self.wire_names)


def members(service, operation):
    """All members of an operation's input. A shape that contains itself is followed once."""
    protocol = model(service).metadata["protocol"]
    found = []

    def walk(shape, names, wire_names, above):
        if shape.type_name == "list":
            walk(shape.member, names, wire_names, above)
        elif shape.type_name == "map":
            walk(shape.value, names, wire_names, above)
        elif shape.type_name == "structure" and shape.name not in above:
            for name, member in shape.members.items():
                wire = wire_names + [wire_name(protocol, name, member)]
                recurs = innermost(member).name in above | {shape.name}
                found.append(Member(names + [name], wire, member, recurs))
                walk(member, names + [name], wire, above | {shape.name})

    shape = model(service).operation_model(operation).input_shape
    if shape is not None:
        walk(shape, [], [], frozenset())
    return found


def innermost(shape):
    """The shape of the elements, if it is a list or a map of something."""
    while shape.type_name in ("list", "map"):
        shape = shape.member if shape.type_name == "list" else shape.value
    return shape


def is_leaf(shape):
    """Whether a form can carry it: it writes nothing for a structure without members."""
    return innermost(shape).type_name != "structure"


SCALARS = {
    "boolean": True,
    "float": 1.0,
    "double": 1.0,
    "timestamp": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
    "blob": b"x",
}


def sample(shape, wanted=(), value_of=lambda path: None, protocol=None, path=(), above=()):
    """A small value of the shape: the required members, and those on the way to the wanted one. `value_of` may know a value for a path."""
    kind = shape.type_name
    further = dict(value_of=value_of, protocol=protocol)
    if kind == "structure":
        names = [] if shape.name in above else list(shape.required_members)
        if wanted and wanted[0] not in names:
            names.append(wanted[0])
        made = {}
        for name in names:
            member, rest = shape.members[name], wanted[1:] if wanted and name == wanted[0] else ()
            below = (*path, wire_name(protocol, name, member))
            made[name] = sample(member, rest, path=below, above=(*above, shape.name), **further)
        return made
    if kind == "list":
        return [sample(shape.member, wanted, path=path, above=above, **further)]
    if kind == "map":
        return {sample(shape.key): sample(shape.value, wanted, path=path, above=above, **further)}
    return scalar(shape, value_of(".".join(path)))


def scalar(shape, known):
    kind = shape.type_name
    if known is not None:
        return {"boolean": lambda: known == "true", "integer": lambda: int(known), "long": lambda: int(known)}.get(kind, lambda: known)()
    if kind in ("integer", "long"):
        return max(1, int(shape.metadata.get("min", 1)))
    if kind in SCALARS:
        return SCALARS[kind]
    return (shape.enum or ["x" * max(1, int(shape.metadata.get("min", 1)))])[0]


def request(service, operation, member=None, value_of=lambda path: None):
    """The parameters of a request with what is required, and with this member."""
    shape = model(service).operation_model(operation).input_shape
    if shape is None:
        return {}
    return sample(shape, tuple(member.names) if member else (), value_of, model(service).metadata["protocol"])
