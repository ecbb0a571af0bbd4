"""Requests as botocore writes them, sent without a client: no validation, no signature, no second try unless throttled."""

import http.client
import threading
import time
import urllib.parse

import botocore.parsers
import botocore.serialize

from answers import read_cbor
from models import model

REGION = "eu-central-1"
THROTTLED = {"RequestLimitExceeded", "Throttling", "ThrottlingException"}
MOST_TRIES = 200


class Sender:
    """One connection a thread to a served region."""

    def __init__(self, endpoint):
        self.netloc = urllib.parse.urlsplit(endpoint).netloc
        self.local = threading.local()

    def send(self, method, path, headers, body):
        """Status, headers and body."""
        for last_try in (False, True):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = self.local.connection = http.client.HTTPConnection(self.netloc, timeout=30)
            try:
                connection.request(method, path, body=body, headers=headers)
                response = connection.getresponse()
                return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                self.local.connection = None
                if last_try:
                    raise

    def call(self, operation_model, params, protocol=None, region=REGION):
        """The status and the error (code and message; both None for an answer) of a call, as botocore's parser understands it."""
        protocol = protocol or operation_model.service_model.metadata["protocol"]
        serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        written = serializer.serialize_to_request(params, operation_model)
        body = written["body"]
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
        if isinstance(body, str):
            body = body.encode()
        signing_name = operation_model.service_model.signing_name
        headers = {**written["headers"], "Authorization": credential(signing_name, region)}
        path = written["url_path"]
        if written["query_string"]:
            path += "?" + urllib.parse.urlencode(written["query_string"])
        for _ in range(MOST_TRIES):
            status, got_headers, got = self.send(written["method"], path, headers, body)
            code, message = understand(protocol, status, got_headers, got)
            if code not in THROTTLED:
                return status, code, message
            time.sleep(0.02)
        raise AssertionError(f"{operation_model.name} is throttled for ever")


def credential(signing_name, region):
    scope = f"AKIAWIRETRUTH/20260101/{region}/{signing_name}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def understand(protocol, status, headers, body):
    """The code and message of an error; None, None if it is none."""
    if status < 300:
        return None, None
    response = {"status_code": status, "headers": headers, "body": body, "context": {"operation_name": "any"}}
    error = botocore.parsers.create_parser(protocol).parse(response, None)["Error"]
    if protocol == "smithy-rpc-v2-cbor":
        # botocore's parser prefers the code of the old protocol; the type itself has to be there too.
        read_cbor(body)
    return error.get("Code"), error.get("Message") or ""


def operation(service, name):
    return model(service).operation_model(name)
