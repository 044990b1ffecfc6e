"""Old months are dropped by two people: the log says what and by whose order, and the rest holds."""

from __future__ import annotations

import json
import subprocess

from tests.support.invariants import broken_invariants
from tests.support.projects import WAVE, Ground, at_work, ended
from tests.support.verifying import ask_node, needs_node, told

from wave_runner.engine import Engine

FETCH = """\
from wave_runner import ScriptActor


class Fetch(ScriptActor):
    staging = True

    def process(self, item, ctx):
        rows = [{"name": f"item {ctx.run['id']}-{n}", "text": "two words"} for n in (1, 2)]
        return {"staged": ctx.staging.add([{"raw": row, "source": "x", "position": 1} for row in rows])}
"""


def wave(ground: Ground, *arguments: str, code: int = 0) -> str:
    command = [WAVE, "--project", ground.folder, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr if code else done.stdout


def drop(ground: Ground, *arguments: str, code: int = 0) -> str:
    return wave(ground, "audit", "drop", *arguments, code=code)


def month(ground: Ground, back: int = 0) -> str:
    """Return the month so many months ago."""
    return str(ground.one("SELECT to_char(now() AT TIME ZONE 'UTC' - make_interval(months => %s), 'YYYY-MM')", back))


def a_month_passes(ground: Ground) -> None:
    """Let everything have been begun a month earlier; the next run opens a range of its own."""
    ground.sql("UPDATE run_ranges SET month = month - interval '1 month'")


def months(ground: Ground, n: int) -> list[int]:
    """Let a project work in each of so many months, each time on two new records; return its runs."""
    ground.project(actors={"fetch": FETCH}, ensures=["record.words == 2"])

    async def act(engine: Engine) -> None:
        await engine.sync()
        async with at_work(engine):
            for number in range(n):
                if number:
                    a_month_passes(ground)
                assert await ended(engine, await engine.start_run("work", {})) == "completed"

    ground.do(act)
    return [row["run_id"] for row in ground.sql("SELECT run_id FROM workflow_runs ORDER BY run_id")]


def dropped(ground: Ground, before: str | None = None) -> str:
    drop(ground, "--before", before or month(ground), "--basis", "policy 7", "--as", "maria")
    return drop(ground, "--approve", "--as", "ben")


@needs_node
def test_eleven_of_twelve_months_go_and_the_rest_proves_itself(ground: Ground):
    *old, newest = months(ground, 12)
    erased = f"item {newest}-1"
    wave(ground, "audit", "erase", "--record", erased, "--basis", "Art. 17", "--as", "ada")
    wave(ground, "audit", "erase", "--record", erased, "--approve", "--as", "ben")
    key = ground.one("SELECT key FROM records WHERE key ~ '^erased-'")
    leaves = ground.one("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'")
    before = ground.sql("SELECT * FROM interaction_events WHERE run_id IN (0, %s) ORDER BY event_id", newest)

    assert "would be dropped" in drop(ground, "--before", month(ground))
    dropped(ground)
    assert ground.one("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'") == leaves - 11 * 11
    assert ground.one("SELECT count(DISTINCT run_id) FROM interactions") == 1
    after = ground.sql("SELECT * FROM interaction_events WHERE run_id IN (0, %s) ORDER BY event_id", newest)
    assert after[: len(before)] == before
    assert broken_invariants(ground.url) == {}

    said = wave(ground, "audit", "verify")
    assert said.count("maria has asked for it, and ben has agreed") == 11
    assert f"runs {old[0]} to " in said
    whole = ground.one("SELECT max(size) FROM log_checkpoints")
    places = {"whole": [], "run": ["--run", str(newest)], "stretch": ["--from", "0", "--to", str(whole // 2)],
              "record": ["--record", key]}  # fmt: skip
    bundles = [ground.folder / name for name in places]
    for folder, arguments in zip(bundles, places.values(), strict=True):
        wave(ground, "audit", "export", "--out", str(folder), *arguments)
    answers = {folder.name: told(str(folder), "--json") for folder in bundles}
    assert {name: text for name, (code, text) in answers.items() if code} == {}
    policy = (bundles[0] / "policy").read_text()
    assert [one.code for one in ask_node(ground.folder, bundles, policy)] == [0] * len(places)
    found = json.loads(answers["whole"][1])
    counted = (
        "SELECT sum((data::json -> 'rows' ->> 'events')::int) FROM interaction_events WHERE type = 'history_dropped'"
    )
    assert found["facts"]["dropped"] == ground.one(counted)
    assert [(one["requested_by"], one["approved_by"]) for one in found["dropped"]] == [("maria", "ben")] * 11
    assert "the history of runs" in told(str(bundles[0]))[1]
    assert json.loads(answers["stretch"][1])["facts"]["dropped"] > 0
    assert ground.run() == "completed", "work goes on"
    wave(ground, "doctor")
