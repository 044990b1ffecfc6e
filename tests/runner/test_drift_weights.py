"""A model that was pulled anew under its name is drift: other weights are not asked until somebody approves them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runner.test_ollama import GOOD, asking
from tests.support.ollama_server import MODELS, OllamaServer
from tests.support.projects import Ground, at_work, ended, run_to_end, start_run, until

from wave_runner.core.drift import Drift, Policy
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.reports.alerts import alerts
from wave_runner.reports.usage import history, usage
from wave_runner.runner.runner import Runner

NEW = "f" * 64


@pytest.fixture
def ollama(tmp_path: Path) -> Iterator[OllamaServer]:
    with OllamaServer(tmp_path / "ollama", GOOD) as running:
        yield running


def pull(ollama: OllamaServer, digest: str) -> None:
    """Replace the weights that two of the three actors ask."""
    ollama.tell(models={**MODELS, "test-a:latest": {**MODELS["test-a:latest"], "digest": digest}})


async def stopped(runner: Runner) -> list[str]:
    """Wait until nothing can go on; return whose work waits."""

    async def waits() -> list[str]:
        return runner.drifted() if not runner.busy else []

    return await until(waits)


def test_work_under_way_waits_for_new_weights_to_be_approved(ground: Ground, ollama: OllamaServer):
    asking(ground, ollama, n=3)
    assert ground.run() == "completed"
    asked = len(ollama.requests())
    ground.sql("DELETE FROM items")
    pull(ollama, NEW)

    async def work(engine: Engine) -> tuple[list[str], int, Drift, str]:
        run_id = await start_run(engine)
        async with at_work(engine) as runner:
            waiting, asked_meanwhile = await stopped(runner), len(ollama.requests())
            drift = await engine.drifted()
            with pytest.raises(ConflictError, match="drifted: judge"):
                await start_run(engine)
            assert await engine.approve("judge")
            await until(lambda: _is_drifted(engine, "doubter"))
            assert await engine.approve("doubter")
            return waiting, asked_meanwhile, drift, await ended(engine, run_id)

    waiting, asked_meanwhile, drift, state = ground.do(work)
    assert waiting == ["judge"]
    assert asked_meanwhile == asked
    assert drift == Drift(weights={"judge": Policy.BLOCK})
    assert state == "completed"

    async def look(engine: Engine):
        return await history(engine.database, "judge"), await usage(engine.database, "judge")

    told, used = ground.do(look)
    assert [(one.what, (one.weights or "")[:10]) for one in told] == [
        ("registered", ""),
        ("registered", "sha256:aaa"),
        ("drifted", "sha256:fff"),
        ("approved", "sha256:fff"),
    ]
    assert used.weights == f"sha256:{NEW}"
    assert {(one.digest[:10], one.current) for one in used.uses if one.digest} == {
        ("sha256:aaa", False),
        ("sha256:fff", True),
    }


async def _is_drifted(engine: Engine, name: str) -> bool:
    return name in (await engine.drifted()).weights


def test_weights_that_are_back_are_asked_again_without_a_word(ground: Ground, ollama: OllamaServer):
    asking(ground, ollama, n=2)
    assert ground.run() == "completed"
    old = MODELS["test-a:latest"]["digest"]
    ground.sql("DELETE FROM items")
    pull(ollama, NEW)

    async def work(engine: Engine) -> str:
        run_id = await start_run(engine)
        async with at_work(engine) as runner:
            await stopped(runner)
            pull(ollama, old)
            return await ended(engine, run_id)

    assert ground.do(work) == "completed"
    restored = "SELECT data FROM interaction_events WHERE type = 'actor_restored'"
    assert {json.loads(row["data"])["weights"] for row in ground.sql(restored)} == {f"sha256:{old}"}


def test_where_the_policy_is_to_warn_new_weights_are_asked_and_an_alert_says_so(ground: Ground, ollama: OllamaServer):
    asking(ground, ollama, n=2, room='[drift.actors]\n"*" = "warn"\n')
    assert ground.run() == "completed"
    ground.sql("DELETE FROM items")
    pull(ollama, NEW)
    assert ground.do(run_to_end) == "completed"
    found = ground.do(lambda engine: alerts(engine.database))
    assert sorted(one.subject for one in found) == ["actor doubter", "actor judge"]
    assert "the model server holds something else of judge" in found[0].message + found[1].message
