"""What a model, a server's key or a script allows is kept by all runners together, and freed by what ends the work."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from tests.runner.test_limits import FILES, MODEL, WRITE_AND_SAVE
from tests.support import warm
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, rows, run_to_end, script
from tests.support.waiting import wait_until

from wave_runner.core.rates import Rate
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.store import accounts
from wave_runner.store.accounts import Limited, Whose

SAVE = {"save": script("ctx.write('items', {'note': item['word']})\nreturn {}")}
SLOW_ANSWER = {"json": {"word": "good"}, "behaviour": "slow"}
ANSWER = {"json": {"word": "good"}}

UNDER_WAY = """
    SELECT coalesce(max(n), 0) FROM (
        SELECT sum(step) OVER (ORDER BY recorded_at, step) AS n
        FROM (SELECT recorded_at, CASE type WHEN 'interaction_started' THEN 1 ELSE -1 END AS step
              FROM interaction_events WHERE actor = %s AND type IN ('interaction_started', 'interaction_completed')) AS
              moves
    ) AS counted
"""
CLOSEST = """
    SELECT min(extract(epoch FROM recorded_at - before))::float8 FROM (
        SELECT recorded_at, lag(recorded_at) OVER (ORDER BY recorded_at) AS before
        FROM interaction_events WHERE actor = %s AND type = 'interaction_started'
    ) AS starts
"""


def writing(ground: Ground, url: str, *, n: int, server: str = "slots = 8", model: str = "") -> Ground:
    toml = MODEL.format(url=url).replace("slots = 3", server).replace("max_attempts = 4", f"max_attempts = 4\n{model}")
    ground.project(rows=rows(n, "some text"), steps=WRITE_AND_SAVE, actors=SAVE, files=FILES, toml=toml)
    return ground


def run_with_others(ground: Ground, others: int) -> str:
    """Run with other runners, each a process of its own, at work on the same database."""
    with contextlib.ExitStack() as stack:
        for _ in range(others):
            stack.enter_context(ground.process("runner"))
        return ground.run()


@pytest.mark.parametrize(
    ("server", "model"), [("slots = 8", "concurrency = 2"), ("slots = 2", "")], ids=["the model's", "the server's"]
)
def test_no_more_requests_are_in_flight_than_are_allowed_however_many_runners_there_are(
    ground: Ground, tmp_path: Path, server: str, model: str
):
    with OpenAIStub(tmp_path / "stub", [SLOW_ANSWER]) as stub:
        writing(ground, stub.url, n=16, server=server, model=model)
        assert run_with_others(ground, 2) == "completed"
    assert len(stub.requests()) == 16
    assert ground.one(UNDER_WAY, "writer") == 2


@pytest.mark.parametrize(
    ("server", "model"),
    [("slots = 8\nrequests_per_minute = 200", ""), ("slots = 8", "requests_per_minute = 200")],
    ids=["the key's", "the model's"],
)
def test_no_minute_has_more_requests_than_are_allowed(ground: Ground, tmp_path: Path, server: str, model: str):
    with OpenAIStub(tmp_path / "stub", [ANSWER]) as stub:
        writing(ground, stub.url, n=8, server=server, model=model)
        assert run_with_others(ground, 1) == "completed"
    assert ground.one(CLOSEST, "writer") > 0.25, "0.3 s lie between two starts, but for what a commit takes"


def test_models_of_one_server_share_what_its_key_allows(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [SLOW_ANSWER], models=["stub", "other"]) as stub:
        steps = WRITE_AND_SAVE.replace("next: save}", "next: again}", 1).replace(
            "save: ",
            "again: {model: other, prompt: prompts/write.md, input: {text: write.word}, output: schemas/word.json, "
            "next: save}\nsave: ",
        )
        steps = steps.replace("{word: write.word}", "{word: again.word}")
        toml = MODEL.format(url=stub.url).replace("slots = 3", "slots = 1")
        toml += '\n[models.other]\nserver = "stub"\nmodel = "other"\ncache = false\noptions = {api = "chat"}\n'
        ground.project(rows=rows(6, "some text"), steps=steps, actors=SAVE, files=FILES, toml=toml)
        assert run_with_others(ground, 1) == "completed"
    by_both = UNDER_WAY.replace("actor = %s", "actor IN ('writer', 'other')")
    assert ground.one(by_both) == 1


@pytest.mark.parametrize("slots", [1, 4])
def test_tokens_that_were_granted_and_not_used_are_given_back(slots: int, ground: Ground, tmp_path: Path):
    """4,096 tokens an answer would be three minutes for these eight; 40 used ones are seconds."""
    with OpenAIStub(
        tmp_path / "stub", [{**ANSWER, "beside": {"usage": {"prompt_tokens": 30, "completion_tokens": 10}}}]
    ) as stub:
        writing(ground, stub.url, n=8, server=f"slots = {slots}\ntokens_per_minute = 12000")
        assert ground.run() == "completed"
    [account] = ground.sql(
        "SELECT extract(epoch FROM next_token_at - (SELECT max(ended_at) FROM workflow_runs))::float8 AS ahead_s "
        "FROM accounts WHERE kind = 'server'"
    )
    assert account["ahead_s"] < 8 * 40 / 12000 * 60


def test_runners_that_meet_a_new_account_beside_one_that_is_there_do_not_block_each_other(ground: Ground):
    """Each makes what is missing before it locks anything: otherwise two of them wait for each other now and then."""

    async def meet(engine: Engine) -> None:
        database, rate = engine.database, Rate(concurrency=1000)
        server = Limited(whose=Whose.SERVER, name="server", rate=rate)
        await accounts.wait(database, [server])

        async def begin(of: list[Limited]) -> None:
            await accounts.wait(database, of)
            async with database.transaction() as connection:
                assert len(await accounts.lock(connection, of)) == 2

        for n in range(25):
            both = [server, Limited(whose=Whose.ACTOR, name=f"actor {n}", rate=rate)]
            await asyncio.gather(*(begin(both) for _ in range(6)))

    ground.project(rows=rows(1)).do(meet)
    assert ground.one("SELECT count(*) FROM accounts") == 26


def test_a_server_that_wants_to_be_left_alone_is_left_alone_by_everybody(ground: Ground, tmp_path: Path):
    """It says so once, to one of two runners; nothing is charged for it."""
    refusal = {"status": 429, "headers": {"retry-after": "2"}, "times": 1}
    with OpenAIStub(tmp_path / "stub", [refusal, ANSWER]) as stub:
        writing(ground, stub.url, n=6, server="slots = 1")
        assert run_with_others(ground, 1) == "completed"
    waited = ground.one(
        "SELECT extract(epoch FROM min(n.recorded_at) - min(r.recorded_at))::float8 FROM interaction_events r "
        "JOIN interaction_events n ON n.type = 'interaction_started' AND n.actor = 'writer' "
        "AND n.recorded_at > r.recorded_at WHERE r.type = 'interaction_retry_scheduled'"
    )
    assert waited > 1.8
    assert ground.sql("SELECT max(errors) AS errors, max(attempt) AS attempt FROM interactions") == [
        {"errors": 0, "attempt": 2}
    ]


def test_a_killed_runner_leaves_no_place_taken(ground: Ground, tmp_path: Path):
    """The only place of a model is taken by what a runner had in hand when it was killed; another one gets it."""
    with OpenAIStub(tmp_path / "stub", [{"behaviour": "hang"}]) as stub:
        writing(ground, stub.url, n=2, model="concurrency = 1")
        ground.write(
            "wave.toml", (ground.folder / "wave.toml").read_text().replace("[settings]", "[settings]\nlease_s = 1")
        )
        run_id = ground.start()
        with ground.process("runner") as first:
            wait_until(lambda: ground.states("write").get("running", 0) > 0)
            first.kill()
        stub.answer_with(ANSWER)
        assert ground.do(lambda engine: run_to_end(engine, run_id)) == "completed"


def test_as_many_processes_do_a_script_at_once_as_it_says(ground: Ground):
    steps = "slow: {actor: slow, input: {text: record.text}, next: end}\n"
    actors = {"slow": script("import time\ntime.sleep(0.02)\nreturn {}")}
    toml = "[scripts.slow]\nconcurrency = 1\n"
    ground.project(rows=rows(120), steps=steps, actors=actors, toml=toml)
    assert run_with_others(ground, 2) == "completed"
    at_once = ground.one(
        "WITH mine AS (SELECT w.* FROM waves w JOIN queues USING (queue_id) JOIN actors USING (actor_id) "
        "WHERE name = 'slow') SELECT max((SELECT count(*) FROM mine o "
        "WHERE o.opened_at <= mine.opened_at AND o.closed_at > mine.opened_at)) FROM mine"
    )
    assert at_once == 1


def test_a_script_begins_no_more_records_in_a_minute_than_it_says(ground: Ground):
    steps = "call: {actor: call, input: {text: record.text}, next: end}\n"
    ground.project(
        rows=rows(6),
        steps=steps,
        actors={"call": script("return {}")},
        toml="[scripts.call]\nrequests_per_minute = 200\n",
    )
    assert run_with_others(ground, 1) == "completed"
    assert ground.one(CLOSEST, "call") > 0.25


def test_work_that_needs_what_no_runner_has_says_so(ground: Ground):
    steps = "draw: {actor: draw, input: {text: record.text}, next: end}\n"
    toml = '[scripts.draw]\nruns_on = ["gpu"]\n'
    ground.project(rows=rows(4), steps=steps, actors={"draw": script("return {}")}, toml=toml)
    command = ["--project", ground.folder]
    said = warm.wave(*command, "run", "work", timeout=60)
    assert said.returncode == ConflictError.exit_code
    assert "no runner at work has what some of its work needs: gpu" in said.stderr
    alerts = warm.wave(*command, "report", "alerts", timeout=60).stdout
    assert "no_label" in alerts
    servers = warm.wave(*command, "report", "servers", timeout=60).stdout
    assert "gpu" in servers


def test_a_runner_does_only_what_its_labels_allow(ground: Ground):
    steps = "draw: {actor: draw, input: {text: record.text}, next: end}\n"
    ground.project(
        rows=rows(4), steps=steps, actors={"draw": script("return {}")}, toml='[scripts.draw]\nruns_on = ["gpu"]\n'
    )
    run_id = ground.start()
    with ground.process("runner"), ground.process("runner", WAVE_LABELS="gpu, big"):
        wait_until(lambda: ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
    did = ground.sql(
        "SELECT DISTINCT r.labels FROM waves JOIN runners r USING (runner_id) JOIN queues q USING (queue_id) "
        "JOIN actors a USING (actor_id) WHERE a.name = 'draw'"
    )
    assert did == [{"labels": ["gpu", "big"]}]
