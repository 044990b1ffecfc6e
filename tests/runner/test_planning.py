"""Which model is loaded when: a mixed batch takes the fewest loads that are possible, and says of each why."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.support.main_job import require_model_server
from tests.support.mixed_batch import LOG, ORDERS, least, start_runs, write_project
from tests.support.projects import Ground, at_work, ended

from wave_runner.engine import Engine
from wave_runner.runner.memory import policy_of
from wave_runner.servers.router import count_loads
from wave_runner.settings import load

REASONS = """\
SELECT e.data FROM interaction_events e JOIN waves USING (wave_id)
WHERE e.type = 'wave_opened' AND server IS NOT NULL ORDER BY wave_id
"""


@pytest.fixture
def mixed(ground: Ground) -> Ground:
    ground.folder.mkdir(parents=True, exist_ok=True)
    require_model_server(ground.folder)
    write_project(ground.folder)
    ground.write(".env", f"WAVE_DATABASE_URL={ground.url}\n")
    return ground


async def all_ended(engine: Engine, run_ids: list[int]) -> list[str]:
    async with at_work(engine):
        return list(await asyncio.gather(*(ended(engine, run_id) for run_id in run_ids)))


def change(ground: Ground, old: str, new: str) -> None:
    file = ground.folder / "wave.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def reasons(ground: Ground) -> list[str]:
    """Why each wave of the server was opened, in order."""
    return [json.loads(row["data"])["reason"] for row in ground.sql(REASONS)]


def test_a_mixed_batch_takes_the_fewest_loads_by_the_servers_own_log_and_says_why(mixed: Ground):
    async def run(engine: Engine) -> list[str]:
        return await all_ended(engine, await start_runs(engine, each=8))

    assert mixed.do(run) == ["completed"] * len(ORDERS)
    assert count_loads(mixed.folder / LOG) == least() == 4
    assert mixed.one("SELECT count(*) FROM visits WHERE loaded") == 4
    found = reasons(mixed)
    assert found[0] == "plan: test-b test-c test-a test-b"
    assert sum(reason.startswith("plan: ") for reason in found) == 4
    assert {reason for reason in found if not reason.startswith("plan: ")} <= {"drain"}


def test_work_that_has_waited_too_long_goes_before_what_the_loaded_model_still_has(mixed: Ground):
    change(mixed, "script_slots = 1", "script_slots = 1\noverdue_s = 0\ntheta = 0\nlease_s = 1")

    async def run(engine: Engine) -> list[str]:
        return await all_ended(engine, await start_runs(engine, each=2))

    assert mixed.do(run) == ["completed"] * len(ORDERS)
    assert count_loads(mixed.folder / LOG) > least()
    assert any(reason.startswith("overdue by ") for reason in reasons(mixed))


def test_lanes_of_one_server_do_not_take_from_each_other_what_they_are_at(mixed: Ground):
    change(mixed, "context = 1024", "context = 1024\nmodels_max = 2")

    async def run(engine: Engine) -> list[str]:
        return await all_ended(engine, await start_runs(engine, each=8))

    assert mixed.do(run) == ["completed"] * len(ORDERS)
    assert mixed.one("SELECT count(DISTINCT slot) FROM waves WHERE server IS NOT NULL") == 2
    assert mixed.one("SELECT count(*) FROM interaction_events WHERE type = 'model_load_failed'") == 0
    assert mixed.one("SELECT max(attempt) FROM interactions") == 1
    assert mixed.one("SELECT count(*) FROM visits WHERE loaded") == count_loads(mixed.folder / LOG) <= least() + 1


@pytest.mark.parametrize(("said", "overdue_s"), [("", None), ("90", 90.0), ('"none"', float("inf"))])
def test_the_bound_on_waiting_is_a_setting_and_can_be_switched_off(tmp_path: Path, said: str, overdue_s: float | None):
    told = f"overdue_s = {said}\n" if said else ""
    (tmp_path / "wave.toml").write_text(f"[settings]\n{told}theta = 2\nfill = 3\nlinger_s = 4\n")
    policy = policy_of(load(tmp_path))
    assert (policy.overdue_s, policy.theta, policy.fill, policy.linger_s) == (overdue_s, 2.0, 3.0, 4.0)
