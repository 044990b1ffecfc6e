"""What a process tells whoever listens by OpenTelemetry: a trace of each record, and of each wave, and measurements.

Nothing of OpenTelemetry is imported here, nor needed: it is told only where somebody has brought it into the process.
"""

from wave_runner.telemetry.places import Attempt
from wave_runner.telemetry.tell import (
    Endpoint,
    Inference,
    Question,
    is_on,
    tell_attempt,
    tell_done_wave,
    tell_flow,
    tell_inference,
    tell_load,
    tell_question,
    tell_wave,
    traceparent,
)

__all__ = [
    "Attempt",
    "Endpoint",
    "Inference",
    "Question",
    "is_on",
    "tell_attempt",
    "tell_done_wave",
    "tell_flow",
    "tell_inference",
    "tell_load",
    "tell_question",
    "tell_wave",
    "traceparent",
]
