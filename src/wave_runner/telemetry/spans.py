"""Spans under ids of our own. Importing this needs `opentelemetry-api`.

Its interface lets nobody choose an id. A tracer of its SDK takes them from an attribute, where ours has one that gives
what it was told. Another SDK makes the ids up: whoever is given one by `traceparent` would look for it in vain, so that
nothing is passed on then.
"""

from __future__ import annotations

import functools
import importlib.metadata
import secrets
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from wave_runner.telemetry import names
from wave_runner.telemetry.places import Place

Attributes = dict[str, str | bool | int | float | Sequence[str]]
NOWHERE = Context()  # beside whatever span the process is in


class Ids:
    """Gives the ids of the place that it was told last. A span is started without a pause in between."""

    place = Place(1, 1)

    def generate_trace_id(self) -> int:
        return self.place.trace_id

    def generate_span_id(self) -> int:
        return self.place.span_id

    def is_trace_id_random(self) -> bool:
        return False  # that is a promise to others, and nobody here needs it


IDS = Ids()


@functools.lru_cache(maxsize=4)
def _tracer_of(provider: trace.TracerProvider) -> Any:
    tracer: Any = provider.get_tracer(names.SCOPE, importlib.metadata.version("wave-runner"))
    if hasattr(tracer, "id_generator"):
        tracer.id_generator = IDS
    return tracer


def _tracer() -> Any:
    """Return the tracer of the provider that the process has now: it may be set after we were imported."""
    return _tracer_of(trace.get_tracer_provider())


def _flags(place: Place) -> TraceFlags | None:
    """Return what the sampler says of a trace as a whole; None where there is no sampler to be asked."""
    sampler = getattr(_tracer(), "sampler", None)
    if sampler is None:
        return None
    sampled = sampler.should_sample(NOWHERE, place.trace_id, names.SCOPE).decision.is_sampled()
    return TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)


def context_of(place: Place) -> SpanContext:
    """Return what a span says of another one, wherever that is started."""
    flags = _flags(place)
    return SpanContext(
        place.trace_id,
        place.span_id,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED) if flags is None else flags,
    )


def header(place: Place) -> str:
    """Return the `traceparent` of a span that will be told under this place; "" where it would not be."""
    flags = _flags(place)
    return "" if flags is None else f"00-{place.trace_id:032x}-{place.span_id:016x}-{flags:02x}"


def told_by(traceparent: str) -> Context:
    """Return what a `traceparent` says of the span that somebody asks in; nowhere, where it is none."""
    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context=NOWHERE)


def answered(name: str, asked_in: Context, *, start_ns: int, attributes: Attributes) -> Span:
    """Start the span of a question that was answered, under ids of its own: below who has asked, or as a root."""
    IDS.place = Place(secrets.randbits(128) or 1, secrets.randbits(64) or 1)
    span: Span = _tracer().start_span(
        name, context=asked_in, kind=SpanKind.SERVER, attributes=attributes, start_time=start_ns
    )
    return span


def started(
    name: str,
    place: Place,
    *,
    start_ns: int,
    attributes: Attributes,
    parent: Place | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[Place] = (),
) -> Span:
    """Start a span at its place, below its parent, or as a root."""
    context = NOWHERE if parent is None else set_span_in_context(NonRecordingSpan(context_of(parent)), NOWHERE)
    IDS.place = place
    span: Span = _tracer().start_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=[Link(context_of(one)) for one in links],
        start_time=start_ns,
    )
    return span
