"""The log verified for who asks by HTTP: in a process of its own, in their name, one at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.api.test_acting import Person
from tests.audit.test_live import owner
from tests.support.projects import Ground
from tests.support.serving import Served
from tests.support.waiting import wait_until

from wave_runner.api.verifying import NOT_DONE, Verifying
from wave_runner.errors import ConflictError


def verified(person: Person) -> dict[str, Any]:
    """Have the log verified, and return what came of it with all verifications."""
    begun = person.does("audit/verify")["under_way"]
    wait_until(lambda: person.sees("audit/verifications")["under_way"] is None, "it has not ended")
    found: dict[str, Any] = person.sees("audit/verifications")
    assert found["last"]["ended_at"] > begun["began_at"]
    return found


def test_whoever_may_has_the_log_verified_and_reads_what_does_not_hold(served: Served, worked: Ground):
    ida = Person(served, worked, "ida", "auditor")
    before = ida.sees("audit/verifications")
    assert (before["under_way"], before["last"], before["rows"]) == (None, None, [])
    found = verified(ida)
    assert (found["last"]["by"], found["last"]["result"], found["last"]["findings"]) == ("ida", "ok", [])
    [row] = found["rows"]
    assert (row["by"], row["result"], row["policy"], row["findings"]) == ("ida", "ok", "own", 0)
    assert row["entries"] == worked.one("SELECT max(size) FROM log_checkpoints")

    event = worked.one("SELECT min(event_id) FROM interaction_events WHERE type = 'interaction_completed'")
    with owner(worked) as connection:
        connection.execute("UPDATE interaction_events SET actor = 'another' WHERE event_id = %s", [event])
    found = verified(ida)
    assert (found["last"]["result"], found["last"]["count"]) == ("tampered", 1)
    [first] = found["last"]["findings"]
    assert first["event_id"] == str(event)
    assert [one["result"] for one in found["rows"]] == ["tampered", "ok"]


def test_one_is_under_way_at_a_time_and_what_was_said_instead_of_a_result_is_told(tmp_path: Path):
    async def act() -> Verifying:
        verifying = Verifying(tmp_path / "nothing")
        await verifying.begin("ida")
        with pytest.raises(ConflictError, match="being verified already, for ida"):
            await verifying.begin("otto")
        assert verifying._waiting is not None
        await verifying._waiting
        return verifying

    done = asyncio.run(act())
    assert done.under_way is None
    assert done.last is not None
    assert (done.last.by, done.last.result, done.last.says) == (
        "ida",
        NOT_DONE,
        f"there is no folder {tmp_path}/nothing",
    )


def test_what_is_under_way_is_given_up_at_the_end(tmp_path: Path):
    async def act() -> int | None:
        verifying = Verifying(tmp_path)
        await verifying.begin("ida")
        assert verifying._process is not None
        await verifying.end()
        return verifying._process.returncode

    assert asyncio.run(act()) is not None
