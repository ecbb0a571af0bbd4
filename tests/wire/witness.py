"""Watches what the clients ask and what they get: every answer is held to AWS's models, and what was answered is noted."""

import threading

import answers
from models import model, wire_name


class Witness:
    """What was seen at the clients of one session or several."""

    def __init__(self):
        self.lock = threading.Lock()
        self.faults = {}
        """What was wrong with answers, with how often."""
        self.answered = {}
        """Of every (service, operation) that was answered without an error: the paths of all parameters that were sent with it."""

    def watch(self, events):
        events.register("before-parse", self._answer)
        events.register_last("before-parameter-build", self._asked)
        events.register("after-call", self._done)

    def _answer(self, operation_model, response_dict, **_):
        found = answers.check_answer(operation_model, response_dict["status_code"], response_dict["body"], answers.read_cbor)
        with self.lock:
            for fault in found:
                self.faults[fault] = self.faults.get(fault, 0) + 1

    def _asked(self, params, model, context, **_):
        context["asked"] = paths(model, params)

    def _done(self, http_response, parsed, model, context, **_):
        key = (model.service_model.service_name, model.name)
        with self.lock:
            if http_response.status_code < 300:
                self.answered.setdefault(key, set()).update(context.get("asked", ()))
            elif parsed.get("Error", {}).get("Code") == "DryRunOperation" and key in self.answered:
                # The one answer that a dry run has.
                self.answered[key].add("DryRun")


def paths(operation_model, params):
    """The paths of all that is in a request, as requests name it."""
    protocol = model(operation_model.service_model.service_name).metadata["protocol"]
    found = set()

    def walk(shape, value, above):
        if shape.type_name == "structure":
            for name, element in value.items():
                path = above + [wire_name(protocol, name, shape.members[name])]
                found.add(".".join(path))
                walk(shape.members[name], element, path)
        elif shape.type_name == "list":
            for element in value:
                walk(shape.member, element, above)
        elif shape.type_name == "map":
            for element in value.values():
                walk(shape.value, element, above)

    if operation_model.input_shape is not None:
        walk(operation_model.input_shape, params, [])
    return found
