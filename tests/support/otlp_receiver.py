"""A process that takes what OpenTelemetry exports by OTLP over HTTP, and writes down what it gets.

    python -m tests.support.otlp_receiver LOG

Each span and each metric is a line of LOG, read by the protocol's own messages. The port is printed when it listens.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any


class OTLPReceiver:
    """Runs the receiver as a process while the block lasts; `url` is the endpoint of all signals."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "told.jsonl"
        self._log.touch()

    def told(self, what: str) -> list[dict[str, Any]]:
        """Return the spans ("span") or metrics ("metric") that have come."""
        found = [json.loads(line) for line in self._log.read_text("utf-8").splitlines()]
        return [one for one in found if one["what"] == what]

    def __enter__(self) -> OTLPReceiver:
        command = [sys.executable, "-m", "tests.support.otlp_receiver", str(self._log)]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class _Handler(BaseHTTPRequestHandler):
    log: Path
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        with self.lock, self.log.open("a", encoding="utf-8") as log:
            for one in _spans(body) if self.path == "/v1/traces" else _metrics(body):
                log.write(json.dumps(one) + "\n")
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _spans(body: bytes) -> Iterator[dict[str, Any]]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _attributes(resource.resource.attributes).get("service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "what": "span",
                    "service": service,
                    "scope": scope.scope.name,
                    "name": span.name,
                    "kind": span.kind,
                    "ns": span.end_time_unix_nano - span.start_time_unix_nano,
                    "attributes": _attributes(span.attributes),
                }


def _metrics(body: bytes) -> Iterator[dict[str, Any]]:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield {"what": "metric", "scope": scope.scope.name, "name": metric.name, "unit": metric.unit}


def _attributes(given: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in given if _is_plain(one.value)}


def _is_plain(value: Any) -> bool:
    return value.WhichOneof("value") in {"string_value", "int_value", "double_value", "bool_value"}


def _main(log: str) -> None:
    _Handler.log = Path(log)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
