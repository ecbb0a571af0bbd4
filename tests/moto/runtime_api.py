"""Lambda's Runtime API for one process of a function: hands it events, takes its answers.

As AWS documents it (runtimes-api): GET .../invocation/next waits for an event, POST .../invocation/ID/response or .../error ends it.
"""

import json
import os
import queue
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "/2018-06-01/runtime"


class Function:
    """A function's process, behind the Runtime API on a loopback port of its own."""

    def __init__(self, program, environment, timeout_seconds, log_path):
        self.timeout_seconds = timeout_seconds
        self.events = queue.Queue()
        self.outcomes = queue.Queue()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lambdas_own = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "failover",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/failover",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"2026/01/05/[$LATEST]{uuid.uuid4().hex}",
            "_HANDLER": "bootstrap",
        }
        self.log = open(log_path, "wb")
        self.process = subprocess.Popen(
            [program], env={**lambdas_own, **environment}, stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL
        )
        self.printed = []
        threading.Thread(target=self._read_output, daemon=True).start()

    def invoke(self, event, request_id=None):
        """What came of an event: ("response", payload) or ("error", {errorType, errorMessage})."""
        self.events.put((request_id or str(uuid.uuid4()), event))
        began = time.monotonic()
        while time.monotonic() - began < self.timeout_seconds:
            try:
                return self.outcomes.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise AssertionError(f"the function ended with {self.process.returncode} instead of answering") from None
        raise AssertionError(f"the function did not answer within {self.timeout_seconds} s")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()
        self.log.close()

    def _read_output(self):
        for line in self.process.stdout:
            self.printed.append(line.decode().rstrip("\n"))

    def _handler(function):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path != f"{VERSION}/invocation/next":
                    return self._answer(404, b"{}")
                request_id, event = function.events.get()
                deadline_ms = int((time.time() + function.timeout_seconds) * 1000)
                headers = {
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:failover",
                    "Lambda-Runtime-Trace-Id": "Root=1-5e1b4151-5ac6c58dc39a6c7a4a1e3c3e;Sampled=0",
                }
                self._answer(200, json.dumps(event).encode(), headers)

            def do_POST(self):
                body = self._body()
                kind = self.path.rsplit("/", 1)[-1]
                if kind not in ("response", "error"):
                    return self._answer(404, b"{}")
                function.outcomes.put((kind, json.loads(body or b"null")))
                self._answer(202, b'{"status":"OK"}')

            def _body(self):
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                chunks = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(chunks)

            def _answer(self, status, body, headers=None):
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
