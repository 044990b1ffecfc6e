"""What a process tells whoever listens by OpenTelemetry: a span for each attempt of a model, and measurements.

Nothing of OpenTelemetry is imported here, nor needed: it is told only where somebody has brought it into the process.
"""

from wave_runner.telemetry.tell import Endpoint, Inference, is_on, tell_inference, tell_load, tell_wave

__all__ = ["Endpoint", "Inference", "is_on", "tell_inference", "tell_load", "tell_wave"]
