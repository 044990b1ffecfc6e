"""Every name that OpenTelemetry hears from us.

Those of `gen_ai.*` are the semantic conventions for generative AI, v0.1.0, which are still in development: a name that
changes there changes here, and nowhere else. Those of `wave_runner.*` are ours, and stay.
"""

from __future__ import annotations

from typing import NamedTuple

SCOPE = "wave_runner"

# ─── attributes ──────────────────────────────────────────────────────────────────────────────────────────────────────

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
OUTPUT_TYPE = "gen_ai.output.type"
PROMPT_NAME = "gen_ai.prompt.name"
PROMPT_VERSION = "gen_ai.prompt.version"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
MODALITY = "gen_ai.token.modality"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"

REQUEST_OPTIONS = {
    "temperature": "gen_ai.request.temperature",
    "seed": "gen_ai.request.seed",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "stop": "gen_ai.request.stop_sequences",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
}
"""The attribute of each option of `[models.NAME]` that has one."""

RUN = "wave_runner.run.id"
WORKFLOW = "wave_runner.workflow.name"
STEP = "wave_runner.step.name"
ACTOR = "wave_runner.actor.name"
WAVE = "wave_runner.wave.id"
RECORD = "wave_runner.record.id"
INTERACTION = "wave_runner.interaction.id"
ATTEMPT = "wave_runner.attempt"
CORRELATION = "wave_runner.correlation.id"
SERVER = "wave_runner.server.name"
LANE = "wave_runner.lane"
KIND = "wave_runner.actor.kind"
STATE = "wave_runner.state"
SIZE = "wave_runner.wave.interactions"
DONE = "wave_runner.wave.recorded"

# ─── names of spans that are no call of a model, before what they are of ─────────────────────────────────────────────

RUN_SPAN, RECORD_SPAN, WAVE_SPAN = "run", "record", "wave"

# What a person has said and is said to go along: the variable of the environment, and its values that mean the spans.
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CAPTURED = ("true", "span_only", "span_and_event")

# ─── measurements ────────────────────────────────────────────────────────────────────────────────────────────────────


class Metric(NamedTuple):
    """A name, its unit, and what it says."""

    name: str
    unit: str
    says: str


_TOKENS = "gen_ai.client.inference.usage"

DURATION = Metric("gen_ai.client.inference.duration", "s", "how long an attempt of a model took")
USED_INPUT = Metric(f"{_TOKENS}.input_tokens", "{token}", "tokens of prompts, cached ones among them")
USED_CACHED = Metric(f"{_TOKENS}.cache_read.input_tokens", "{token}", "tokens of prompts that the server had cached")
USED_OUTPUT = Metric(f"{_TOKENS}.output_tokens", "{token}", "tokens of answers")
LOADS = Metric("wave_runner.loads", "{load}", "loads of models, failed ones among them")
LOAD_DURATION = Metric("wave_runner.load.duration", "s", "how long a load took")
ATTEMPT_SHARE = Metric(
    "wave_runner.attempt.time_share",
    "1",
    "of the time spent on attempts and loads of a server, the share of the attempts",
)
WAVE_SIZE = Metric("wave_runner.wave.size", "{interaction}", "how many interactions a wave was claimed with")
HEAD_WAIT = Metric("wave_runner.head.wait", "s", "how long the first of a wave was there before it was claimed")

METRICS = (
    *(DURATION, USED_INPUT, USED_CACHED, USED_OUTPUT),
    *(LOADS, LOAD_DURATION, ATTEMPT_SHARE, WAVE_SIZE, HEAD_WAIT),
)

# The bounds that the conventions want, and for waits and loads of hours longer ones.
DURATION_BOUNDS = [0.01 * 2**power for power in range(14)]
LONG_BOUNDS = [0.1 * 2**power for power in range(18)]
SIZE_BOUNDS = [float(2**power) for power in range(11)]
