"""Old months are dropped by two people: the log says what and by whose order, and the rest holds."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.support import warm
from tests.support.invariants import broken_invariants
from tests.support.projects import Ground, at_work, ended, wait_until
from tests.support.verifying import ask_node, needs_node, told

from wave_runner.core.drop import month_of
from wave_runner.engine import Engine
from wave_runner.errors import ConflictError
from wave_runner.reports.cost import cost
from wave_runner.reports.delta import delta
from wave_runner.reports.export import Wanted, export
from wave_runner.reports.overall import overall
from wave_runner.reports.verify import Verified, verify_log
from wave_runner.store import drops, run_sums

FETCH = """\
from wave_runner import ScriptActor


class Fetch(ScriptActor):
    staging = True

    def process(self, item, ctx):
        rows = [{"name": f"item {ctx.run['id']}-{n}", "text": "two words"} for n in (1, 2)]
        return {"staged": ctx.staging.add([{"raw": row, "source": "x", "position": 1} for row in rows])}
"""


def wave(ground: Ground, *arguments: str, code: int = 0) -> str:
    command = ["--project", ground.folder, *arguments]
    done = warm.wave(*command)
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
                assert await ended(engine, await engine.new_runs().start("work", {})) == "completed"

    ground.do(act)
    return [row["run_id"] for row in ground.sql("SELECT run_id FROM workflow_runs ORDER BY run_id")]


def dropped(ground: Ground, before: str | None = None) -> str:
    drop(ground, "--before", before or month(ground), "--basis", "policy 7", "--as", "maria")
    return drop(ground, "--approve", "--as", "ben")


def parts(ground: Ground) -> int:
    """Return how many partitions there are."""
    return int(ground.one("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'"))


async def reports_of(engine: Engine, run_id: int) -> list[Any]:
    """Return what is reported of a run and does not change by itself."""
    async with engine.database.snapshot() as connection:
        found = await overall(connection, run_id, await run_sums.sums(connection, run_id))
    return [found.run, found.records, found.staging, found.interactions, await cost(engine.database, run_id),
            await delta(engine.database, run_id)]  # fmt: skip


async def exported(engine: Engine, newest: int, old: int, key: str) -> dict[str, Path]:
    """Write bundles of what is left and of what is gone."""
    half = 2 * (await engine.database.fetch("sealed/signed"))[0]["size"] // 3
    wanted = {
        "whole": Wanted(),
        "run": Wanted(run=newest),
        "stretch": Wanted(stretch=(0, half)),
        "record": Wanted(record=key),
        "old run": Wanted(run=old),
        "old record": Wanted(record=f"item {old}-1"),
    }
    for name, one in wanted.items():
        await export(engine.database, engine.folder / name, one, source=engine.source())
    return {name: engine.folder / name for name in wanted}


@needs_node
def test_eleven_of_twelve_months_go_and_the_rest_proves_itself(ground: Ground):
    *old, newest = months(ground, 12)
    before = parts(ground)
    events = "SELECT * FROM interaction_events WHERE run_id IN (0, %s) ORDER BY event_id"
    said = ground.sql(events, newest)

    async def act(engine: Engine) -> tuple[Verified, dict[str, Path]]:
        maria, ben = engine.erasing("maria"), engine.erasing("ben")
        await maria.request(f"item {newest}-1", collection=None, basis="Art. 17")
        await ben.approve(f"item {newest}-1", collection=None)
        reports = await reports_of(engine, newest)
        await engine.dropping("maria").request(month_of(month(ground)), basis="policy 7")
        assert len(await engine.dropping("ben").approve(None)) == 11
        assert await reports_of(engine, newest) == reports
        verified = await verify_log(
            engine.database, source=engine.source(), policy=None, older=(), longest_transaction_us=10**9
        )
        key = ground.one("SELECT key FROM records WHERE key ~ '^erased-'")
        return verified, await exported(engine, newest, old[3], key)

    verified, bundles = ground.do(act)
    assert verified.findings.sorted() == []
    assert [(one.first_run, one.requested_by, one.approved_by, one.is_done) for one in verified.dropped] == [
        (run, "maria", "ben", True) for run in old
    ]
    assert parts(ground) == before - 11 * 12
    assert ground.sql("SELECT DISTINCT run_id FROM interactions") == [{"run_id": newest}]
    assert ground.sql(events, newest)[: len(said)] == said
    assert broken_invariants(ground.url) == {}

    answers = {name: told(str(folder), "--json") for name, folder in bundles.items()}
    assert {name: text for name, (code, text) in answers.items() if code} == {}
    policy = (bundles["whole"] / "policy").read_text()
    assert [one.code for one in ask_node(ground.folder, list(bundles.values()), policy)] == [0] * len(bundles)
    found = {name: json.loads(text) for name, (_, text) in answers.items()}
    counted = "SELECT sum((data::json #>> '{rows,events}')::int) FROM interaction_events WHERE type = 'history_dropped'"
    assert found["whole"]["facts"]["dropped"] == verified.facts["dropped"] == ground.one(counted)
    assert found["whole"]["dropped"] == [one._asdict() for one in verified.dropped]
    assert 0 < found["stretch"]["facts"]["dropped"] < verified.facts["dropped"]
    for name in ("old run", "old record"):
        assert [one["first_run"] for one in found[name]["dropped"]] == [old[3]], name
    wave(ground, "projection", "verify")
    wave(ground, "projection", "rebuild", "record_states")
    assert "not counted: the history of run" in wave(ground, "report", "records")
    wave(ground, "doctor")


def test_what_is_gone_is_said_by_name_and_nothing_of_it_is_done_again(ground: Ground):
    old, newest = months(ground, 2)
    with_history = wave(ground, "status", "--run", str(old))
    index = ground.one("SELECT max(log_index) FROM event_log WHERE run_id = %s", old)
    dropped(ground)
    gone = f"the history of run {old} was dropped on "
    by = "maria asked for it, ben agreed"
    shown = wave(ground, "status", "--run", str(old))
    assert gone in shown
    kept = [line for line in with_history.splitlines() if line.startswith(("records", "count\t"))]
    assert kept[0] in shown, "counts and verdicts are what they were"
    for arguments in (
        ("status", "--run", str(old), "--as-of", str(index)),
        ("trace", f"item {old}-1"),
        ("explain", "items.words", "--record", f"item {old}-1"),
        ("report", "cost", "--run", str(old)),
        ("report", "delta", str(old)),
    ):
        said = wave(ground, *arguments, code=4)
        assert gone in said, arguments
        assert by in said, arguments
    assert "dropped" in wave(ground, "audit", "drops")
    assert wave(ground, "trace", f"item {newest}-1"), "a record of a later run"
    assert ground.items()[f"item {old}-1"] == 2, "the project's own table is its own"
    with pytest.raises(ConflictError, match=f"the history of run {old} was dropped, or is about to be"):
        ground.do(lambda engine: engine.database.fetch("runs/reopen", {"run_id": old}))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="nobody has ordered"):
        ground.sql("SELECT drop_run_range(%s)", newest)


async def refused(act: Awaitable[Any], says: str) -> None:
    with pytest.raises(ConflictError) as refusal:
        await act
    assert says in refusal.value.message


def test_nobody_drops_alone_or_what_is_held_or_needed_or_newest(ground: Ground):
    old, _ = months(ground, 2)
    this, last = (month_of(month(ground, back)) for back in (0, 1))
    before, key = parts(ground), f"item {old}-1"

    async def act(engine: Engine) -> None:
        maria, ben, maria_again = (engine.dropping(name) for name in ("maria", "ben", "Maria"))
        await refused(ben.approve(None), "nobody has asked")
        await refused(ben.withdraw(), "nobody has asked")
        await refused(maria.request(date(2999, 1, 1), basis="x"), "are not over")
        await refused(maria.request(last, basis="x"), "nothing to drop")
        await maria.request(this, basis="policy 7")
        await refused(ben.request(this, basis="x"), "maria has asked already")
        await refused(maria_again.approve(None), "cannot agree to it as well")
        await refused(ben.approve(date(2020, 1, 1)), "not 2020-01")

        eve = engine.erasing("eve")
        await eve.hold(key, collection=None, reason="proceedings")
        assert [one.partition(" · ")[0] for one in (await ben.preview(None)).reasons] == [
            f"{last:%Y-%m}: a hold is on 1 of its records, {key} among them"
        ]
        await refused(ben.approve(None), f"a hold is on 1 of its records, {key}")
        await eve.release(key, collection=None)
        ended = ground.one("SELECT ended_at FROM workflow_runs WHERE run_id = %s", old)
        ground.sql("UPDATE workflow_runs SET state = 'running', ended_at = NULL WHERE run_id = %s", old)
        await refused(ben.approve(None), f"1 runs have not ended, run {old} among them")
        ground.sql("UPDATE workflow_runs SET state = 'completed', ended_at = %s WHERE run_id = %s", ended, old)

        await maria.withdraw()
        await refused(ben.approve(None), "nobody has asked")
        assert parts(ground) == before, "nothing is dropped"
        await maria.request(this, basis="policy 7")
        assert [one.rows["interactions"] for one in await ben.approve(this)] == [4]
        assert parts(ground) == before - 12
        listed = [(one.requested_by, one.approved_by, one.dropped) for one in await drops.requests(engine.database)]
        assert listed == [("maria", "ben", 1), ("maria", None, 0)]

    ground.do(act)
    types = "SELECT type::text AS type, data FROM interaction_events WHERE type::text ~ 'drop' ORDER BY event_id"
    events = ground.sql(types)
    assert [one["type"] for one in events] == [
        "drop_requested", "drop_withdrawn", "drop_requested", "drop_ordered", "history_dropped",
    ]  # fmt: skip
    assert not any("policy" in one["data"] for one in events), "events commit to the basis"


def test_the_command_says_what_would_go_and_how_to_go_on(ground: Ground):
    old, _ = months(ground, 2)
    this = month(ground)
    for arguments, said in [
        ((), "say which months"),
        (("--before", "soon"), "is no month"),
        (("--before", this, "--basis", " "), "needs a text"),
        (("--before", this, "--basis", "x", "--approve"), "exclude each other"),
    ]:
        assert said in drop(ground, *arguments, code=2), arguments
    preview = drop(ground, "--before", this)
    assert f"{month(ground, 1)}\t{old} to 99999\t1\t2\t4\t" in preview
    assert "nobody has asked for this" in preview
    assert "nothing is dropped yet" in drop(ground, "--before", this, "--basis", "policy 7", "--as", "maria")
    assert "maria has asked for the months before" in drop(ground)
    assert "the signed log says what is gone" in drop(ground, "--approve", "--as", "ben")
    assert "policy 7" in wave(ground, "audit", "drops")


def said_first(said: str, what: str) -> bool:
    """Say whether this is what was found first."""
    return f"\nTAMPERED: {what}" in said


def superuser(ground: Ground, *statements: str) -> None:
    """Do what only the owner of the server can, with what stops everybody else switched off."""
    ground.tampered = True
    with ground.superuser() as connection:
        tables = connection.execute(
            "SELECT oid::regclass::text FROM pg_class "
            "WHERE relnamespace = 'wave'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            connection.execute(statement)


def test_what_is_dropped_without_an_order_is_missed_and_so_is_an_order(ground: Ground):
    old, newest = months(ground, 2)
    first = ground.one("SELECT min(log_index) FROM event_log WHERE run_id = %s", newest)
    dropped(ground)
    order = ground.one(
        "SELECT log_index FROM event_log JOIN interaction_events USING (event_id) WHERE type = 'drop_ordered'"
    )
    superuser(ground, f"ALTER TABLE interaction_events DETACH PARTITION interaction_events_r{newest}")
    by_hand = wave(ground, "audit", "verify", code=1)
    assert said_first(by_hand, f"log index {first}: its event is not there"), "the first of those that are missed"
    superuser(ground, "DELETE FROM interaction_events WHERE type = 'drop_ordered'")
    without = wave(ground, "audit", "verify", code=1)
    first = ground.one("SELECT min(log_index) FROM event_log WHERE run_id = %s", old)
    assert said_first(without, f"log index {first}: its event is not there")
    assert str(order) in wave(ground, "audit", "verify", "--json", code=1)


def test_what_is_put_back_though_it_is_gone_is_found(ground: Ground):
    old, _ = months(ground, 2)
    with ground.superuser() as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM interaction_events WHERE run_id = %s", [old])
    dropped(ground)
    superuser(
        ground,
        "CREATE TABLE back PARTITION OF interaction_events FOR VALUES FROM (1) TO (100000)",
        "INSERT INTO back SELECT * FROM kept",
    )
    first = ground.one("SELECT min(log_index) FROM event_log WHERE run_id = %s", old)
    said = wave(ground, "audit", "verify", code=1)
    assert said_first(said, f"log index {first}: its event is there still")


def test_a_drop_gives_way_to_who_is_at_work_and_stops_nobody(ground: Ground):
    old, _ = months(ground, 2)
    drop(ground, "--before", month(ground), "--basis", "policy 7", "--as", "maria")
    with psycopg.connect(ground.url, options="-c search_path=wave,public") as reader:
        reader.execute("SELECT count(*) FROM interactions").fetchall()  # and its transaction stays open
        with ground.process("audit", "drop", "--approve", "--as", "ben") as dropper:
            wait_until(lambda: ground.one("SELECT count(*) FROM run_ranges WHERE drop_id IS NOT NULL"))
            assert ground.run() == "completed", "a runner works on meanwhile"
            assert dropper.poll() is None
            assert ground.one("SELECT count(*) FROM interactions WHERE run_id = %s", old) > 0
            with pytest.raises(psycopg.DatabaseError, match="is about to be"):
                ground.sql(
                    "INSERT INTO interaction_events (run_id, form, type, data, sha256) "
                    "VALUES (%s, 1, 'alert_raised', '{}', sha256('{}'))", old,
                )  # fmt: skip
            reader.rollback()
            assert dropper.wait(60) == 0
    assert ground.one("SELECT count(*) FROM interactions WHERE run_id = %s", old) == 0
    wave(ground, "audit", "verify")
