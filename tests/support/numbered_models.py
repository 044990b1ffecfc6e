"""A workflow whose two models number their answers on a router of their own, to be disturbed in the middle of it.

A plugin of all tests: the fixture `numbered` has it, with one lane and with two.
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
timeout_s = 10
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
