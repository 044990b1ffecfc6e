"""What OpenTelemetry hears of a run: from the SDK's own exporters, and nothing where nobody listens."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.runner import test_ollama, test_people
from tests.runner.test_limits import FILES, MODEL, SAVE, WRITE_AND_SAVE
from tests.support.ollama_server import OllamaServer
from tests.support.openai_stub import OpenAIStub
from tests.support.otlp_receiver import instrumented
from tests.support.projects import Ground
from tests.support.random_gguf import write_test_models
from tests.telemetry.test_traces import three_steps

from wave_runner.errors import ModelServerError
from wave_runner.runner.deciding import People
from wave_runner.servers.binary import find_binary, probe
from wave_runner.telemetry import names, tell_load, tell_wave
from wave_runner.telemetry.places import of_flow

ROOT = Path(__file__).parents[2]
GOOD = {"json": {"word": "good"}}  # 11 tokens, of them 3 cached, and 7


class Heard:
    """What the exporters of this process have been given since they were last asked."""

    def __init__(self) -> None:
        # Of counters and histograms what has come to them since they were last read.
        delta = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader(preferred_temporality=delta)
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def spans(self) -> Sequence[ReadableSpan]:
        """Return those of calls of models."""
        spans = self.exporter.get_finished_spans()
        self.exporter.clear()
        return tuple(span for span in spans if span.kind is SpanKind.CLIENT)

    def points(self) -> dict[str, list[Any]]:
        """Return the data points of each metric by its name."""
        data = self.reader.get_metrics_data()
        scopes = [scope for one in data.resource_metrics for scope in one.scope_metrics] if data else []
        ours = [metric for scope in scopes if scope.scope.name == names.SCOPE for metric in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in ours}


@pytest.fixture(scope="module")
def listening() -> Iterator[Heard]:
    """A process has one provider of each kind for as long as it lives; afterwards nobody listens any more."""
    heard = Heard()
    trace.set_tracer_provider(heard.tracers)
    metrics.set_meter_provider(heard.meters)
    yield heard
    heard.exporter.shutdown()
    heard.meters.shutdown()


@pytest.fixture
def heard(listening: Heard) -> Heard:
    listening.spans()
    listening.points()
    return listening


def asking(ground: Ground, url: str, *, n: int = 1, options: str = "") -> Ground:
    texts = [{"name": f"item {number:02}", "text": f"text {number}"} for number in range(n)]
    toml = MODEL.format(url=url).replace('options = {api = "chat"}', f'options = {{api = "chat"{options}}}')
    return ground.project(rows=texts, steps=WRITE_AND_SAVE, actors=SAVE, files=FILES, toml=toml)


def by(attribute: str, points: Sequence[Any]) -> dict[str, Any]:
    return {point.attributes[attribute]: point for point in points}


def totals(points: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    return {
        name: sum(getattr(point, "value", None) or getattr(point, "count", 0) for point in found)
        for name, found in points.items()
    }


def test_an_attempt_is_a_span_with_what_was_recorded_of_it_and_no_content(ground: Ground, tmp_path: Path, heard: Heard):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        assert asking(ground, stub.url, options=", seed = 7, temperature = 0.5, max_tokens = 20").run() == "completed"
    [span] = heard.spans()
    assert (span.name, span.kind, span.status.status_code) == ("chat stub", SpanKind.CLIENT, StatusCode.UNSET)
    [row] = ground.sql(
        "SELECT interaction_id, record_id, wave_id, service_us, correlation_id FROM interactions "
        "WHERE tokens_in > 0 AND tokens_out > 0"
    )
    port = int(stub.url.split(":")[2].split("/")[0])
    version = span.attributes["gen_ai.prompt.version"]
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "stub",
        "gen_ai.request.seed": 7,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 20,
        "gen_ai.output.type": "json",
        "gen_ai.prompt.name": "prompts/write.md",
        "gen_ai.prompt.version": version,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.output_tokens": 7,
        "server.address": "127.0.0.1",
        "server.port": port,
        "wave_runner.server.name": "stub",
        "wave_runner.run.id": 1,
        "wave_runner.workflow.name": "work",
        "wave_runner.step.name": "write",
        "wave_runner.actor.name": "writer",
        "wave_runner.wave.id": row["wave_id"],
        "wave_runner.record.id": row["record_id"],
        "wave_runner.interaction.id": row["interaction_id"],
        "wave_runner.attempt": 1,
        "wave_runner.correlation.id": str(row["correlation_id"]),
    }
    assert ground.one("SELECT count(*) FROM definitions WHERE sha256 = decode(%s, 'hex')", version) == 1
    assert span.end_time - span.start_time == row["service_us"] * 1000


def test_an_answer_that_no_database_can_store_is_told_of_and_ends_no_runner(
    ground: Ground, tmp_path: Path, heard: Heard
):
    with OpenAIStub(tmp_path / "stub", [{"json": {"word": "a\0b"}}]) as stub:
        assert asking(ground, stub.url).run() == "failed"
    assert {span.attributes[names.ERROR_TYPE] for span in heard.spans()} == {"invalid_output"}


def test_an_answer_from_the_cache_is_no_attempt(ground: Ground, tmp_path: Path, heard: Heard):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        toml = asking(ground, stub.url).folder / "wave.toml"
        toml.write_text(toml.read_text().replace("cache = false", ""))
        assert ground.run() == "completed"
        assert (len(heard.spans()), "gen_ai.client.inference.duration" in heard.points()) == (1, True)
        ground.sql("DELETE FROM items")
        assert ground.run() == "completed"
        assert len(stub.requests()) == 1
    assert ground.one("SELECT count(*) FROM hits WHERE run_id = 2") == 1
    assert heard.spans() == ()
    assert [name for name in heard.points() if name.startswith("gen_ai.")] == []


def test_a_decision_of_a_person_is_an_attempt_in_the_trace_of_its_record_and_of_no_wave(ground: Ground, heard: Heard):
    test_people.asking(ground)
    assert ground.run() == "waiting"

    async def decide(maria: People) -> None:
        task = await maria.claim(queue="reviewers")
        assert task is not None
        heard.spans()
        await maria.decide(task.task, {"verdict": "GOOD", "words": 3})

    test_people.as_people(ground, "maria", work=decide)
    [span] = heard.exporter.get_finished_spans()
    assert (span.name, span.links, span.attributes[names.KIND]) == ("human reviewers", (), "human")
    root = of_flow(ground.one("SELECT correlation_id FROM run_records"))
    assert (span.context.trace_id, span.parent.span_id) == (root.trace_id, root.span_id)
    assert (span.end_time - span.start_time) // 1000 == ground.one(
        "SELECT service_us FROM interactions WHERE record_id IS NOT NULL AND state = 'completed'"
    )


def test_an_ollama_is_told_of_by_the_name_of_its_provider(ground: Ground, tmp_path: Path, heard: Heard):
    with OllamaServer(tmp_path / "ollama", test_ollama.GOOD) as ollama:
        assert test_ollama.asking(ground, ollama, n=1).run() == "completed"
    told = ("gen_ai.provider.name", "gen_ai.operation.name", "server.address", "gen_ai.request.model")
    asked = [tuple(span.attributes[name] for name in told) for span in heard.spans()]
    assert asked[0] == ("ollama", "chat", "127.0.0.1", "test-a")
    assert len(asked) == 4


def test_a_failed_attempt_is_a_span_of_its_own_with_the_class_of_its_error(
    ground: Ground, tmp_path: Path, heard: Heard
):
    bad = [{"status": 500, "times": 1}, {"text": "no word", "times": 1}, {**GOOD, "behaviour": "length", "times": 1}]
    with OpenAIStub(tmp_path / "stub", [*bad, GOOD]) as stub:
        assert asking(ground, stub.url).run() == "completed"
    spans = heard.spans()
    told = [(one.attributes["wave_runner.attempt"], one.attributes.get("error.type")) for one in spans]
    assert told == [(1, "transient"), (2, "invalid_output"), (3, "truncated"), (4, None)]
    assert [one.status.status_code for one in spans] == [StatusCode.ERROR] * 3 + [StatusCode.UNSET]
    assert "gen_ai.usage.input_tokens" not in spans[0].attributes
    assert spans[2].attributes["gen_ai.response.finish_reasons"] == ("length",)
    points = heard.points()
    assert {point.attributes.get("error.type"): point.count for point in points[names.DURATION.name]} == {
        "transient": 1,
        "invalid_output": 1,
        "truncated": 1,
        None: 1,
    }
    assert totals(points)[names.USED_INPUT.name] == 33


def test_tokens_durations_and_waves_are_measured(ground: Ground, tmp_path: Path, heard: Heard):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        assert asking(ground, stub.url, n=5).run() == "completed"
    points = heard.points()
    found = totals(points)
    assert found["gen_ai.client.inference.usage.input_tokens"] == 55
    assert found["gen_ai.client.inference.usage.cache_read.input_tokens"] == 15
    assert found["gen_ai.client.inference.usage.output_tokens"] == 35
    assert found["gen_ai.client.inference.duration"] == 5
    [tokens] = points["gen_ai.client.inference.usage.input_tokens"]
    assert {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"} < tokens.attributes.keys()
    assert tokens.attributes["gen_ai.token.modality"] == "text"
    sizes, waits = by(names.ACTOR, points[names.WAVE_SIZE.name]), by(names.ACTOR, points[names.HEAD_WAIT.name])
    assert {actor: point.sum for actor, point in sizes.items()} == {"fetch": 1, "check": 1, "writer": 5, "save": 5}
    waves = {actor: point.count for actor, point in sizes.items()}
    assert waves == {actor: point.count for actor, point in waits.items()}
    assert waves["writer"] == ground.one(
        "SELECT count(*) FROM waves JOIN queues USING (queue_id) JOIN actors a USING (actor_id) WHERE a.name = 'writer'"
    )
    assert by(names.SERVER, points[names.ATTEMPT_SHARE.name])["stub"].value == 1


def test_loads_are_counted_and_their_share_of_the_time_is_told(heard: Heard):
    tell_load(server="other", model="large", seconds=3.0)
    tell_load(server="other", model="large", seconds=0.0, error_type="timeout")
    points = heard.points()
    assert {point.attributes.get("error.type"): point.value for point in points["wave_runner.loads"]} == {
        None: 1,
        "timeout": 1,
    }
    assert [point.sum for point in points["wave_runner.load.duration"]] == [3.0]
    assert by(names.SERVER, points[names.ATTEMPT_SHARE.name])["other"].value == 0


LOCAL = """\
[servers.local]
driver = "llama_cpp"
models_dir = "models"

[models.writer]
server = "local"
model = "test-a"
options = {max_tokens = 50}
"""


def test_a_real_load_is_told_once_and_its_attempts_are_text_completions(ground: Ground, heard: Heard):
    try:
        probe(find_binary(os.environ), ground.folder / "probe.json")
    except ModelServerError as error:
        pytest.skip(f"no model server runs here: {error}")
    one_word = json.dumps({"type": "object", "properties": {"word": {"enum": ["good"]}}, "required": ["word"]})
    files = FILES | {"schemas/word.json": one_word}
    texts = [{"name": f"item {number}", "text": f"text {number}"} for number in range(3)]
    write_test_models(ground.folder / "models")
    ground.project(rows=texts, steps=WRITE_AND_SAVE, actors=SAVE, files=files, toml=LOCAL)
    assert ground.run() == "completed"
    spans, points = heard.spans(), heard.points()
    assert {span.name for span in spans} == {"text_completion test-a"}
    assert {span.attributes["gen_ai.provider.name"] for span in spans} == {"llama_cpp"}
    assert len(spans) >= 3
    assert by(names.SERVER, points[names.LOADS.name])["local"].value == 1
    assert 0 < by(names.SERVER, points[names.ATTEMPT_SHARE.name])["local"].value < 1
    [load_us] = [row["load_us"] for row in ground.sql("SELECT load_us FROM visits WHERE loaded")]
    assert by(names.SERVER, points[names.LOAD_DURATION.name])["local"].sum == pytest.approx(load_us / 1e6)


def test_the_names_are_those_of_the_page_and_of_the_instruments(heard: Heard):
    tell_load(server="other", model="large", seconds=1.0)
    tell_wave(lane="scripts", actor="any", size=1, head_wait_s=0.0)
    page = (ROOT / "docs/reference/telemetry.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| (\w+) \| `(.+?)` \|", page, flags=re.MULTILINE)
    assert [(name, unit) for name, _, unit in rows] == [(one.name, one.unit) for one in names.METRICS]
    said = set(re.findall(r"`((?:gen_ai|wave_runner|server|error|http)\.[\w.]+)`", page))
    attributes = {
        value
        for name, value in vars(names).items()
        if name.isupper() and name[0] != "_" and isinstance(value, str) and "." in value
    } | set(names.REQUEST_OPTIONS.values())
    assert attributes <= said
    assert said <= attributes | {one.name for one in names.METRICS} | {"gen_ai.client.inference"}
    assert set(heard.points()) <= {one.name for one in names.METRICS}


# A run in a process of its own, which then says what of OpenTelemetry it has met.
UNHEARD = """\
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tests.support.projects import run_to_end
from wave_runner.engine import open_engine

async def work():
    async with open_engine(Path(sys.argv[1])) as engine:
        return await run_to_end(engine)

print(asyncio.run(work()), [name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_where_nobody_listens_nothing_is_imported_nor_passed_on(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        three_steps(ground, stub.url, n=1)
        command = [sys.executable, "-c", UNHEARD, ground.folder, ROOT]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert {one["traceparent"] for one in stub.requests()} == {None}
    assert said.stdout == "completed []\n"
    assert ground.one("SELECT count(*) FROM interactions WHERE output::json ->> 'parent' = ''") == 2


@pytest.mark.parametrize(("capture", "is_told"), [("true", True), ("false", False), ("", False)])
def test_the_sdk_is_switched_on_from_outside_and_content_only_goes_along_where_it_is_asked_for(
    ground: Ground, tmp_path: Path, capture: str, is_told: bool
):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        said = instrumented(asking(ground, stub.url).folder, "run", "work", **{names.CAPTURE: capture})
    assert '"name": "chat stub"' in said
    assert "gen_ai.client.inference.duration" in said
    assert "wave_runner.wave.size" in said
    assert ("Say a word about: text 0" in said) is is_told
    assert (names.INPUT_MESSAGES in said) is is_told
    assert (json.dumps(names.OUTPUT_MESSAGES) in said) is is_told
