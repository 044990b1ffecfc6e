"""A real model server that dies, freezes or cannot load: no record is lost, and nothing wrong is saved.

What a server by URL may answer instead is in test_model_zoo.py; the drivers by themselves are in tests/servers/.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.main_job import require_model_server
from tests.support.projects import Ground, rows, script, wait_until
from tests.support.random_gguf import write_random_gguf

N = 8
NUMBER = """\
{"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 999}}, "required": ["n"],
 "additionalProperties": false}
"""
STEPS = """\
first: {model: one, prompt: prompts/first.md, input: {name: record.name}, output: schemas/n.json, next: second}
second: {model: two, prompt: prompts/second.md, input: {n: first.n}, output: schemas/n.json, next: save}
save: {actor: save, input: {n: second.n}, writes: [items.words], next: end}
"""
SERVER = """\
[servers.local]
driver = "llama_cpp"
models_dir = "models"
context = 8192
threads = 1
start_timeout_s = 10
models_max = {lanes}
"""
MODEL = """
[models.{name}]
server = "local"
model = "test-{name}"
timeout_s = 3
cache = false
options = {{max_tokens = 60}}
"""
LONG = "x" * 3000  # an answer has a middle then


@pytest.fixture(params=[1, 2], ids=["one lane", "two lanes"])
def numbered(request: pytest.FixtureRequest, ground: Ground) -> Ground:
    """A project of two steps on two models, of which one fits into memory, or both."""
    ground.folder.mkdir(parents=True, exist_ok=True)
    require_model_server(ground.folder)
    ground.project(
        rows=rows(N),
        steps=STEPS,
        actors={"save": script('ctx.write("items", {"words": item["n"]})\nreturn {}')},
        toml=SERVER.format(lanes=request.param) + "".join(MODEL.format(name=name) for name in ("one", "two")),
        files={
            "prompts/first.md": f"{LONG} {{{{ name }}}}",
            "prompts/second.md": f"{LONG} {{{{ n }}}}",
            "schemas/n.json": NUMBER,
        },
        ensures=["record.words != null"],
    )
    (ground.folder / "models").mkdir()
    for seed, name in enumerate(("one", "two")):
        write_random_gguf(weights(ground, name), name, seed=seed, layers=4)
    return ground


def weights(ground: Ground, name: str) -> Path:
    return ground.folder / f"models/test-{name}.gguf"


def process_of(ground: Ground, what: str) -> int | None:
    """Return the process of the router, of its launcher, or of the model `two`."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if what == _kind(words, ground.folder):
            return int(folder.name)
    return None


def _kind(words: list[str], project: Path) -> str:
    if not any(word.startswith(f"{project}/") for word in words):
        return ""
    if any(word.endswith("launcher.py") for word in words):
        return "launcher"
    if "--models-dir" in words:
        return "router"
    return "model" if f"{project}/models/test-two.gguf" in words else ""


def send(number: signal.Signals, what: str) -> Callable[[Ground], None]:
    def to(ground: Ground) -> None:
        pid = process_of(ground, what)
        assert pid is not None
        os.kill(pid, number)

    return to


DISTURBANCES = {
    "the model's process is killed": send(signal.SIGKILL, "model"),
    "the router is killed": send(signal.SIGKILL, "router"),
    "its launcher is killed": send(signal.SIGKILL, "launcher"),
    "the model's process freezes": send(signal.SIGSTOP, "model"),
}


def run(ground: Ground, disturb: Callable[[Ground], None] | None = None, *, within: str = "second") -> dict[str, int]:
    """Run to the end, and return what was saved. `disturb` is called in the middle of this step."""
    with ground.process("run", "work") as running:
        if disturb:
            wait_until(lambda: in_the_middle(ground, within))
            disturb(ground)
        assert running.wait(150) == 0, running.stderr.read()
    return ground.items()


def in_the_middle(ground: Ground, step: str) -> bool:
    """Whether a record is at a step of a model, and another has been."""
    if not ground.one("SELECT to_regclass('items') IS NOT NULL"):
        return False
    states = ground.states(step)
    return states.get("completed", 0) >= 1 and states.get("running", 0) >= 1


def nothing_is_lost_and_nothing_is_wrong(ground: Ground, saved: dict[str, int]) -> None:
    """Every record was saved, once, and with what it is answered when nobody is disturbed."""
    assert len(saved) == N
    assert ground.states("second") == {"completed": N}
    assert ground.one("SELECT count(*) FROM value_writes") == N
    ground.sql("DELETE FROM items")
    assert run(ground) == saved


@pytest.mark.parametrize("disturb", DISTURBANCES.values(), ids=DISTURBANCES)
def test_what_is_lost_in_the_middle_of_a_wave_is_started_anew_and_costs_no_record(
    numbered: Ground, disturb: Callable[[Ground], None]
):
    saved = run(numbered, disturb)
    assert numbered.one("SELECT max(attempt) FROM interactions") > 1, "somebody was disturbed"
    nothing_is_lost_and_nothing_is_wrong(numbered, saved)


def test_a_router_that_freezes_before_the_next_load_is_started_anew(numbered: Ground):
    saved = run(numbered, send(signal.SIGSTOP, "router"), within="first")
    nothing_is_lost_and_nothing_is_wrong(numbered, saved)


def test_a_model_that_cannot_be_loaded_stops_no_other_and_its_work_is_done_when_it_can(numbered: Ground):
    whole = weights(numbered, "two").read_bytes()
    weights(numbered, "two").write_bytes(whole[:5000])
    failed = "SELECT count(*) FROM interaction_events WHERE type = 'model_load_failed'"
    run_id = numbered.start()
    with numbered.process("runner"):
        wait_until(lambda: numbered.one(failed) >= 2 and numbered.states("first") == {"completed": N})
        assert numbered.states("second") == {"pending": N}
        assert numbered.one("SELECT max(errors) FROM interactions") == 0, "and it is charged to nobody"
        repaired = weights(numbered, "two").with_suffix(".new")
        repaired.write_bytes(whole)
        repaired.replace(weights(numbered, "two"))
        wait_until(lambda: numbered.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
    nothing_is_lost_and_nothing_is_wrong(numbered, numbered.items())
