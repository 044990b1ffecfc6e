"""Recorded answers on a real model server: a run that has them all starts none, and other weights are asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import warm
from tests.support.main_job import require_model_server
from tests.support.projects import Ground
from tests.support.random_gguf import write_random_gguf

from wave_runner.servers.router import count_loads

LOG = Path(".wave/servers/local/llama-server.log")
NUMBER = """\
{"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 999}}, "required": ["n"],
 "additionalProperties": false}
"""
STEPS = """\
first: {model: one, prompt: prompts/first.md, input: {text: record.text}, output: schemas/n.json, next: second}
second:
  model: two
  prompt: prompts/second.md
  input: {text: record.text, n: first.n}
  output: schemas/n.json
  next: save
save: {actor: save, input: {n: second.n}, writes: [items.words], next: end}
"""
SAVE = """\
from wave_runner import ScriptActor


class Save(ScriptActor):
    def process(self, item, ctx):
        ctx.write("items", {"words": item["n"] % 1000})
        return {}
"""
TOML = """\
[servers.local]
driver = "llama_cpp"
models_dir = "models"
context = 1024
threads = 1

[models.one]
server = "local"
model = "test-a"
options = {max_tokens = 60}

[models.two]
server = "local"
model = "test-b"
options = {max_tokens = 60}

[drift.actors]
two = "warn"
"""
N = 3


@pytest.fixture
def routed(ground: Ground) -> Ground:
    """A project of two steps on two models, of which one fits into memory."""
    ground.folder.mkdir(parents=True, exist_ok=True)
    require_model_server(ground.folder)
    items = [{"name": f"item {n}", "text": f"number {n}"} for n in range(N)]
    ground.project(
        rows=items,
        steps=STEPS,
        actors={"save": SAVE},
        toml=TOML,
        files={
            "prompts/first.md": "First: {{ text }}",
            "prompts/second.md": "Second: {{ text }} {{ n }}",
            "schemas/n.json": NUMBER,
        },
        ensures=["record.words != null"],
    )
    for seed, name in enumerate(("test-a", "test-b")):
        weights(ground, name, seed)
    return ground


def weights(ground: Ground, name: str, seed: int) -> None:
    folder = ground.folder / "models"
    folder.mkdir(exist_ok=True)
    write_random_gguf(folder / f"{name}.gguf", name, seed=seed)


def run(ground: Ground) -> dict:
    """Run, return what the run says in the end, and empty the table, so that the same rows come in anew."""
    command = ["--project", ground.folder, "run", "work", "--json"]
    done = warm.wave(*command, timeout=120)
    assert done.returncode == 0, done.stderr
    [items] = ground.sql("SELECT json_object_agg(name, words) AS saved FROM items")
    ground.sql("DELETE FROM items")
    return {**json.loads(done.stdout), **items}


def test_a_second_run_starts_no_server_and_other_weights_of_the_same_name_are_asked(routed: Ground):
    log = routed.folder / LOG
    first = run(routed)
    assert (first["model_calls"], first["model_loads"], count_loads(log)) == (2 * N, 2, 2)
    log.unlink()

    second = run(routed)

    assert not log.exists(), "no server was started"
    assert (second["model_calls"], second["model_loads"], second["from_cache"]["answers"]) == (0, 0, 2 * N)
    assert second["from_cache"]["tokens"] > 0
    assert second["from_cache"]["service_us"] > 0
    assert second["saved"] == first["saved"]
    assert routed.one("SELECT count(*) FROM visits") == 2
    waves = routed.sql("SELECT count(visit_id) AS visited, count(*) AS n FROM waves WHERE server IS NOT NULL")
    assert waves[0]["visited"] < waves[0]["n"]

    weights(routed, "test-b", 7)
    third = run(routed)

    assert (third["model_calls"], third["model_loads"], count_loads(log)) == (N, 1, 1)
    assert third["from_cache"]["answers"] == N
    digests = routed.sql("SELECT model, digest FROM visits ORDER BY visit_id")
    assert [row["model"] for row in digests] == ["test-a", "test-b", "test-b"]
    assert digests[1]["digest"] != digests[2]["digest"]
