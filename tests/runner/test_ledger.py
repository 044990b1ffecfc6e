"""The ledger: what a run may use is reserved before each call, never exceeded, and a run without enough pauses."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_limits import USED, limited
from tests.runner.test_shared_limits import UNDER_WAY, run_with_others
from tests.support import warm
from tests.support.by_hand import Hand, by_hand, hand_of
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, run_to_end
from tests.support.waiting import wait_until

from wave_runner.core.control import Subject
from wave_runner.core.limits import Spent
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.reports.dashboard import dashboard
from wave_runner.reports.limits import Limit
from wave_runner.runner.begin import begin, pause_if_exceeded
from wave_runner.runner.prepare import prepare

ANSWER = {"json": {"word": "good"}, "beside": USED}
COST, ASKED = 0.05, 0.091
"""What a call costs (30 tokens at 1,000 and 10 at 2,000 for a million), and the most that it may (51 and 20)."""


def bounded(ground: Ground, limits: str, *, n: int, url: str, settings: str = "") -> Ground:
    limited(ground, limits, n=n, url=url)
    toml = (ground.folder / "wave.toml").read_text()
    toml = toml.replace('options = {api = "chat"}', 'options = {api = "chat", max_tokens = 20}')
    ground.write("wave.toml", toml.replace("[settings]", f"[settings]\n{settings}"))
    return ground


def ledger(ground: Ground) -> dict[str, Any]:
    [found] = ground.sql(
        "SELECT count(*) AS calls, count(accepted) AS settled, coalesce(sum(token_money), 0)::float8 / 1e9 AS used "
        "FROM ledger"
    )
    return found


def budget(ground: Ground) -> Limit:
    [found] = ground.do(lambda engine: dashboard(engine.database, 1)).limits
    return found


def wave(ground: Ground, *words: str) -> subprocess.CompletedProcess[str]:
    return warm.wave("--project", ground.folder, *words, timeout=60)


def test_a_run_uses_no_more_than_it_may_pauses_and_goes_on_with_more(ground: Ground, tmp_path: Path):
    """Of 0.16 two calls leave 0.06, and a third may cost 0.091. Three runners ask at the same time."""
    with OpenAIStub(tmp_path / "stub", [ANSWER]) as stub:
        bounded(ground, "money_per_run: 0.16", n=9, url=stub.url)
        assert run_with_others(ground, 2) == "paused"
        assert len(stub.requests()) == 2
        assert ledger(ground) == {"calls": 2, "settled": 2, "used": pytest.approx(2 * COST)}
        assert ground.sql("SELECT data FROM interaction_events WHERE type = 'budget_exceeded'") == [
            {"data": '{"asked":91000000,"limit":"money_per_run","most":160000000,"used":100000000}'}
        ]
        assert ground.one("SELECT paused_by FROM workflow_runs") == "budget_exceeded (money_per_run)"
        assert ground.one("SELECT message FROM alerts WHERE kind = 'budget_exceeded'") == (
            "money_per_run: 0.1 of 0.16 is used, and the next call may use 0.091"
        )
        assert ground.states("write") == {"completed": 2, "pending": 7}
        assert wave(ground, "resume", "run", "1", "--more-money", "0.4").returncode == 0
        assert ground.do(lambda engine: run_to_end(engine, 1)) == "completed"
    assert ground.sql("SELECT kind FROM alerts") == []
    assert budget(ground) == Limit(name="money_per_run", used=pytest.approx(9 * COST), most=pytest.approx(0.56))


def test_calls_wait_for_what_is_reserved_for_others_and_all_are_made(ground: Ground, tmp_path: Path):
    """The budget is for six calls as they are and never for two as they may be: they are made one after the other."""
    slow = {**ANSWER, "behaviour": "slow", "beside": {"usage": {"prompt_tokens": 2, "completion_tokens": 2}}}
    with OpenAIStub(tmp_path / "stub", [slow]) as stub:
        bounded(ground, "money_per_run: 0.15", n=6, url=stub.url)
        assert run_with_others(ground, 1) == "completed"
    assert ground.one(UNDER_WAY, "writer") == 1
    assert budget(ground).used == pytest.approx(0.036)


def test_a_killed_runner_sets_free_what_it_had_reserved_and_what_it_used_is_unknown(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [{"behaviour": "hang"}]) as stub:
        bounded(ground, "money_per_run: 0.2", n=2, url=stub.url, settings="lease_s = 1")
        run_id = ground.start()
        with ground.process("runner") as first:
            wait_until(lambda: len(stub.requests()) == 2)
            assert budget(ground).reserved == pytest.approx(2 * ASKED)
            first.kill()
        stub.answer_with(ANSWER)
        assert ground.do(lambda engine: run_to_end(engine, run_id)) == "completed"
    assert ledger(ground) == {"calls": 4, "settled": 2, "used": pytest.approx(2 * COST)}
    assert budget(ground) == Limit(
        name="money_per_run", used=pytest.approx(2 * COST), most=0.2, unknown=pytest.approx(2 * ASKED)
    )
    assert "unknown" in wave(ground, "status").stdout


def test_a_cancelled_run_has_nothing_reserved(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [{"behaviour": "hang"}]) as stub:
        bounded(ground, "money_per_run: 1", n=2, url=stub.url)
        ground.start()
        with ground.process("runner"):
            wait_until(lambda: len(stub.requests()) == 2)
            assert wave(ground, "cancel", "run", "1", "--yes").returncode == 0
    assert budget(ground).reserved == 0


def test_a_call_that_could_never_be_paid_is_not_made(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [ANSWER]) as stub:
        bounded(ground, "tokens_per_run: 60", n=2, url=stub.url)
        said = wave(ground, "run", "work")
        assert stub.requests() == []
    assert said.returncode == 6
    assert "wave resume run 1 --more-tokens N or --more-money N" in said.stderr
    assert "tokens_per_run: 0 of 60 is used, and the next call may use 71" in said.stderr
    assert "paused by budget_exceeded (tokens_per_run)" in said.stdout + said.stderr


def test_more_of_what_has_no_limit_is_refused_and_changes_nothing(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [ANSWER]) as stub:
        bounded(ground, "tokens_per_run: 60", n=1, url=stub.url)
        assert ground.run() == "paused"
    said = wave(ground, "resume", "run", "1", "--more-money", "5")
    assert said.returncode == ConflictError.exit_code
    assert "run 1 has no limit on money" in said.stderr
    assert ground.one("SELECT more_money FROM spending WHERE record_id = 0") == 0
    assert wave(ground, "resume", "actor", "writer", "--more-money", "5").returncode == 2


async def with_records_of_its_own(engine: Engine) -> int:
    hand = await hand_of(engine)
    await hand.seed(2, step="write")
    return hand.run_id


def test_a_run_that_waits_for_its_own_calls_keeps_no_other_run_waiting(ground: Ground, tmp_path: Path):
    """One call of the first run hangs with nearly all of its budget; a second runner has work of both runs."""
    hanging = {"behaviour": "hang", "times": 1}
    with OpenAIStub(tmp_path / "stub", [hanging, ANSWER]) as stub, contextlib.ExitStack() as others:
        bounded(ground, "money_per_run: 0.1", n=5, url=stub.url, settings="lease_s = 3")
        first = ground.start()
        with ground.process("runner"):
            wait_until(lambda: len(stub.requests()) == 1)
            second = ground.do(with_records_of_its_own)
            others.enter_context(ground.process("runner"))
            done = "SELECT count(*) FROM interactions JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) "
            done += "WHERE interactions.run_id = %s AND s.name = 'write' AND interactions.state = 'completed'"
            wait_until(lambda: ground.one(done, second) > 0)
            assert ground.one(done, first) == 0


def test_a_budget_that_was_raised_meanwhile_is_not_exceeded(ground: Ground):
    """Two calls find too little at the same time; the run is given more before the second one has it paused."""
    bounded(ground, "tokens_per_run: 60", n=0, url="http://127.0.0.1:9/v1")

    async def twice(hand: Hand) -> tuple[bool, bool]:
        orders, database = hand.engine.orders(), hand.engine.database
        await hand.seed(1, step="write")
        wave = await hand.claim("write")
        prepared = await prepare(database, orders.steps, wave.items)
        assert not (await begin(database, wave, prepared.ready)).started
        resumed = await orders.resume(Subject.RUN, str(hand.run_id), more=Spent(tokens=1000))
        return resumed, await pause_if_exceeded(database, prepared.ready[0])

    assert by_hand(ground, twice) == (True, False)
    assert ground.one("SELECT paused_at IS NULL FROM workflow_runs")
