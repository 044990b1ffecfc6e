"""Why nothing moves: what the report says of servers, models, accounts and what waits for them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.runner.test_limits import FILES, MODEL, SAVE, WRITE_AND_SAVE
from tests.runner.test_shared_limits import writing
from tests.support.by_hand import Hand, by_hand
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, start_run, wait_until

from wave_runner.cli import main
from wave_runner.core.breaker import Position
from wave_runner.core.control import Subject
from wave_runner.core.outcome import ErrorClass, Failure, Outage
from wave_runner.core.patience import bucket_of
from wave_runner.core.rates import Rate, booking
from wave_runner.engine import Engine
from wave_runner.reports.servers import Because, Servers, servers
from wave_runner.store import accounts, breakers, durations, waves
from wave_runner.store.accounts import Limited, Whose
from wave_runner.store.waves import Capacity

NOBODY = "http://127.0.0.1:9/v1"
AWAY = Failure(error_class=ErrorClass.TRANSIENT, message="nobody listens there", outage=Outage.SERVER)
STUB = breakers.Of(kind=Outage.SERVER, name="stub")
WRITER = breakers.Of(kind=Outage.MODEL, name="writer")


async def look(engine: Engine) -> Servers:
    return await servers(engine.database, lease_s=engine.settings.lease_s, rates=engine.server_rates())


def with_another_model(ground: Ground) -> None:
    """Write a project whose records are asked of two models of one server."""
    another = "again: {model: other, prompt: prompts/write.md, input: {text: write.word}, output: schemas/word.json, "
    steps = WRITE_AND_SAVE.replace("next: save}", "next: again}", 1).replace("save: ", f"{another}next: save}}\nsave: ")
    toml = MODEL.format(url=NOBODY) + '\n[models.other]\nserver = "stub"\nmodel = "other"\noptions = {api = "chat"}\n'
    ground.project(steps=steps.replace("{word: write.word}", "{word: again.word}"), actors=SAVE, files=FILES, toml=toml)


async def able(hand: Hand, *labels: str) -> None:
    """Have the hand's runner ask the server, with these labels."""
    await hand.sql(
        "UPDATE runners SET servers = %s, labels = %s WHERE runner_id = %s", ["stub"], [*labels], hand.runner_id
    )


async def because(hand: Hand) -> list[Because]:
    """Return why nothing of the only queue may be begun."""
    [queue] = (await look(hand.engine)).queues
    return queue.because


def test_what_waits_for_a_server_that_is_away_is_told_while_a_runner_tries(ground: Ground, tmp_path: Path, capsys):
    with OpenAIStub(tmp_path / "stub") as stub:
        url = stub.url
    writing(ground, url, n=12)
    ground.start()

    def left_alone() -> Servers | None:
        found = ground.do(look)
        return found if [queue.because for queue in found.queues] == [[Because.SERVER_LEFT_ALONE]] else None

    with ground.process("runner"):
        found = wait_until(left_alone)
        assert main.run(["--project", str(ground.folder), "report", "servers"]) == 0
    [server] = found.servers
    assert (server.kind, server.name, server.server, server.runners) == (Outage.SERVER, "stub", "stub", 1)
    assert server.position is not Position.CLOSED
    assert min(server.failures, server.trips) > 0
    assert server.reason
    assert (server.queues, server.waiting, server.running) == (1, 12, 0)
    [queue] = found.queues
    assert (queue.actor, queue.server, queue.waiting, queue.held) == ("writer", "stub", 12, 0)
    printed = capsys.readouterr().out
    assert "# servers and models\n" in printed
    assert "server stub: transient: " in printed
    assert printed.rstrip().endswith("\tserver_left_alone")


def test_a_breaker_says_when_it_is_tried_again_and_who_tries_it(ground: Ground):
    writing(ground, NOBODY, n=0)

    async def act(hand: Hand) -> list[Any]:
        await hand.seed(3, step="write")
        await able(hand)
        database, mine = hand.engine.database, {"runner_id": hand.runner_id}
        told = [await look(hand.engine)]
        await breakers.failed(database, STUB, AWAY, grave=True, chance=0.0, **mine)
        await breakers.failed(database, WRITER, AWAY, grave=False, chance=0.0, **mine)
        told.append(await look(hand.engine))
        await hand.sql("UPDATE breakers SET retry_at = clock_timestamp() WHERE position = 'open'")
        assert await breakers.probe(database, STUB, probe_s=3600, lease_s=60, **mine)
        return [*told, await look(hand.engine), hand.runner_id]

    well, opened, tried, runner_id = by_hand(ground, act)
    [server] = well.servers
    assert (server.position, server.failures, server.retry_s, server.reason) == (Position.CLOSED, 0, None, None)
    assert well.queues[0].because == []
    server, model = opened.servers
    assert (server.position, server.failures, server.trips, server.probe_by) == (Position.OPEN, 1, 1, None)
    assert 0 <= server.retry_s <= 1
    assert (server.error_class, server.reason) == ("transient", "nobody listens there")
    assert (model.kind, model.name, model.server, model.position) == (Outage.MODEL, "writer", "stub", Position.CLOSED)
    assert (model.failures, model.trips, model.retry_s, model.waiting, model.runners) == (1, 0, None, 3, 1)
    assert opened.queues[0].because == [Because.SERVER_LEFT_ALONE]
    [server] = [one for one in tried.servers if one.kind is Outage.SERVER]
    assert (server.position, server.probe_by) == (Position.HALF_OPEN, runner_id)
    assert 1 < server.retry_s <= 3600


def test_what_is_printed_says_who_tries_a_server_and_who_has_it(ground: Ground, capsys):
    writing(ground, NOBODY, n=0)
    grave = {"grave": True, "chance": 0.0}

    async def act(hand: Hand) -> UUID:
        database, mine = hand.engine.database, {"runner_id": hand.runner_id}
        await waves.own_server(database, "stub", **mine, lease_s=60)
        await breakers.failed(database, STUB, AWAY, **grave, **mine)
        await breakers.failed(database, WRITER, AWAY, **grave, **mine)
        await hand.sql("UPDATE breakers SET retry_at = clock_timestamp() WHERE kind = 'server'")
        await hand.sql("UPDATE breakers SET retry_at = clock_timestamp() + interval '1 hour' WHERE kind = 'model'")
        assert await breakers.probe(database, STUB, probe_s=3600, lease_s=60, **mine)
        return hand.runner_id

    runner_id = by_hand(ground, act)
    assert main.run(["--project", str(ground.folder), "report", "servers"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^server stub\thalf_open, for .+\t1\t1\t0\t0\t0$", printed, flags=re.MULTILINE)
    assert re.search(r"^model writer\topen, again in .+\t1\t1\t0\t0\t0$", printed, flags=re.MULTILINE)
    assert f"server stub: runner {runner_id} tries it\n" in printed
    assert f"server stub: runner {runner_id} has it\n" in printed


def test_a_model_that_is_left_alone_is_told_apart_from_its_server(ground: Ground):
    writing(ground, NOBODY, n=0)

    async def act(hand: Hand) -> list[Because]:
        await hand.seed(1, step="write")
        await able(hand)
        await breakers.failed(hand.engine.database, WRITER, AWAY, grave=True, chance=0.0, runner_id=hand.runner_id)
        return await because(hand)

    assert by_hand(ground, act) == [Because.MODEL_LEFT_ALONE]


def test_a_server_is_waited_for_by_the_work_of_all_its_models(ground: Ground):
    with_another_model(ground)

    async def act(hand: Hand) -> Servers:
        await hand.seed(2, step="write")
        await hand.seed(3, step="again")
        await able(hand)
        for one in (STUB, WRITER):
            await breakers.failed(hand.engine.database, one, AWAY, grave=False, chance=0.0, runner_id=hand.runner_id)
        return await look(hand.engine)

    found = by_hand(ground, act)
    assert [(one.name, one.queues, one.waiting) for one in found.servers] == [("stub", 2, 5), ("writer", 1, 2)]
    assert [(one.actor, one.waiting) for one in found.queues] == [("other", 3), ("writer", 2)]


def test_a_server_that_only_one_runner_can_have_says_which(ground: Ground):
    writing(ground, NOBODY, n=0)

    async def act(hand: Hand) -> list[Any]:
        assert await waves.own_server(hand.engine.database, "stub", hand.runner_id, lease_s=30)
        told = [(await look(hand.engine)).servers[0].owner_id]
        await hand.sql("UPDATE server_owners SET lease_expires_at = now() - interval '1 second'")
        return [*told, hand.runner_id, (await look(hand.engine)).servers[0].owner_id]

    owner, runner_id, later = by_hand(ground, act)
    assert (owner, later) == (runner_id, None)


def test_what_loads_and_records_take_is_shown_for_each_model(ground: Ground, capsys):
    writing(ground, NOBODY, n=0)

    async def act(hand: Hand) -> Servers:
        database = hand.engine.database
        for model, load_us in (("stub", 1_000_000), ("stub", 9_000_000), ("stub", 2_000_000), ("other", 3_000_000)):
            load = waves.Visit(server="stub", model=model, digest="", loaded=True, load_us=load_us, evicted=())
            await waves.open_visit(database, load, runner_id=hand.runner_id)
        stays = waves.Visit(server="stub", model="stub", digest="", loaded=False, load_us=0, evicted=())
        await waves.open_visit(database, stays, runner_id=hand.runner_id)
        counts = {bucket_of(0.25): 1, bucket_of(0.5): 3, bucket_of(60.0): 1}
        await durations.add(database, hand.steps["write"].queue_id, counts)
        return await look(hand.engine)

    other, stub = by_hand(ground, act).models
    assert (other.server, other.model, other.loads, other.load_s) == ("stub", "other", 1, 3.0)
    assert (other.measured, other.record_s) == (0, None)
    assert (stub.model, stub.loads, stub.load_s, stub.measured) == ("stub", 3, 2.0, 5)
    assert stub.record_s == pytest.approx(0.5, rel=0.05)
    assert main.run(["--project", str(ground.folder), "report", "servers"]) == 0
    printed = capsys.readouterr().out
    assert (
        "server\tmodel\tloads\tload\tmeasured\trecord\nstub\tother\t1\t3.0 s\t0\t\nstub\tstub\t3\t2.0 s\t5\t" in printed
    )


def test_a_full_account_says_how_much_is_under_way_of_how_much(ground: Ground, tmp_path: Path, capsys):
    """One request is in flight and never answered; the model allows one, its server eight."""
    with OpenAIStub(tmp_path / "stub", [{"behaviour": "hang"}]) as stub:
        server = "slots = 8\nrequests_per_minute = 6000\ntokens_per_minute = 9000000"
        writing(ground, stub.url, n=4, server=server, model="concurrency = 1")
        ground.start()
        with ground.process("runner"):
            wait_until(lambda: ground.states("write") == {"pending": 3, "running": 1})
            found = ground.do(look)
            assert main.run(["--project", str(ground.folder), "report", "servers"]) == 0
    by_server, by_model = found.accounts
    assert (by_server.kind, by_server.name, by_server.under_way) == (Whose.SERVER, "stub", 1)
    assert (by_server.concurrency, by_server.requests_per_minute, by_server.tokens_per_minute) == (8, 6000, 9000000)
    assert (by_model.kind, by_model.name, by_model.under_way) == (Whose.ACTOR, "writer", 1)
    assert (by_model.concurrency, by_model.requests_per_minute, by_model.tokens_per_minute) == (1, None, None)
    assert {(one.queues, one.waiting) for one in found.accounts} == {(1, 3)}
    assert (by_server.is_full, by_model.is_full) == (False, True)
    assert Because.FULL in found.queues[0].because
    assert "actor writer\t1 of 1\t\t\twhen one ends\t3\n" in capsys.readouterr().out


def test_an_account_says_when_the_next_request_may_begin(ground: Ground):
    writing(ground, NOBODY, n=0, server="slots = 8\ntokens_per_minute = 100")
    limited = Limited(whose=Whose.SERVER, name="stub", rate=Rate(tokens_per_minute=100))

    async def act(hand: Hand) -> list[Servers]:
        await hand.seed(2, step="write")
        await able(hand)
        database = hand.engine.database
        await accounts.wait(database, [limited])
        async with database.transaction() as connection:
            await accounts.lock(connection, [limited])
        told = [await look(hand.engine)]
        await accounts.rest(database, "stub", rest_s=3600)
        told.append(await look(hand.engine))
        async with database.transaction() as connection:
            await accounts.book(connection, [(limited, booking(limited.rate, tokens=50_000))])
        return [*told, await look(hand.engine)]

    fresh, resting, spent = by_hand(ground, act)
    assert [(one.next_request_s, one.next_token_s, one.wait_s) for one in fresh.accounts] == [(0, 0, 0)]
    assert fresh.queues[0].because == []
    [account] = resting.accounts
    assert 0 < account.next_request_s <= 3600
    assert account.next_token_s == 0
    assert resting.queues[0].because == [Because.NOT_YET]
    [account] = spent.accounts
    assert 3600 < account.next_token_s <= 30_000
    assert account.wait_s == account.next_token_s


def test_work_that_nobody_can_do_is_told_with_what_is_missing(ground: Ground):
    writing(ground, NOBODY, n=0, model='runs_on = ["gpu"]')

    async def act(hand: Hand) -> list[list[Because]]:
        await hand.seed(2, step="write")
        told = [await because(hand)]
        await able(hand)
        told.append(await because(hand))
        await able(hand, "gpu", "big")
        told.append(await because(hand))
        await hand.sql("UPDATE runners SET told = 'drain'")
        told.append(await because(hand))
        await hand.sql("UPDATE runners SET told = 'work', heartbeat_at = heartbeat_at - interval '1 hour'")
        told.append(await because(hand))
        other = Capacity(labels=["gpu"], servers=["elsewhere"])
        await waves.register_runner(hand.engine.database, (await hand.other()).runner_id, "test", other)
        return [*told, await because(hand)]

    nobody, no_label = [Because.NO_RUNNER], [Because.NO_LABEL]
    assert by_hand(ground, act) == [nobody, no_label, [], nobody, nobody, nobody]


def test_work_that_somebody_holds_up_is_told_apart_from_what_waits_for_its_time(ground: Ground):
    writing(ground, NOBODY, n=0)

    async def act(hand: Hand) -> list[Any]:
        ids = await hand.seed(3, step="write")
        await able(hand)
        orders = hand.engine.orders()
        await orders.pause(Subject.ACTOR, "writer")
        told: list[Any] = [await because(hand)]
        await orders.resume(Subject.ACTOR, "writer")
        await orders.pause(Subject.RUN, str(hand.run_id))
        told.append(await because(hand))
        await hand.sql("UPDATE interactions SET ready_at = 'infinity' WHERE interaction_id = ANY (%s)", ids)  # parked
        told.append(await because(hand))
        await hand.sql("UPDATE interactions SET ready_at = NULL")
        await orders.resume(Subject.RUN, str(hand.run_id))
        later = (
            "UPDATE interactions SET ready_at = clock_timestamp() + interval '1 hour' WHERE interaction_id = ANY (%s)"
        )
        await hand.sql(later, ids[:2])
        told.append(await because(hand))
        await hand.sql(later, ids)
        [queue] = (await look(hand.engine)).queues
        return [*told, queue.because, (queue.waiting, queue.delayed, queue.held)]

    held = [Because.HELD]
    assert by_hand(ground, act) == [[Because.PAUSED], held, held, [], [Because.DELAYED], (3, 3, 0)]


def test_a_model_that_has_drifted_is_told(ground: Ground):
    writing(ground, NOBODY, n=0)

    async def act(hand: Hand) -> list[Because]:
        await hand.seed(1, step="write")
        await able(hand)
        prompt = ground.folder / "prompts/write.md"
        prompt.write_text(prompt.read_text() + " Now!")
        await hand.engine.sync()
        return await because(hand)

    assert by_hand(ground, act) == [Because.DRIFTED]


def test_a_script_that_allows_only_so_much_is_listed_and_others_are_not(ground: Ground):
    ground.project(toml="[scripts.count]\nrequests_per_minute = 60\nconcurrency = 3\n")
    limited = Limited(whose=Whose.ACTOR, name="count", rate=Rate(requests_per_minute=60))

    async def act(hand: Hand) -> Servers:
        await hand.seed(5)
        await accounts.wait(hand.engine.database, [limited])
        async with hand.engine.database.transaction() as connection:
            await accounts.lock(connection, [limited])
        return await look(hand.engine)

    found = by_hand(ground, act)
    assert found.servers == []
    [account] = found.accounts
    assert (account.name, account.concurrency, account.requests_per_minute, account.waiting) == ("count", 3, 60, 5)
    [queue] = found.queues
    assert (queue.actor, queue.server, queue.waiting) == ("count", "", 5)
    assert queue.because == [Because.NO_RUNNER], "the only one has no script slots"


def test_work_of_runs_that_have_ended_waits_for_nothing(ground: Ground):
    writing(ground, NOBODY, n=0)

    async def act(hand: Hand) -> Servers:
        await hand.seed(2, step="write")
        await hand.sql(
            "UPDATE workflow_runs SET state = 'cancelled', ended_at = now(), cancelled_at = now(), cancelled_by = 'me'"
        )
        return await look(hand.engine)

    found = by_hand(ground, act)
    assert found.queues == []
    assert [(one.name, one.queues, one.waiting) for one in found.servers] == [("stub", 0, 0)]


@pytest.mark.parametrize("started", [False, True])
def test_the_document_has_every_part_and_the_pipe_says_where_there_is_nothing(ground: Ground, capsys, started: bool):
    writing(ground, NOBODY, n=0) if started else ground.project()
    ground.do(start_run)
    assert main.run(["--project", str(ground.folder), "report", "servers", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["schema", "servers", "models", "accounts", "queues"]
    assert document["schema"] == "wave.report.servers.v1"
    assert [one["name"] for one in document["servers"]] == (["stub"] if started else [])
    assert main.run(["--project", str(ground.folder), "report", "servers"]) == 0
    assert capsys.readouterr().out.startswith("# servers" if started else "no work was for anything outside\n")
