"""Each record is one trace, whoever works on it, and each wave one beside it: as a real receiver gets them by OTLP."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.runner.test_limits import FILES, MODEL
from tests.support.openai_stub import OpenAIStub
from tests.support.otlp_receiver import OTLPReceiver, instrumented, starting
from tests.support.projects import SHORT_LEASE, Ground, script, wait_until
from tests.support.serving import Served, serve

from wave_runner.telemetry import names
from wave_runner.telemetry.places import Attempt, of_flow, of_wave

GOOD = {"json": {"word": "good"}}
STEPS = """\
write: {model: writer, prompt: prompts/write.md, input: {text: record.text}, output: schemas/word.json, next: save}
save: {actor: save, input: {word: write.word}, writes: [items.note], next: show}
show: {actor: show, input: {word: write.word}, next: end}
"""
ACTORS = {"save": script("ctx.write('items', {'note': item['word']})\nreturn {'parent': ctx.traceparent}")}
SHOW = '#!/bin/sh\nprintf \'{"parent": "%s"}\' "$TRACEPARENT"\n'

Span = dict[str, Any]


def three_steps(ground: Ground, url: str, *, n: int) -> Ground:
    texts = [{"name": f"item {number:02}", "text": f"text {number}"} for number in range(n)]
    files = FILES | {"actors/show": SHOW}
    ground.project(rows=texts, steps=STEPS, actors=ACTORS, files=files, toml=MODEL.format(url=url))
    (ground.folder / "actors/show").chmod(0o755)
    return ground


def ours(receiver: OTLPReceiver) -> list[Span]:
    return [span for span in receiver.told("span") if span["scope"] == names.SCOPE]


def place(span: Span) -> tuple[str, str]:
    return span["trace"], span["id"]


def by_record(spans: list[Span]) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    for span in spans:
        if names.RECORD in span["attributes"]:
            found.setdefault(span["attributes"][names.RECORD], []).append(span)
    return found


def check_each_record_is_one_trace(ground: Ground, spans: list[Span], n: int) -> None:
    """The trace of each record has one root, which is the parent of all that was attempted for it, and no other."""
    rows = ground.sql("SELECT record_id, correlation_id FROM run_records")
    flows = {row["record_id"]: row["correlation_id"] for row in rows}
    records = by_record(spans)
    assert records.keys() == flows.keys()
    assert len(flows) == n
    for record, mine in records.items():
        expected = of_flow(flows[record])
        assert {span["trace"] for span in mine} == {f"{expected.trace_id:032x}"}
        [root] = [span for span in mine if not span["parent"]]
        assert (root["name"], root["id"]) == ("record work", f"{expected.span_id:016x}")
        assert {span["parent"] for span in mine if span is not root} == {root["id"]}
    there = {place(span) for span in spans}
    assert len(there) == len(spans)
    assert {(span["trace"], span["parent"]) for span in spans if span["parent"]} <= there


def test_a_receiver_gets_by_otlp_what_the_tables_hold(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub, OTLPReceiver(tmp_path / "otlp") as receiver:
        three_steps(ground, stub.url, n=3)
        instrumented(ground.folder, "run", "work", **receiver.environment, OTEL_SERVICE_NAME="ground")
        spans, asked = ours(receiver), stub.requests()
        metrics = {(one["name"], one["unit"]) for one in receiver.told("metric") if one["scope"] == names.SCOPE}
    assert {span["service"] for span in spans} == {"ground"}
    check_what_is_said_of_calls(ground, spans)
    assert metrics <= {(one.name, one.unit) for one in names.METRICS}
    assert {names.DURATION.name, names.WAVE_SIZE.name} <= {name for name, _ in metrics}
    check_each_record_is_one_trace(ground, spans, 3)
    assert all(len(mine) == 4 for mine in by_record(spans).values())
    check_waves_and_attempts_name_each_other(ground, spans)
    check_what_is_passed_on(ground, spans, asked)


def check_what_is_said_of_calls(ground: Ground, spans: list[Span]) -> None:
    calls = [span for span in spans if span["kind"] == 3]
    assert {span["name"] for span in calls} == {"chat stub"}
    told = (names.INTERACTION, names.RECORD, names.WAVE, names.CORRELATION)
    said = {(*(span["attributes"][name] for name in told), span["ns"] // 1000) for span in calls}
    rows = ground.sql(
        "SELECT interaction_id, record_id, wave_id, correlation_id::text, service_us FROM interactions "
        "WHERE tokens_out > 0"
    )
    assert said == {tuple(row.values()) for row in rows}
    assert len(said) == 3


def check_waves_and_attempts_name_each_other(ground: Ground, spans: list[Span]) -> None:
    attempts = [span for span in spans if names.INTERACTION in span["attributes"]]
    assert len(attempts) == ground.one("SELECT sum(attempt) FROM interactions")
    waves = {place(span): span for span in spans if span["name"].startswith("wave ")}
    assert {span["attributes"][names.WAVE] for span in waves.values()} == {
        row["wave_id"] for row in ground.sql("SELECT wave_id FROM waves")
    }
    named = {(tuple(link), place(span)) for span in attempts for link in span["links"]}
    assert len(named) == len(attempts)
    assert named == {(where, tuple(link)) for where, wave in waves.items() for link in wave["links"]}
    for span in attempts:
        [link] = span["links"]
        assert waves[tuple(link)]["attributes"][names.WAVE] == span["attributes"][names.WAVE]
        assert waves[tuple(link)]["attributes"][names.ACTOR] == span["attributes"][names.ACTOR]


def check_what_is_passed_on(ground: Ground, spans: list[Span], asked: list[dict[str, Any]]) -> None:
    """A model server, a script and an executable are each told of the span that they work below."""

    def headers(step: str) -> set[str]:
        mine = [span for span in spans if span["attributes"].get(names.STEP) == step]
        return {f"00-{span['trace']}-{span['id']}-01" for span in mine}

    assert {one["traceparent"] for one in asked if one["body"]} == headers("write")
    rows = ground.sql(
        "SELECT s.name AS step, i.output::json ->> 'parent' AS parent FROM interactions i "
        "JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) WHERE s.name IN ('save', 'show')"
    )
    for step in ("save", "show"):
        assert {row["parent"] for row in rows if row["step"] == step} == headers(step)
    assert len(rows) == 6


def test_who_goes_on_after_a_kill_goes_on_with_the_same_traces(ground: Ground, tmp_path: Path):
    stuck = {"match": "text 1", "behaviour": "hang"}
    with OpenAIStub(tmp_path / "stub", [stuck, GOOD]) as stub, OTLPReceiver(tmp_path / "otlp") as receiver:
        three_steps(ground, stub.url, n=3)
        told = {**receiver.environment, **SHORT_LEASE}
        with starting(ground.folder, "run", "work", **told, OTEL_SERVICE_NAME="first") as first:
            wait_until(lambda: sum(span["name"] == "chat stub" for span in ours(receiver)) == 2)
            first.kill()
            first.communicate()
        stub.answer_with(GOOD)
        instrumented(ground.folder, "run", "work", "--resume", **told, OTEL_SERVICE_NAME="second")
        spans = ours(receiver)
    check_each_record_is_one_trace(ground, spans, 3)
    begun = [mine for mine in by_record(spans).values() if any(span["service"] == "first" for span in mine)]
    assert len(begun) == 2
    for mine in begun:
        assert {span["service"] for span in mine if not span["parent"]} == {"second"}


def test_a_trace_that_is_not_sampled_is_left_out_as_a_whole_and_says_so_to_others(ground: Ground, tmp_path: Path):
    sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        three_steps(ground, stub.url, n=1)
        said = instrumented(ground.folder, "run", "work", **sampler)
        [asked] = [one for one in stub.requests() if one["body"]]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", asked["traceparent"])
    assert '"trace_id"' not in said
    assert names.DURATION.name in said


def test_a_question_stands_below_who_has_asked_it(ground: Ground, tmp_path: Path):
    ground.project()
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with OTLPReceiver(tmp_path / "otlp") as receiver:
        with starting(ground.folder, *serve(ground)[2:], **receiver.environment) as process:
            served = Served(process)
            served.get("/api/v1/runs?workflow=mine", traceparent=f"00-{trace}-{parent}-01")
            served.get("/api/v1/runs/77", traceparent="00-nothing-of-the-kind")
            served.get("/healthz")
            wait_until(lambda: len(ours(receiver)) == 2)
            served.client.close()
            process.terminate()
            process.communicate()
        below, root = sorted(ours(receiver), key=lambda span: span["name"])
    assert (below["trace"], below["parent"], below["name"]) == (trace, parent, "GET /api/v1/runs")
    assert below["attributes"] == {
        names.HTTP_METHOD: "GET",
        names.HTTP_ROUTE: "/api/v1/runs",
        names.HTTP_STATUS: 200,
    }
    assert (root["parent"], root["name"], root["failed"]) == ("", "GET /api/v1/runs/{run_id}", False)
    assert root["attributes"][names.HTTP_STATUS] == 404


IDS = st.lists(st.integers(1, 2**62), min_size=4, max_size=4)


@given(flow=st.uuids(version=4), runner=st.uuids(version=4), ids=IDS)
def test_a_place_depends_on_what_it_is_of_and_on_nothing_else(flow: uuid.UUID, runner: uuid.UUID, ids: list[int]):
    def attempt(interaction_id: int, wave_id: int) -> Attempt:
        return Attempt(flow=flow, interaction_id=interaction_id, wave_id=wave_id, runner_id=runner)

    one, other = attempt(*ids[:2]), attempt(*ids[2:])
    assert (one.place == other.place) is (one == other)
    assert one.place == attempt(*ids[:2]).place
    assert one.place.trace_id == of_flow(flow).trace_id != of_wave(runner, ids[1]).trace_id
    assert one.place.span_id != of_flow(flow).span_id
    assert (of_wave(runner, ids[0]) == of_wave(runner, ids[1])) is (ids[0] == ids[1])
