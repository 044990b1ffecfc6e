"""Where erasures, retention and repairs meet: whoever comes second waits, and nothing that is gone comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_recall import GOOD, again, asking
from tests.runner.test_repair import LABEL, MORE, STEPS, rerun, undo, values, work
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import FETCH, Ground, Make, redo, rows, until

from wave_runner.core.control import Subject
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.runner.repair import Started

KEY = "item 0001"
ENSURES = ["record.words > 0"]


def three_records(ground: Ground) -> None:
    ground.project(rows=rows(3), steps=STEPS, actors={"label": LABEL}, ensures=ENSURES)
    assert ground.run() == "completed"
    ground.write("actors/count.py", MORE)


def all_redone(ground: Ground) -> None:
    three_records(ground)
    rerun(ground)
    assert work(ground) == "completed"


@pytest.fixture
def done(copy_of: Callable[[Make], Ground]) -> Ground:
    """Three records through two steps, each with a condition that it meets."""
    return copy_of(three_records)


@pytest.fixture
def redone(copy_of: Callable[[Make], Ground]) -> Ground:
    """The same, after a rerun of everything."""
    return copy_of(all_redone)


async def erase(engine: Engine, key: str = KEY) -> Any:
    await engine.erasing("ada").request(key, collection=None, basis="Art. 17")
    return await engine.erasing("ben").approve(key, collection=None)


@contextmanager
def stopped_at(ground: Ground, lock: str) -> Iterator[None]:
    """Hold a lock that a transaction under test runs into."""
    with ground.superuser() as connection:
        connection.execute(lock)  # type: ignore[arg-type]
        yield


async def waiting(engine: Engine, n: int) -> bool:
    """Whether so many transactions wait for a lock."""
    query = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with engine.database.transaction() as connection:
        return (await (await connection.execute(query)).fetchall())[0]["n"] == n


async def amid_an_erasure(ground: Ground, engine: Engine, act: Callable[[], Awaitable[Any]]) -> Any:
    """Erase a record, and act when that has done everything but to commit. Returns what came of the act."""
    await engine.erasing("ada").request(KEY, collection=None, basis="Art. 17")
    with stopped_at(ground, "SELECT FROM erasures FOR UPDATE"):
        erasing = asyncio.create_task(engine.erasing("ben").approve(KEY, collection=None))
        await until(lambda: waiting(engine, 1))
        acting = asyncio.create_task(act())  # type: ignore[arg-type]
        await until(lambda: waiting(engine, 2))
    await erasing
    return await acting


def of_erased(ground: Ground) -> list[dict[str, Any]]:
    return ground.sql(
        "SELECT s.name, i.state::text AS state, i.in_force, i.generation FROM interactions i "
        "JOIN records USING (record_id) JOIN run_steps USING (run_step_id) JOIN steps s USING (step_id) "
        "WHERE key LIKE 'erased-%%' ORDER BY interaction_id"
    )


def test_a_rerun_amid_an_erasure_waits_and_leaves_that_record_out(done: Ground):
    async def act(engine: Engine) -> Started:
        await engine.sync(dev=True)
        choice = engine.redoing().choice("work", "count")
        return await amid_an_erasure(done, engine, lambda: engine.redoing().rerun(choice, reason="wrong"))

    assert done.do(act).records == 2
    assert work(done) == "completed"
    assert {row["generation"] for row in of_erased(done)} == {0}
    assert values(done)[KEY] == (4, ["has 4"])
    assert values(done)["item 0002"] == (104, ["has 104"])


def test_a_rerun_that_expects_what_is_erased_meanwhile_changes_nothing(done: Ground):
    async def act(engine: Engine) -> None:
        await engine.sync(dev=True)
        choice = engine.redoing().choice("work", "count")
        with pytest.raises(ConflictError, match="2 records are chosen, and 3 were expected"):
            await amid_an_erasure(done, engine, lambda: engine.redoing().rerun(choice, reason="wrong", expect=3))

    done.do(act)
    assert done.one("SELECT count(*) FROM reruns WHERE generation > 0") == 0


def test_an_undo_amid_an_erasure_waits_and_leaves_that_record(redone: Ground):
    async def act(engine: Engine) -> Any:
        return await amid_an_erasure(redone, engine, lambda: engine.repair().undo(1, dry=False))

    [(_, undone)] = redone.do(act)
    assert (undone.records, [why for _, why in undone.left]) == (2, ["erased"])
    assert work(redone) == "completed"
    assert values(redone)[KEY] == (104, ["has 104"])
    assert values(redone)["item 0002"] == (4, ["has 4"])


def test_an_invalidation_amid_an_erasure_waits_and_leaves_that_record(done: Ground):
    async def act(engine: Engine) -> Any:
        choice = engine.redoing().choice("work", "count")
        return await amid_an_erasure(done, engine, lambda: engine.repair().invalidate(choice, reason="wrong"))

    assert done.do(act).records == 2
    assert work(done) == "failed"
    assert {row["state"] for row in of_erased(done)} == {"completed"}


def test_an_erasure_amid_a_rerun_waits_cancels_what_that_began_and_erases_it(done: Ground):
    async def act(engine: Engine) -> Any:
        await engine.sync(dev=True)
        await engine.erasing("ada").request(KEY, collection=None, basis="Art. 17")
        with stopped_at(done, "LOCK TABLE spending IN SHARE MODE"):
            redoing = asyncio.create_task(redo(engine, "count", reason="wrong"))
            await until(lambda: waiting(engine, 1))
            erasing = asyncio.create_task(engine.erasing("ben").approve(KEY, collection=None))
            await until(lambda: waiting(engine, 2))
        return await redoing, await erasing

    started, erased = done.do(act)
    assert (started.records, erased.cancelled) == (3, 1)
    work(done)
    assert values(done)[KEY] == (4, ["has 4"])


def test_an_undo_leaves_a_record_that_was_erased_since(redone: Ground):
    redone.do(erase)
    [(_, undone)] = undo(redone)
    assert (undone.records, undone.values, [why for _, why in undone.left]) == (2, 4, ["erased"])
    assert work(redone) == "completed"
    assert values(redone)[KEY] == (104, ["has 104"])
    [known] = redone.do(lambda engine: engine.repair().known())
    assert (known.records, known.left_alone) == (3, 1)


def test_a_record_that_was_erased_amid_a_rerun_is_not_judged_again(done: Ground):
    rerun(done)
    done.do(erase)
    work(done)
    judged = "SELECT state, broken FROM run_records JOIN records USING (record_id) WHERE key LIKE 'erased-%%'"
    before = done.sql(judged)
    [(_, undone)] = undo(done)
    assert (undone.records, [why for _, why in undone.left]) == (2, ["erased"])
    work(done)
    assert done.sql(judged) == before


def test_what_stood_before_and_is_gone_by_its_age_is_not_put_back_as_nothing(ground: Ground):
    ground.project(rows=rows(3), steps=STEPS, actors={"label": LABEL}, toml="[retention]\nbefore = 1\n")
    assert ground.run() == "completed"
    ground.write("actors/count.py", MORE)
    rerun(ground, where=f'name:"{KEY}"')
    work(ground)
    grown_old(ground)
    ground.do(lambda engine: engine.retaining("ben").apply())
    rerun(ground, where='name:"item 0002"')
    work(ground)
    [(_, undone)] = undo(ground, 1)
    assert undone.left == ((KEY, "before_erased"),)
    assert values(ground)[KEY] == (104, ["has 104"])
    [(_, undone)] = undo(ground, 2)
    assert (undone.records, undone.left) == (1, ())
    work(ground)
    assert values(ground)["item 0002"] == (4, ["has 4"])


def test_a_value_that_the_table_does_not_take_back_leaves_its_record_and_no_other(redone: Ground):
    redone.sql(f"ALTER TABLE items ADD CHECK (words > 100 OR name <> '{KEY}')")
    [(_, undone)] = undo(redone)
    assert (undone.records, undone.left) == (2, ((KEY, "refused"),))
    assert work(redone) == "completed"
    assert values(redone)[KEY] == (104, ["has 104"])
    assert values(redone)["item 0002"] == (4, ["has 4"])


def test_a_run_that_was_cancelled_is_not_undone_and_no_record_of_it_stays_without_a_verdict(done: Ground):
    rerun(done)
    done.do(lambda engine: engine.orders().cancel(Subject.RUN, "1"))
    assert work(done) == "cancelled"
    [(_, undone)] = undo(done)
    assert (undone.records, {why for _, why in undone.left}) == (0, {"run_cancelled"})
    assert done.one("SELECT count(*) FROM run_records WHERE state = 'ended'") == 0
    assert done.one("SELECT count(*) FROM interaction_events WHERE type = 'rerun_undone'") == 0


def test_an_undo_that_the_tables_refuse_says_what_was_done_all_the_same(done: Ground):
    rerun(done, where=f'name:"{KEY}"')
    work(done)
    rerun(done, where='name:"item 0002"')
    done.sql("ALTER TABLE tags RENAME TO labels")
    with pytest.raises(ConflictError) as refused:
        undo(done, 1)
    assert refused.value.hint == "no value was put back; what was at work of it stays cancelled"
    done.sql("ALTER TABLE labels RENAME TO tags")
    work(done)


def test_a_preview_counts_the_reasons_that_have_the_key_in_them(done: Ground):
    async def act(engine: Engine) -> Any:
        await engine.sync(dev=True)
        repair = engine.repair()
        await repair.invalidate(
            engine.redoing().choice("work", "count", where=f'name:"{KEY}"'), reason=f"{KEY} is wrong"
        )
        await redo(engine, "count", reason=f"{KEY} and others")
        return await engine.erasing("ada").preview(KEY, collection=None)

    speaking = done.do(act).speaking
    assert (speaking["reruns"], speaking["invalidations"]) == (1, 1)
    work(done)


def grown_old(ground: Ground) -> None:
    with ground.superuser() as connection:
        connection.execute(
            "UPDATE workflow_runs SET started_at = started_at - interval '3 d', ended_at = ended_at - interval '3 d'"
        )


def test_retention_amid_a_rerun_waits_and_leaves_a_run_that_goes_on(done: Ground):
    toml = done.folder / "wave.toml"
    toml.write_text(toml.read_text() + "\n[retention]\ninteraction = 1\nbefore = 1\n")
    grown_old(done)

    async def act(engine: Engine) -> Any:
        await engine.sync(dev=True)
        with stopped_at(done, "LOCK TABLE spending IN SHARE MODE"):
            redoing = asyncio.create_task(redo(engine, "count", reason="wrong"))
            await until(lambda: waiting(engine, 1))
            retaining = asyncio.create_task(engine.retaining("ben").apply())
            await until(lambda: waiting(engine, 2))
        return await redoing, await retaining

    started, erased = done.do(act)
    assert (started.records, erased) == (3, {})
    assert work(done) == "completed"
    assert done.one("SELECT count(*) FROM interactions WHERE erased") == 0


def test_a_recorded_answer_that_a_held_record_was_given_is_held_where_it_comes_from(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        toml = "\n[retention]\nrequest = 1\nanswer = 1\ninteraction = 1\n"
        asking(ground, stub, 1).run()
        both = [{"name": name, "text": "number 0."} for name in ("item 0", "item 1")]
        ground.write("actors/fetch.py", FETCH.format(rows=json.dumps(both)))
        (ground.folder / "wave.toml").write_text((ground.folder / "wave.toml").read_text() + toml)
        again(ground)
        assert len(stub.requests()) == 1
    source, given = "item 0", "item 1"

    async def act(engine: Engine) -> None:
        await engine.erasing("maria").hold(given, collection=None, reason="proceedings")
        await engine.erasing("ada").request(source, collection=None, basis="Art. 17")
        found = await engine.erasing("ada").preview(source, collection=None)
        assert found.held_through == {given: "maria"}
        with pytest.raises(ConflictError, match=f"hold on {given}, which was given a recorded answer of {source}"):
            await engine.erasing("ben").approve(source, collection=None)

    ground.do(act)
    grown_old(ground)
    ground.do(lambda engine: engine.retaining("ben").apply())
    kept = (
        "SELECT p.role FROM payloads p JOIN interactions USING (run_id, interaction_id) JOIN records USING (record_id) "
        "WHERE key = %s AND content IS NOT NULL ORDER BY role"
    )
    assert {row["role"] for row in ground.sql(kept, source)} >= {"request", "answer"}
    ground.do(lambda engine: engine.erasing("maria").release(given, collection=None))
    ground.do(lambda engine: engine.erasing("ben").approve(source, collection=None))
    assert ground.sql(kept, source) == []
