"""Runs that start by themselves: each time once, whoever comes first, and never silently not."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support import warm
from tests.support.projects import Ground, at_work, until, wait_until
from tests.support.selecting import TOML, fill, registered, selecting

from wave_runner.core.drift import Drift
from wave_runner.engine import Engine
from wave_runner.runner.scheduler import Scheduler

HOURLY = """
[schedules.hourly]
workflow = "work"
cron = "0 * * * *"
catch_up = "{catch_up}"
limit = 2
params = {{ word = "x" }}
"""


def scheduled(ground: Ground, catch_up: str = "skip", *, toml: str = "", **more: Any) -> Ground:
    schedule = toml or HOURLY.format(catch_up=catch_up)
    return selecting(ground, toml=TOML + schedule, params="{word: {type: string, default: y}}", **more)


def hour(ago: int) -> str:
    return f"date_trunc('hour', clock_timestamp()) - interval '{ago} hours'"


def come_due(ground: Ground, moment: str) -> datetime:
    """Let the schedule be due since a moment, which is SQL."""
    return ground.one(f"UPDATE schedules SET next_at = {moment} WHERE name = 'hourly' RETURNING next_at")


async def scheduler(engine: Engine) -> Scheduler:
    return Scheduler(
        engine.database, runner_id=await registered(engine), plan=engine.new_runs().plan, wake_lanes=lambda: None
    )


def passes(ground: Ground, n: int = 1) -> list[bool]:
    """Let a runner's scheduler look `n` times; return whether it fired."""

    async def look(engine: Engine) -> list[bool]:
        loop = await scheduler(engine)
        return [await loop.one_pass() for _ in range(n)]

    return ground.do(look)


def told(ground: Ground, type: str) -> list[dict[str, Any]]:
    found = ground.sql("SELECT data FROM interaction_events WHERE type = %s::event_type ORDER BY event_id", type)
    return [json.loads(event["data"]) for event in found]


def firings(ground: Ground) -> list[datetime]:
    return [row["due_at"] for row in ground.sql("SELECT due_at FROM firings ORDER BY due_at")]


def test_a_new_schedule_waits_for_its_first_time(ground: Ground):
    scheduled(ground, "all")
    assert passes(ground) == [False]
    assert ground.one(
        "SELECT next_at - clock_timestamp() < interval '1 hour' AND next_at > clock_timestamp() FROM schedules"
    )


def test_a_schedule_that_is_due_starts_its_run_with_its_parameters(ground: Ground):
    scheduled(ground)
    now = come_due(ground, "clock_timestamp() - interval '1 second'")
    assert passes(ground, 2) == [True, False]
    [run] = ground.sql("SELECT run_id, params, record_limit, started_by, state FROM workflow_runs")
    assert (json.loads(run["params"]), run["record_limit"], run["started_by"]) == ({"word": "x"}, 2, "schedule hourly")
    assert firings(ground) == [now]
    [fired] = told(ground, "schedule_fired")
    assert (fired["schedule"], fired["due"]) == ("hourly", int(now.timestamp()))
    assert ground.one("SELECT run_id FROM interaction_events WHERE type = 'schedule_fired'") == run["run_id"]
    assert ground.one("SELECT next_at > clock_timestamp() FROM schedules")


def test_a_runner_fires_and_does_what_it_fired(ground: Ground):
    scheduled(ground)
    fill(ground, 3)
    come_due(ground, "clock_timestamp()")

    async def work(engine: Engine) -> None:
        async with at_work(engine):
            await until(lambda: asyncio.to_thread(ground.sql, "SELECT 1 FROM workflow_runs WHERE state = 'completed'"))

    ground.do(work)
    assert ground.one("SELECT count(words) FROM items") == 2


def test_a_schedule_that_finds_nothing_three_times_in_a_row_is_told(ground: Ground):
    scheduled(ground)
    for number in range(1, 4):
        fire_and_work(ground, runs=number)
        assert alerts(ground) == (["source_idle"] if number == 3 else [])
    fill(ground, 1)
    fire_and_work(ground, runs=4)
    assert alerts(ground) == []


def fire_and_work(ground: Ground, *, runs: int) -> None:
    """Let the schedule come due, and work until so many runs have ended."""
    come_due(ground, "clock_timestamp()")
    ended = "SELECT 1 FROM workflow_runs WHERE state = 'completed' HAVING count(*) = %s"

    async def work(engine: Engine) -> None:
        async with at_work(engine):
            await until(lambda: asyncio.to_thread(ground.sql, ended, runs))

    ground.do(work)


def alerts(ground: Ground) -> list[str]:
    listed = warm.wave("--project", ground.folder, "report", "alerts", "--json")
    assert listed.returncode == 0, listed.stderr
    return [alert["kind"] for alert in json.loads(listed.stdout)["rows"]]


@pytest.mark.parametrize(("catch_up", "fired", "missed"), [("skip", [], 4), ("once", [1], 3), ("all", [4, 3, 2, 1], 0)])
def test_what_could_not_be_fired_in_time_is_caught_up_as_the_schedule_says(
    ground: Ground, catch_up: str, fired: list[int], missed: int
):
    """Nothing ran for some hours; the last time is the hour before this one, so that it is late whatever the minute."""
    toml = HOURLY.format(catch_up=catch_up).replace('"0 * * * *"', f'"{_minute_far_from_now(ground)} * * * *"')
    scheduled(ground, toml=toml)
    last = ground.one("SELECT next_at - interval '1 hour' FROM schedules")
    come_due(ground, "next_at - interval '4 hours'")
    passes(ground, 6)
    assert firings(ground) == [last - timedelta(hours=ago - 1) for ago in fired]
    assert ground.one("SELECT count(*) FROM workflow_runs") == len(fired)
    found = told(ground, "schedule_missed")
    assert sum(event["missed"] for event in found) == missed
    assert [event["first"] for event in found] == [int((last - timedelta(hours=3)).timestamp())] * bool(missed)
    assert ground.one("SELECT next_at FROM schedules") == last + timedelta(hours=1)


def _minute_far_from_now(ground: Ground) -> int:
    selecting(ground)
    return (ground.one("SELECT extract(minute FROM clock_timestamp())::int") + 30) % 60


def test_thirteen_runners_at_once_fire_each_time_once(ground: Ground):
    more = "".join(HOURLY.format(catch_up="once").replace("hourly", f"also_{n}") for n in range(3))
    scheduled(ground, toml=HOURLY.format(catch_up="once") + more)

    async def race(engine: Engine) -> list[int]:
        loops = [await scheduler(engine) for _ in range(13)]
        fired = []
        for _ in range(5):
            await asyncio.to_thread(
                ground.sql, "UPDATE schedules SET next_at = clock_timestamp() - interval '1 millisecond'"
            )
            fired.append(sum(await asyncio.gather(*(loop.one_pass() for loop in loops))))
        return fired

    fired = ground.do(race)
    assert all(1 <= n <= 4 for n in fired), "a pass fires each schedule once, and one of them all"
    assert ground.one("SELECT count(*) FROM firings") == 20
    assert ground.one("SELECT count(*) FROM workflow_runs") == 20
    assert len(told(ground, "schedule_fired")) == 20


def test_two_runners_that_are_processes_fire_each_time_once(ground: Ground):
    scheduled(ground, "once")
    with ExitStack() as stack:
        runners = [stack.enter_context(ground.process("runner")) for _ in range(2)]
        wait_until(lambda: ground.one("SELECT count(*) FROM runners") == 2)
        for round_number in range(1, 4):
            come_due(ground, "clock_timestamp()")
            wait_until(lambda: ground.one("SELECT next_at > clock_timestamp() FROM schedules"))
            assert ground.one("SELECT count(*) FROM workflow_runs") == round_number
        assert [runner.poll() for runner in runners] == [None, None]


def test_a_time_that_was_fired_is_never_fired_again(ground: Ground):
    scheduled(ground, "all")
    now = come_due(ground, "clock_timestamp()")
    assert passes(ground) == [True]
    ground.sql("UPDATE schedules SET next_at = %s", now)
    assert passes(ground) == [False]
    assert ground.one("SELECT count(*) FROM workflow_runs") == 1


def test_a_drifted_folder_blocks_the_firing_and_says_so_once(ground: Ground):
    scheduled(ground, "once")
    ground.write("actors/count.py", (ground.folder / "actors/count.py").read_text() + "\n# changed\n")
    now = come_due(ground, "clock_timestamp() - interval '2 hours'")
    assert passes(ground, 3) == [False, False, False]
    assert told(ground, "schedule_blocked") == [
        {"schedule": "hourly", "due": int(now.timestamp()), "reason": "drifted"}
    ]
    assert ground.one("SELECT count(*) FROM workflow_runs") == 0
    ground.do(lambda engine: engine.approve("count"))
    assert passes(ground) == [True]
    assert ground.one("SELECT blocked_by FROM schedules") is None


def test_a_folder_that_cannot_be_read_blocks_the_firing(ground: Ground):
    scheduled(ground)

    async def break_it(engine: Engine) -> bool:
        loop = await scheduler(engine)
        ground.write("workflows/work.yaml", "workflow: [")
        return await loop.one_pass()

    come_due(ground, "clock_timestamp()")
    assert ground.do(break_it) is False
    assert [event["reason"] for event in told(ground, "schedule_blocked")] == ["folder_unreadable"]


def test_a_query_that_the_database_refuses_blocks_the_firing(ground: Ground):
    scheduled(ground, select="sql/some.sql", files={"sql/some.sql": "SELECT name FROM items WHERE note IS NULL"})
    ground.sql("ALTER TABLE items DROP COLUMN note")
    come_due(ground, "clock_timestamp()")
    assert passes(ground) == [False]
    assert [event["reason"] for event in told(ground, "schedule_blocked")] == ["query_refused"]


def test_another_time_counts_from_now_on_and_a_schedule_that_is_gone_is_never_due(ground: Ground):
    scheduled(ground, "all")
    come_due(ground, hour(3))
    text = (ground.folder / "wave.toml").read_text()
    ground.write("wave.toml", text.replace("0 * * * *", "30 * * * *"))
    assert ground.do(lambda engine: engine.sync()) == Drift()
    assert ground.one("SELECT next_at > clock_timestamp() FROM schedules")
    ground.write("wave.toml", TOML)
    ground.do(lambda engine: engine.sync())
    assert ground.one("SELECT next_at FROM schedules") is None
    ground.write("wave.toml", text)
    ground.do(lambda engine: engine.sync())
    assert ground.one("SELECT next_at > clock_timestamp() FROM schedules")
    assert firings(ground) == []


def test_a_schedule_that_stays_as_it_is_keeps_what_it_has_missed(ground: Ground):
    scheduled(ground, "all")
    then = come_due(ground, hour(3))
    ground.do(lambda engine: engine.sync())
    assert ground.one("SELECT next_at FROM schedules") == then


def schedules(ground: Ground, *options: str) -> str:
    done = warm.wave("schedules", "--project", ground.folder, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_lists_schedules_with_their_next_times_and_last_runs(ground: Ground):
    scheduled(ground, toml=HOURLY.format(catch_up="skip").replace("limit = 2", 'timezone = "Asia/Kathmandu"'))
    come_due(ground, "clock_timestamp()")
    passes(ground)
    document = json.loads(schedules(ground, "--json"))
    assert document["schema"] == "wave.schedules.v1"
    [row] = document["rows"]
    assert (row["schedule"], row["workflow"], row["catch_up"]) == ("hourly", "work", "skip")
    assert len(row["next"]) == 3
    assert all(moment.endswith(":00:00+05:45") for moment in row["next"])
    assert row["last"]["run_id"] == str(ground.one("SELECT run_id FROM workflow_runs"))
    header, line = schedules(ground).splitlines()
    assert header.startswith("schedule\tworkflow\tcron")
    assert line.split("\t")[:4] == ["hourly", "work", "0 * * * *", "Asia/Kathmandu"]


def test_where_there_are_no_schedules_the_command_says_how_to_have_one(ground: Ground):
    selecting(ground)
    assert "[schedules.NAME]" in schedules(ground)
