"""A process that takes what OpenTelemetry exports by OTLP over HTTP, and writes down what it gets.

    python -m tests.support.otlp_receiver LOG

Each span and each metric is a line of LOG, read by the protocol's own messages. The port is printed when it listens.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.listener import Handler, Listener, listen


class OTLPReceiver(Listener):
    """Runs the receiver as a process while the block lasts; `url` is the endpoint of all signals."""

    module = "tests.support.otlp_receiver"

    def told(self, what: str) -> list[dict[str, Any]]:
        """Return the spans ("span") or metrics ("metric") that have come."""
        return [one for one in self.lines() if one["what"] == what]

    @property
    def environment(self) -> dict[str, str]:
        """Return what has a process tell this receiver, soon after it happens."""
        return {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "20",
        }


def starting(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Start `opentelemetry-instrument wave …` on a project; it tells the console, unless it is said otherwise."""
    bin = Path(sys.executable).parent
    command = [bin / "opentelemetry-instrument", bin / "wave", "--project", folder, *words]
    told = {**os.environ, "OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console", **environment}
    # Those that are found beside it look for packages that are not there.
    told |= {"OTEL_LOGS_EXPORTER": "none", "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def instrumented(folder: Path, *words: str, **environment: str) -> str:
    """Return what such a command prints when it has ended well."""
    with starting(folder, *words, **environment) as process:
        said, trouble = process.communicate(timeout=60)
    assert process.returncode == 0, trouble
    return said


class _Handler(Handler):
    def do_POST(self) -> None:
        body = self.body()
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.note(_spans(body) if self.path == "/v1/traces" else _metrics(body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()


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
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "links": [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                    "failed": span.status.code == 2,
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


if __name__ == "__main__":
    listen(_Handler, *sys.argv[1:])
