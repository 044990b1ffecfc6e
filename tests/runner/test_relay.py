"""A record that is alone goes from step to step: what records one wave opens the next, and nobody looks in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.database import fresh_database
from tests.support.fault_proxy import Cut, FaultProxy
from tests.support.projects import Ground, at_work, script, wait_until
from tests.support.selecting import TOML, fill, selecting

from wave_runner.core.control import Subject
from wave_runner.engine import Engine
from wave_runner.runner import relay

SCRIPTS = """\
one: {actor: one, input: {name: record.name, text: record.text}, next: two}
two: {actor: two, input: {name: record.name}, next: three}
three: {actor: three, input: {name: record.name}, next: end}
"""
ROUTES = """\
one: {input: {text: record.text}, next: {when: [{if: "input.text != ''", to: two}], else: end}}
two: {input: {text: record.text}, next: {when: [{if: "input.text != ''", to: three}], else: end}}
three: {input: {text: record.text}, next: {when: [{if: "input.text == ''", to: end}], else: end}}
"""
NAMES = ("one", "two", "three")


def chain(ground: Ground, n: int, *, steps: str = SCRIPTS, toml: str = "", calls: Path | None = None) -> Ground:
    """Write a project of three steps in a row for `n` records; its scripts note in a file that they were called."""
    note = f"open({str(calls)!r}, 'a').write(f\"{{item['name']}} {{self.__module__}}\\n\")\n" if calls else ""
    actors = {f"actors/{name}.py": script(f"{note}return {{}}  # {name}") for name in NAMES if steps == SCRIPTS}
    selecting(ground, steps=steps, toml=TOML + toml + (notes(calls, *NAMES) if calls else ""), files=actors)
    fill(ground, n)
    return ground


def notes(file: Path, *scripts: str) -> str:
    """Let scripts write to a file, which is there from now on."""
    file.touch()
    return "".join(f'\n[scripts.{name}]\nmay_write = "{file}"\n' for name in scripts)


async def begun(engine: Engine, ground: Ground) -> int:
    """Let a run begin that takes all records through the steps, since all of them have changed."""
    ground.sql("UPDATE items SET text = text || '.'")
    return await engine.new_runs().start("work", {}, force=True)


async def completed(ground: Ground, run_id: int) -> None:
    state = "SELECT state FROM workflow_runs WHERE run_id = %s"
    await asyncio.to_thread(wait_until, lambda: ground.one(state, run_id) == "completed")


async def done(engine: Engine, ground: Ground) -> int:
    """Take all records through the steps once more, by the runner that is at work; return the run."""
    run_id = await begun(engine, ground)
    await completed(ground, run_id)
    return run_id


def reasons_of_a_warm_runner(ground: Ground, expected: list[str]) -> list[str]:
    """Return why the waves of a run were opened, as soon as they are those expected: of the tenth run at the latest.

    Until its processes are warm a script seems slow.
    """

    async def work(engine: Engine) -> list[str]:
        async with at_work(engine):
            await done(engine, ground)
            for _ in range(9):
                found = reasons(ground, await done(engine, ground))
                if found == expected:
                    break
            return found

    return ground.do(work)


def reasons(ground: Ground, run_id: int) -> list[str]:
    """Why the waves of a run were opened, step by step."""
    found = ground.sql(
        "SELECT DISTINCT s.position, e.data::jsonb ->> 'reason' AS reason FROM interactions i "
        "JOIN run_steps s USING (run_step_id) JOIN interaction_events e USING (wave_id) "
        "WHERE i.run_id = %s AND e.type = 'wave_opened' ORDER BY s.position",
        run_id,
    )
    return [row["reason"] for row in found]


@pytest.mark.parametrize("steps", [SCRIPTS, ROUTES], ids=["scripts", "routes"])
def test_a_record_goes_from_one_step_to_the_next(steps: str, ground: Ground):
    expected = ["latest step", "next step", "next step"]
    assert reasons_of_a_warm_runner(chain(ground, 3, steps=steps), expected) == expected
    assert ground.one("SELECT count(*) FROM waves WHERE closed_at IS NULL") == 0


def test_many_records_do_not(ground: Ground):
    relayed = ["latest step", "next step", "next step"]
    assert reasons_of_a_warm_runner(chain(ground, relay.MOST + 1), relayed) == ["latest step"] * 3


@pytest.mark.parametrize(
    ("limited", "expected"),
    [("one", ["latest step", "latest step", "next step"]), ("three", ["latest step", "next step", "latest step"])],
)
def test_what_somebody_allows_only_so_often_is_looked_for_and_opens_nothing(
    limited: str, expected: list[str], ground: Ground
):
    chain(ground, 1, toml=f"[scripts.{limited}]\nconcurrency = 1\n")
    assert reasons_of_a_warm_runner(ground, expected) == expected


def test_what_has_been_paused_since_a_look_is_not_begun(ground: Ground):
    chain(ground, 1)
    states = "SELECT array_agg(state::text ORDER BY interaction_id) FROM interactions WHERE run_id = 2"

    async def work(engine: Engine) -> None:
        async with at_work(engine):
            await done(engine, ground)
            await engine.orders().pause(Subject.ACTOR, "two")
            second = asyncio.create_task(done(engine, ground))
            await asyncio.to_thread(wait_until, lambda: ground.one(states) == ["completed", "pending"])
            await engine.orders().resume(Subject.ACTOR, "two")
            await second

    ground.do(work)
    assert ground.states("two") == {"completed": 2}


def begun_with_their_wave(ground: Ground, run_id: int) -> list[bool]:
    """Say of each interaction that was relayed whether it began in the transaction that opened its wave."""
    found = ground.sql(
        "SELECT o.xmin = s.xmin AS together FROM interaction_events s JOIN interaction_events o USING (wave_id) "
        "WHERE s.run_id = %s AND s.type = 'interaction_started' AND o.type = 'wave_opened' "
        "AND o.data::jsonb ->> 'reason' = 'next step'",
        run_id,
    )
    return [row["together"] for row in found]


def test_what_a_step_names_of_its_record_is_read_while_the_one_before_is_recorded(ground: Ground):
    chain(ground, 3)

    async def work(engine: Engine) -> list[bool]:
        async with at_work(engine):
            for _ in range(10):
                found = begun_with_their_wave(ground, await done(engine, ground))
                if found == [True] * 6:
                    break
            return found

    assert ground.do(work) == [True] * 6


WRITES = """\
one: {actor: one, input: {text: record.text}, writes: [items.words], next: two}
two: {actor: two, input: {words: record.words, text: record.text}, next: end}
"""


def test_what_one_step_writes_the_next_one_reads(ground: Ground, tmp_path: Path):
    seen = tmp_path / "seen"
    write = "ctx.write('items', {'words': len(item['text'])})\nreturn {}"
    note = f"open({str(seen)!r}, 'a').write(f\"{{item['words'] == len(item['text'])}}\\n\")\nreturn {{}}"
    actors = {"actors/one.py": script(write), "actors/two.py": script(note)}
    selecting(ground, steps=WRITES, toml=TOML + notes(seen, "two"), files=actors)
    fill(ground, 1)

    async def work(engine: Engine) -> list[str]:
        async with at_work(engine):
            return [reason for _ in range(10) for reason in reasons(ground, await done(engine, ground))]

    assert "next step" in ground.do(work)
    assert Counter(seen.read_text(encoding="utf-8").splitlines()) == {"True": 10}


async def _never() -> None:
    await asyncio.Event().wait()


def test_a_reading_that_takes_long_is_not_waited_for():
    async def work() -> None:
        reading = asyncio.ensure_future(_never())
        assert await relay.soon(reading) is None
        assert not reading.done()
        reading.cancel()

    asyncio.run(work())


@pytest.fixture
def behind(session_database: str, migrated: str, tmp_path: Path) -> Iterator[tuple[Ground, FaultProxy]]:
    """The chain, whose runner reaches its database by the proxy; it is looked at without it."""
    with fresh_database(session_database, template=migrated) as url, FaultProxy(url) as proxy:
        ground = Ground(folder=tmp_path / "project", url=url, admin_url=session_database)
        chain(ground, 3, calls=tmp_path / "calls")
        ground.write(".env", f"WAVE_DATABASE_URL={proxy.url}\n")
        yield ground, proxy


@pytest.mark.parametrize("where", Cut)
def test_a_commit_that_is_cut_off_has_nothing_begun_twice(
    where: Cut, behind: tuple[Ground, FaultProxy], tmp_path: Path
):
    """What was to follow is asked for too: gone on with if it stands, and else opened again with what is recorded."""
    ground, proxy = behind
    runs = 0

    async def work(engine: Engine) -> None:
        nonlocal runs
        async with at_work(engine):
            while proxy.cuts < 4 and runs < 40:
                run_id = await begun(engine, ground)
                proxy.cut(where, nth=1 + runs % 2, of=b"next step")
                await completed(ground, run_id)
                runs += 1

    ground.do(work)
    assert proxy.cuts == 4
    calls = Counter((tmp_path / "calls").read_text(encoding="utf-8").splitlines())
    assert set(calls.values()) == {runs}
    assert len(calls) == 9
    assert ground.one("SELECT max(attempt) FROM interactions") == 1
    assert ground.one("SELECT count(*) FROM interaction_events WHERE type = 'wave_expired'") == 0
