"""A run whose models are on a server that speaks Ollama's protocol: as few loads as can be, and nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.ollama_server import GIB, MODELS, OllamaServer
from tests.support.projects import Ground, at_work, ended, start_run, until, wait_until

from wave_runner.engine import Engine

ANSWER = (
    '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}'
)
STEPS = """\
ask: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/answer.json, next: doubt}
doubt: {model: doubter, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/answer.json, next: name}
name: {model: namer, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/answer.json, next: again}
again: {model: judge, prompt: prompts/ask.md, input: {text: record.text}, output: schemas/answer.json, next: save}
save: {actor: save, input: {n: ask.n, d: doubt.n, m: name.n, a: again.n}, writes: [items.words], next: end}
"""
SAVE = """\
from wave_runner import ScriptActor


class Save(ScriptActor):
    def process(self, item, ctx):
        ctx.write("items", {"words": item["n"]})
        return {}
"""
TOML = """\
[servers.near]
driver = "ollama"
url = "{url}"
slots = 2
{room}

[models.judge]
server = "near"
model = "test-a"
options = {{num_ctx = 2048}}

[models.doubter]
server = "near"
model = "test-a:latest"
options = {{num_ctx = 8192, seed = 3}}

[models.namer]
server = "near"
model = "test-b"
"""
WARN = '[drift.actors]\n"*" = "warn"\n'
GOOD = {"match": r"number (\d+)\.", "text": '{"n": \\1}'}


@pytest.fixture
def ollama(tmp_path: Path) -> Iterator[OllamaServer]:
    with OllamaServer(tmp_path / "ollama", GOOD) as running:
        yield running


def asking(ground: Ground, ollama: OllamaServer, n: int = 5, *, room: str = "") -> Ground:
    return ground.project(
        rows=[{"name": f"item {number}", "text": f"number {number}."} for number in range(n)],
        steps=STEPS,
        actors={"save": SAVE},
        toml=TOML.format(url=ollama.url, room=room),
        files={"prompts/ask.md": "Which number? {{ text }}", "schemas/answer.json": ANSWER},
        ensures=["record.words != null"],
    )


def test_actors_that_share_weights_share_their_load_and_their_context(ground: Ground, ollama: OllamaServer):
    asking(ground, ollama)
    assert ground.run() == "completed"
    assert ground.items() == {f"item {n}": n for n in range(5)}
    assert ollama.loads() == ["test-a:latest", "test-b:latest", "test-a:latest"]
    asked = ollama.requests()
    assert len(asked) == 20
    assert {body["options"]["num_ctx"] for body in asked if body["model"] == "test-a:latest"} == {8192}
    assert {body["options"]["num_ctx"] for body in asked if body["model"] == "test-b:latest"} == {4096}
    visits = ground.sql("SELECT digest FROM visits WHERE loaded ORDER BY visit_id")
    assert [visit["digest"][:10] for visit in visits] == ["sha256:aaa", "sha256:bbb", "sha256:aaa"]


def test_what_was_answered_before_is_not_asked_again_and_loads_nothing(ground: Ground, ollama: OllamaServer):
    asking(ground, ollama).run()
    ground.sql("DELETE FROM items")
    assert ground.run() == "completed"
    assert ground.items() == {f"item {n}": n for n in range(5)}
    assert (len(ollama.requests()), len(ollama.loads())) == (20, 3)


def test_weights_that_were_pulled_anew_while_a_runner_is_at_work_are_asked(ground: Ground, ollama: OllamaServer):
    """The lane's last visit was to the model whose weights are replaced."""

    async def work(engine: Engine) -> list[str]:
        async with at_work(engine):
            first = await ended(engine, await start_run(engine))
            ollama.tell(models={**MODELS, "test-a:latest": {**MODELS["test-a:latest"], "digest": "f" * 64}})
            ground.sql("DELETE FROM items")
            return [first, await ended(engine, await start_run(engine))]

    asking(ground, ollama, room=WARN)
    assert ground.do(work) == ["completed", "completed"]
    assert [body["model"] for body in ollama.requests()].count("test-a:latest") == 2 * 15
    assert [body["model"] for body in ollama.requests()].count("test-b:latest") == 5
    visits = ground.sql("SELECT DISTINCT digest FROM visits WHERE model = 'test-a:latest'")
    assert {visit["digest"][:10] for visit in visits} == {"sha256:aaa", "sha256:fff"}


def test_weights_that_somebody_else_has_loaded_anew_are_no_longer_called_by_their_old_digest(
    ground: Ground, ollama: OllamaServer
):
    async def work(engine: Engine) -> list[str]:
        async with at_work(engine):
            first = await ended(engine, await start_run(engine))
            ollama.tell(models={**MODELS, "test-a:latest": {**MODELS["test-a:latest"], "digest": "f" * 64}})
            load_as_somebody_else(ollama)
            ground.sql("DELETE FROM items")
            return [first, await ended(engine, await start_run(engine))]

    asking(ground, ollama, room=WARN)
    assert ground.do(work) == ["completed", "completed"]
    newest = ground.one("SELECT digest FROM visits JOIN waves USING (visit_id) ORDER BY wave_id DESC LIMIT 1")
    assert newest[:10] == "sha256:fff"


def load_as_somebody_else(ollama: OllamaServer) -> None:
    """Have the model leave and come back, loaded as our runner loads it."""
    order(ollama, keep_alive=0)
    wait_until(lambda: "test-a:latest" not in resident(ollama))
    order(ollama, keep_alive=600, options={"num_ctx": 8192})
    assert "test-a:latest" in resident(ollama)


def order(ollama: OllamaServer, **how: Any) -> None:
    body = {"model": "test-a:latest", "stream": False, **how}
    httpx2.post(f"{ollama.url}/api/generate", json=body).raise_for_status()


def resident(ollama: OllamaServer) -> set[str]:
    return {model["name"] for model in httpx2.get(f"{ollama.url}/api/ps").json()["models"]}


def test_models_that_fit_into_the_memory_together_are_loaded_once(ground: Ground, ollama: OllamaServer):
    asking(ground, ollama, room='memory = "2 GiB"')
    assert ground.run() == "completed"
    assert ollama.loads() == ["test-a:latest", "test-b:latest"]
    assert ollama.unloads() == []


def test_a_model_that_does_not_fit_waits_and_stops_no_other(ground: Ground, ollama: OllamaServer):
    ollama.tell(models={**MODELS, "test-b:latest": {**MODELS["test-b:latest"], "size": 9 * GIB}})
    asking(ground, ollama, room='memory = "2 GiB"')
    ground.do(until_the_namer_is_in_trouble)
    assert ground.states("doubt") == {"completed": 5}
    assert ground.states("name") == {"pending": 5}
    (breaker,) = ground.sql("SELECT kind::text AS kind, name, reason FROM breakers WHERE failures > 0")
    assert (breaker["kind"], breaker["name"]) == ("model", "namer")
    assert "needs about 9.0 GiB" in breaker["reason"]
    assert "test-b:latest" not in ollama.loads()


async def until_the_namer_is_in_trouble(engine: Engine) -> str:
    await start_run(engine)
    async with at_work(engine) as runner:

        async def trouble() -> str:
            return str(runner.trouble() or "")

        return await until(trouble)


def test_the_same_weights_in_two_ways_are_never_asked_in_the_way_that_is_not_meant(
    ground: Ground, ollama: OllamaServer
):
    """There is room for two models, and so there are two lanes."""
    asking(ground, ollama, n=12, room="models_max = 2")
    file = ground.folder / "wave.toml"
    file.write_text(file.read_text().replace("num_ctx = 8192", "num_gpu = 0"))
    assert ground.run() == "completed"
    assert ground.items() == {f"item {n}": n for n in range(12)}
    ways = {(body["options"].get("num_gpu"), body["options"]["seed"]) for body in ollama.requests()}
    assert ways == {(None, 0), (0, 3)}
    assert ground.one("SELECT max(attempt) FROM interactions") == 1
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'model_load_failed'") == 0


MISBEHAVIOUR = {
    "a server error": {"status": 500},
    "half an answer": {"behaviour": "half_json"},
    "a connection that closes": {"behaviour": "close"},
    "an answer cut at the token limit": {"behaviour": "length", "text": '{"n": 1}'},
    "an answer of another model": {"behaviour": "wrong_model", "text": '{"n": 7}'},
}


@pytest.mark.parametrize("rule", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_what_goes_wrong_once_costs_no_record_and_saves_nothing_wrong(ground: Ground, ollama: OllamaServer, rule: dict):
    ollama.answer_with({"match": r"number 3\.", "times": 1, **rule}, GOOD)
    asking(ground, ollama)
    assert ground.run() == "completed"
    assert ground.items() == {f"item {n}": n for n in range(5)}
    assert len(ollama.requests()) == 21
