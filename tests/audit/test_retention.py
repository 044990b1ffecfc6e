"""What is older than the project keeps it goes, by its class; the log holds, and what is held stays."""

from __future__ import annotations

import json

import pytest
from tests.support import warm
from tests.support.projects import Ground, rows, script
from tests.support.verifying import ask_node, needs_node, told

from wave_runner.errors import ProjectError
from wave_runner.project.load import load_project

CHECK = """\
from wave_runner import Promote, Reject, ScriptActor


class Check(ScriptActor):
    staging = True

    def process(self, item, ctx):
        for batch in ctx.staging.batches():
            ctx.staging.decide([self.judge(row) for row in batch])
        return {}

    def judge(self, row):
        if row["raw"]["name"] == "item 0004":
            return Reject(row["id"], [{"rule": "odd", "field": "name", "message": "this is a secret"}])
        return Promote(row["id"], row["raw"]["name"], row["raw"])
"""
NOTE = script("import sys\nprint('a log', file=sys.stderr)\nctx.write('items', {'note': 'x'})\nreturn {}")
STEPS = "note: {actor: note, input: {text: record.text}, writes: [items.note], next: end}\n"


def wave(ground: Ground, *arguments: str, code: int = 0) -> str:
    command = ["--project", ground.folder, "audit", *arguments]
    done = warm.wave(*command)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def kept(ground: Ground) -> dict[str, int]:
    found = ground.sql("SELECT role, count(*) AS n FROM payloads WHERE content IS NOT NULL GROUP BY role")
    return {row["role"]: row["n"] for row in found} | {
        "interaction": ground.one("SELECT count(*) FROM interactions WHERE input IS NOT NULL"),
        "staged": ground.one("SELECT count(*) FROM staged_records WHERE raw IS NOT NULL"),
    }


@needs_node
def test_what_is_old_goes_by_its_class_and_what_is_held_stays(ground: Ground):
    ground.project(
        rows=rows(5), steps=STEPS, actors={"note": NOTE, "check": CHECK}, toml="[retention]\nlog = 30\nstaged = 60\n"
    )
    assert ground.run() == "completed"
    before = kept(ground)
    assert before == {"log": 4, "interaction": 6, "staged": 5}
    wave(ground, "hold", "--record", "item 0001", "--reason", "proceedings")
    assert "erased: nothing" in wave(ground, "retain", "--yes"), "nothing of it is old"

    ground.sql("UPDATE workflow_runs SET ended_at = ended_at - interval '31 days'")
    assert json.loads(wave(ground, "retain", "--json"))["old"] == {"log": 3}
    assert kept(ground) == before, "nobody has said --yes"
    wave(ground, "retain", "--yes", "--as", "maria")
    assert kept(ground) == {**before, "log": 1}
    assert "erased: nothing" in wave(ground, "retain", "--yes")

    ground.sql("UPDATE workflow_runs SET ended_at = ended_at - interval '30 days'")
    wave(ground, "retain", "--yes", "--as", "maria")
    assert kept(ground) == {**before, "log": 1, "staged": 1}
    assert ground.one("SELECT errors::text FROM staged_records WHERE state = 'rejected'").count("secret") == 0

    toml = ground.folder / "wave.toml"
    toml.write_text(toml.read_text().replace("staged = 60", "interaction = 60"))
    wave(ground, "hold", "--record", "item 0001", "--release")
    assert json.loads(wave(ground, "retain", "--json"))["old"] == {"log": 1, "interaction": 6}
    wave(ground, "retain", "--yes", "--as", "maria")
    assert kept(ground) == {"interaction": 0, "staged": 1}
    wave(ground, "verify")
    bundles = [ground.folder / "whole", ground.folder / "record"]
    for folder, arguments in zip(bundles, [[], ["--record", "item 0002"]], strict=True):
        wave(ground, "export", "--out", str(folder), *arguments)
        assert told(str(folder))[0] == 0
    assert [one.code for one in ask_node(ground.folder, bundles, (bundles[0] / "policy").read_text())] == [0, 0]


def test_a_class_that_is_not_known_and_a_project_that_keeps_everything_are_said(ground: Ground):
    ground.project(rows=rows(1))
    assert "keeps everything for ever" in wave(ground, "retain", code=5)
    toml = ground.folder / "wave.toml"
    toml.write_text(toml.read_text() + "\n[retention]\nanswers = 3\n")
    with pytest.raises(ProjectError, match="answers"):
        load_project(ground.folder)
