"""Who works: what each runner can do, as it has said itself."""

from __future__ import annotations

import json
from uuid import uuid4

from tests.runner.test_limits import FILES, MODEL, SAVE, WRITE_AND_SAVE
from tests.support.projects import Ground, wait_until

from wave_runner.cli import main
from wave_runner.engine import Engine
from wave_runner.reports.runners import Runner, runners
from wave_runner.store import waves
from wave_runner.store.waves import Capacity


def listed(ground: Ground) -> list[Runner]:
    return ground.do(lambda engine: runners(engine.database, lease_s=engine.settings.lease_s))


def test_a_runner_is_listed_with_what_it_has_said_that_it_can_do(ground: Ground):
    ground.project()
    capacity = Capacity(labels=["gpu", "big"], servers=["local", "remote"], script_slots=3)

    async def register(engine: Engine) -> None:
        await waves.register_runner(engine.database, uuid4(), "test", capacity)
        await waves.register_runner(engine.database, uuid4(), "test")

    ground.do(register)
    assert {(*one.labels, "|", *one.servers, one.script_slots, one.waves) for one in listed(ground)} == {
        ("gpu", "big", "|", "local", "remote", 3, 0),
        ("|", 0, 0),
    }


def test_a_runner_at_work_is_shown_with_its_labels_servers_and_script_slots(ground: Ground, capsys):
    ground.project(steps=WRITE_AND_SAVE, actors=SAVE, files=FILES, toml=MODEL.format(url="http://127.0.0.1:9/v1"))
    with ground.process("runner", WAVE_LABELS="gpu, big"):
        wait_until(lambda: listed(ground))
        assert main.run(["--project", str(ground.folder), "report", "runners"]) == 0
        printed = capsys.readouterr().out.splitlines()
        assert main.run(["--project", str(ground.folder), "report", "runners", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
    [shown] = [dict(zip(printed[0].split("\t"), line.split("\t"), strict=True)) for line in printed[1:]]
    assert (shown["labels"], shown["servers"], shown["script_slots"]) == ("gpu, big", "stub", "1")
    assert document["schema"] == "wave.runners.v1"
    [row] = document["rows"]
    assert (row["labels"], row["servers"], row["script_slots"]) == (["gpu", "big"], ["stub"], 1)
