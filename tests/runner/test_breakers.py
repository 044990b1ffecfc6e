"""A server or a model that is of no use is left alone by all runners; the work waits, and nothing is charged to it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_shared_limits import ANSWER, run_with_others, writing
from tests.support.by_hand import Hand, by_hand
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, at_work, ended, rows, start_run
from tests.support.waiting import wait_until

from wave_runner.core.outcome import Outage
from wave_runner.errors import ModelServerError
from wave_runner.store import breakers

POSITIONS = "SELECT type::text AS type FROM interaction_events WHERE type::text LIKE 'breaker%%' ORDER BY event_id"


def opened(ground: Ground) -> list[str]:
    return [row["type"] for row in ground.sql(POSITIONS)]


def test_work_waits_for_a_server_that_is_away_and_goes_on_when_it_is_back(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [ANSWER]) as stub:
        port = int(stub.url.split(":")[2].split("/")[0])
        writing(ground, stub.url, n=12)
    run_id = ground.start()
    with ground.process("runner"), ground.process("runner"):
        wait_until(lambda: opened(ground).count("breaker_opened") >= 2)
        assert ground.states("write") == {"pending": 12}
        with OpenAIStub(tmp_path / "again", [ANSWER], port=port):
            wait_until(lambda: ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
    assert opened(ground)[-1] == "breaker_closed"
    assert ground.one("SELECT max(errors) FROM interactions") == 0
    assert ground.sql("SELECT position, failures, trips, reason FROM breakers WHERE failures > 0") == []


def test_a_model_that_fails_for_a_while_fails_no_record(ground: Ground, tmp_path: Path):
    """Five requests open its breaker and are charged, each to another record; those that try it then are not."""
    with OpenAIStub(tmp_path / "stub", [{"status": 500, "times": 9}, ANSWER]) as stub:
        writing(ground, stub.url, n=10, server="slots = 1", model="")
        toml = (ground.folder / "wave.toml").read_text()
        ground.write("wave.toml", toml.replace("max_attempts = 4", "max_attempts = 2"))
        assert ground.run() == "completed"
    assert ground.states("write") == {"completed": 10}
    assert ground.one("SELECT sum(errors) FROM interactions") == 5


def test_a_record_that_breaks_its_model_each_time_does_not_keep_the_others_waiting(ground: Ground, tmp_path: Path):
    """It stands first in the queue, and its model has been left alone several times: another one is the next probe."""
    poison = {"match": "poison", "status": 500}
    with OpenAIStub(tmp_path / "stub", [poison, ANSWER]) as stub:
        writing(ground, stub.url, n=4, server="slots = 1")
        ground.write(
            "actors/fetch.py", (ground.folder / "actors/fetch.py").read_text().replace("some text", "poison", 1)
        )
        ground.start()
        ground.sql(OPEN, "model", "writer", 1)
        with ground.process("runner"):
            wait_until(lambda: ground.states("write").get("completed") == 3)
    assert "breaker_closed" in opened(ground)


def test_a_record_that_is_the_only_one_left_is_charged_as_a_probe_too(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [{"status": 500}]) as stub:
        writing(ground, stub.url, n=1, server="slots = 1")
        assert ground.run() == "failed"
        assert len(stub.requests()) == 4


OPEN = (
    "INSERT INTO breakers (kind, name, position, failures, trips, opened_at, retry_at, error_class, reason) "
    "VALUES (%s, %s, 'open', 1, 1, now(), now() - %s * interval '1 s', 'transient', 'it was away')"
)


def test_of_two_breakers_the_servers_is_tried_first(ground: Ground, tmp_path: Path):
    """The model's has opened later. Nobody is at the server: nothing can be said of the model."""
    writing(ground, "http://127.0.0.1:9/v1", n=3)
    ground.start()
    ground.sql(OPEN, "server", "stub", 2)
    ground.sql(OPEN, "model", "writer", 1)
    with ground.process("runner"):
        wait_until(lambda: ground.one("SELECT trips FROM breakers WHERE kind = 'server'") >= 3)
    assert ground.one("SELECT trips FROM breakers WHERE kind = 'model'") == 1


@pytest.mark.parametrize(("gone", "tried"), [("ended_at = now()", True), ("heartbeat_at = now()", False)])
def test_a_probe_is_taken_from_a_runner_that_is_gone_and_from_no_other(ground: Ground, gone: str, tried: bool):
    ground.project(rows=rows(0))
    of = breakers.Of(kind=Outage.SERVER, name="stub")
    times = {"probe_s": 600, "lease_s": 30}

    async def probes(hand: Hand) -> list[bool]:
        other = await hand.other()
        await hand.sql(OPEN, "server", "stub", 1)
        mine = await breakers.probe(hand.engine.database, of, runner_id=hand.runner_id, **times)
        await hand.sql(f"UPDATE runners SET {gone} WHERE runner_id = %s", hand.runner_id)
        return [mine, await breakers.probe(hand.engine.database, of, runner_id=other.runner_id, **times)]

    assert by_hand(ground, probes) == [True, tried]


def test_a_refused_key_is_told_at_once_and_costs_nobody_an_attempt(ground: Ground, tmp_path: Path):
    """Thousands of records have not failed because of it, and the run goes on when the key is right."""
    with OpenAIStub(tmp_path / "stub", [{"status": 401, "error": "no such key"}]) as stub:
        writing(ground, stub.url, n=10, server="slots = 2")

        async def stand_still(engine: Any) -> None:
            from wave_runner.cli.driving import until_ended

            run_id = await start_run(engine)
            async with at_work(engine) as runner:
                with pytest.raises(ModelServerError, match="no such key"):
                    await until_ended(engine, runner, run_id)
            stub.answer_with(ANSWER)
            async with at_work(engine):
                assert await ended(engine, run_id) == "completed"

        ground.do(stand_still)
    assert ground.one("SELECT max(errors) FROM interactions") == 0
    assert len(stub.requests()) < 10 + 10, "it was asked once in a while, not once for each record"


def test_errors_in_a_row_open_the_breaker_of_the_model_and_one_runner_tries_it(ground: Ground, tmp_path: Path):
    """Each request is answered with 500 for a while; of the two runners one tries, with one record."""
    with OpenAIStub(tmp_path / "stub", [{"status": 500, "times": 6}, ANSWER]) as stub:
        writing(ground, stub.url, n=10, server="slots = 1")
        assert run_with_others(ground, 1) == "completed"
    assert opened(ground)[0] == "breaker_opened"
    assert opened(ground)[-1] == "breaker_closed"
    probes = ground.sql(
        "SELECT w.size FROM interaction_events e JOIN waves w USING (wave_id) "
        "WHERE e.type = 'wave_opened' AND e.data::json ->> 'reason' = 'probe'"
    )
    assert probes
    assert {probe["size"] for probe in probes} == {1}


def test_a_record_that_a_server_cannot_do_fails_alone(ground: Ground, tmp_path: Path):
    """It answers one record with 500 whenever it is asked, and the others well: the model is not to blame."""
    poison = {"match": "poison", "status": 500}
    with OpenAIStub(tmp_path / "stub", [poison, ANSWER]) as stub:
        writing(ground, stub.url, n=9)
        folder = ground.folder / "actors/fetch.py"
        folder.write_text(folder.read_text().replace("some text", "poison", 1))
        ground.run()
    assert ground.states("write") == {"completed": 8, "failed": 1}
    assert ground.one("SELECT errors FROM interactions WHERE state = 'failed'") == 4


def test_a_runner_that_dies_while_it_tries_lets_another_one_try(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [{"status": 401, "times": 1}, {"behaviour": "hang"}]) as stub:
        writing(ground, stub.url, n=3, server="slots = 1")
        toml = ground.folder / "wave.toml"
        toml.write_text(toml.read_text().replace("[settings]", "[settings]\nlease_s = 1"))
        run_id = ground.start()
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(ground.process("runner"))
            wait_until(lambda: ground.one("SELECT count(*) FROM breakers WHERE position = 'half_open'") == 1)
            first.kill()
            stub.answer_with(ANSWER)
            stack.enter_context(ground.process("runner"))
            wait_until(lambda: ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
