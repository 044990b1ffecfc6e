"""Alerts are told outside: once each, whoever tells them, and nothing that the receiver does delays any work."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support import warm
from tests.support.projects import Ground, rows, script, wait_until
from tests.support.receiver import SECRET, ReceiverProcess
from tests.support.selecting import registered

from wave_runner import crash_points
from wave_runner.engine import Engine
from wave_runner.reports.alerts import alerts
from wave_runner.runner.notifier import Notifier
from wave_runner.runner.webhook import NotTaken, Receiver, post

VARIABLE = "ALERTS_SECRET"
ENVIRON = {VARIABLE: SECRET}
LEFT_ALONE = (
    "INSERT INTO breakers (kind, name, position, failures, trips, retry_at, opened_at, error_class, reason) VALUES "
    "('server', 'far', 'open', 7, 1, clock_timestamp() + interval '1 day', clock_timestamp() - interval '1 hour', "
    "'transient', 'what it has said')"
)
LET_LOOK = "UPDATE notice_looks SET looked_at = '-infinity'"
LET_TRY = "UPDATE notices SET next_at = clock_timestamp() WHERE next_at IS NOT NULL"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverProcess]:
    with ReceiverProcess(tmp_path / "receiver") as found:
        yield found


def telling(ground: Ground, receiver: ReceiverProcess, *, timeout_s: float = 5, **more: Any) -> Ground:
    toml = f'[alerts]\nurl = "{receiver.url}"\nsecret_env = "{VARIABLE}"\nprivate = true\ntimeout_s = {timeout_s}\n'
    return ground.project(toml=toml, **more)


async def notifier(engine: Engine) -> Notifier:
    told = replace(engine, environ=ENVIRON)._telling(engine.project())
    assert told is not None
    return Notifier(engine.database, told, runner_id=await registered(engine))


def tell(ground: Ground) -> list[dict[str, Any]]:
    """Look which alerts stand and send all that is due; return every notice there is, in the order they were made."""

    async def look(engine: Engine) -> None:
        one = await notifier(engine)
        while await one.one_pass():
            pass

    ground.sql("DELETE FROM notice_looks")
    ground.do(look)
    return stored(ground)


def stored(ground: Ground) -> list[dict[str, Any]]:
    return ground.sql("SELECT * FROM notices ORDER BY made_at, settles NULLS FIRST")


def events(ground: Ground, type: str) -> list[dict[str, Any]]:
    found = ground.sql("SELECT data FROM interaction_events WHERE type = %s::event_type ORDER BY event_id", type)
    return [json.loads(one["data"]) for one in found]


def standing(ground: Ground) -> list[str]:
    async def found(engine: Engine) -> list[str]:
        return [one.kind for one in await alerts(engine.database)]

    return ground.do(found)


def test_an_alert_is_told_once_and_that_it_is_settled_once(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver).sql(LEFT_ALONE)
    for _ in range(3):
        tell(ground)
    [raised] = receiver.notices()
    assert (raised["type"], raised["kind"], raised["subject"]) == ("alert.raised", "left_alone", "server far")
    assert raised["project"] == "ground"
    assert "what it has said" not in str(receiver.requests())

    ground.sql("DELETE FROM breakers")
    for _ in range(3):
        tell(ground)
    [_, settled] = receiver.notices()
    assert (settled["type"], settled["settles"], settled["since"]) == ("alert.settled", raised["id"], raised["since"])

    ground.sql(LEFT_ALONE)
    tell(ground)
    assert [one["type"] for one in receiver.notices()] == ["alert.raised", "alert.settled", "alert.raised"]
    assert [one["says"] for one in events(ground, "notice_sent")] == ["raised", "settled", "raised"]
    assert receiver.requests()[0]["path"] == "/hook?of=tests"


def test_what_a_run_has_raised_is_told_and_what_is_a_day_old_is_history(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver, rows=[])
    for _ in range(2):
        assert ground.run() == "completed"
    old, new = (row["run_id"] for row in ground.sql("SELECT run_id FROM alerts ORDER BY run_id"))
    ground.sql("UPDATE alerts SET raised_at = raised_at - interval '25 hours' WHERE run_id = %s", old)
    tell(ground)
    assert [(one["kind"], one["subject"]) for one in receiver.notices()] == [("nothing_found", f"run {new} of work")]

    ground.sql("UPDATE alerts SET raised_at = raised_at - interval '25 hours'")
    tell(ground)
    assert len(receiver.notices()) == 1  # it stands still: nobody has withdrawn it
    ground.sql("DELETE FROM alerts")
    tell(ground)
    assert [one["type"] for one in receiver.notices()] == ["alert.raised", "alert.settled"]


def test_a_run_that_fails_is_told_until_one_ends_well(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver, actors={"fetch": script("raise ValueError('no')")})
    assert ground.run() == "failed"
    tell(ground)
    assert ("alert.raised", "run_failed", "workflow work") in {
        (one["type"], one["kind"], one["subject"]) for one in receiver.notices()
    }
    assert "run_failed" in standing(ground)
    ground.sql("UPDATE workflow_runs SET state = 'completed', reason = NULL")
    tell(ground)
    assert ("alert.settled", "run_failed") in {(one["type"], one["kind"]) for one in receiver.notices()}


def test_what_a_notice_says_holds_no_text_of_a_record(ground: Ground, receiver: ReceiverProcess):
    secret = "a text that nobody outside may read"
    telling(ground, receiver, rows=[{"name": secret, "text": secret}], ensures=["record.note == 'never'"])
    ground.run()
    ground.sql(
        "INSERT INTO tasks (run_id, interaction_id, queue, title, priority, due_at, needs, blind, prefill, bulk) "
        "SELECT run_id, interaction_id, 'reviewers', %s, 0, clock_timestamp() - interval '1 hour', 1, "
        "false, false, false "
        "FROM interactions ORDER BY interaction_id DESC LIMIT 1",
        secret,
    )
    tell(ground)
    said = json.dumps(receiver.requests())
    assert "tasks_overdue" in said
    assert "nobody outside" not in said


def test_what_is_not_taken_is_sent_again_as_it_was(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver).sql(LEFT_ALONE)
    for behaviour, trouble in (
        ("503", "HTTP 503"),
        ("garbage", "what it answers is not HTTP"),
        ("close", "it has closed the connection without an answer"),
        ("moved", "HTTP 307: it sends elsewhere, and nothing is sent there"),
    ):
        receiver.do(behaviour)
        [one] = tell(ground)
        assert one["trouble"] == trouble
        assert one["next_at"] is not None
        ground.sql(LET_TRY)
    receiver.do("ok")
    [one] = tell(ground)
    assert (one["attempts"], one["trouble"], one["next_at"]) == (5, None, None)
    sent = receiver.requests()
    assert {request["path"] for request in sent} == {"/hook?of=tests"}
    assert len(sent) == 5
    assert len({request["body"] for request in sent}) == len({one["headers"]["webhook-id"] for one in sent}) == 1
    assert [one["attempts"] for one in events(ground, "notice_sent")] == [5]


def test_an_end_is_told_behind_its_beginning(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver).sql(LEFT_ALONE)
    receiver.do("500")
    tell(ground)
    ground.sql("DELETE FROM breakers")
    tell(ground)
    ground.sql("UPDATE notices SET next_at = clock_timestamp() - interval '1 s' WHERE settles IS NOT NULL")
    receiver.do("ok")
    tell(ground)
    assert len(receiver.notices()) == 1  # the beginning waits for its time, and so does the end
    ground.sql(LET_TRY)
    tell(ground)
    assert [one["type"] for one in receiver.notices()] == ["alert.raised", "alert.raised", "alert.settled"]


def test_what_nobody_takes_for_a_day_is_given_up_and_that_is_an_alert(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver).sql(LEFT_ALONE)
    receiver.do("500")
    tell(ground)
    ground.sql("UPDATE notices SET made_at = made_at - interval '1 day', next_at = clock_timestamp()")
    [one] = tell(ground)
    assert (one["given_up_at"] is not None, one["trouble"], one["in_force"]) == (True, "HTTP 500", True)
    assert [one["attempts"] for one in events(ground, "notice_given_up")] == [2]
    assert standing(ground) == ["left_alone", "not_told"]

    receiver.do("ok")
    ground.sql("DELETE FROM breakers")
    tell(ground)  # which is not told of what it has not told
    assert [one["kind"] for one in receiver.notices()] == ["left_alone"] * 3
    assert standing(ground) == []


def test_two_runners_tell_each_alert_once(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver).sql(LEFT_ALONE)
    with ground.process("runner", **ENVIRON), ground.process("runner", **ENVIRON):
        wait_until(lambda: ground.one("SELECT count(*) FROM runners") == 2)
        wait_until(lambda: events(ground, "notice_sent"))
        for _ in range(5):
            look(ground)
        ground.sql("DELETE FROM breakers")
        look(ground)
        wait_until(lambda: len(events(ground, "notice_sent")) == 2)
        for _ in range(5):
            look(ground)
    assert [one["type"] for one in receiver.notices()] == ["alert.raised", "alert.settled"]


def look(ground: Ground) -> None:
    """Wait until a runner has looked once more."""
    ground.sql(LET_LOOK)
    wait_until(lambda: ground.one("SELECT looked_at > '-infinity' FROM notice_looks"))


@pytest.mark.parametrize("point", ["notices/look", "notices/raise+commit", "notices/claim+commit", "notices/note_sent"])
def test_a_runner_that_is_killed_leaves_nothing_untold(point: str, ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver).sql(LEFT_ALONE)
    with ground.process("runner", **ENVIRON, **{crash_points.VARIABLE: point}) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    came = 1 if point == "notices/note_sent" else 0
    assert len(receiver.requests()) == came
    ground.sql(LET_TRY)
    ground.sql(LET_LOOK)
    with ground.process("runner", **ENVIRON):
        wait_until(lambda: events(ground, "notice_sent"))
    sent = receiver.notices()
    assert len(sent) == came + 1
    assert len({one["id"] for one in sent}) == 1  # by which the receiver knows the repeat


def test_a_receiver_that_hangs_delays_neither_work_nor_the_end_of_a_runner(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver, timeout_s=30, rows=rows(3)).sql(LEFT_ALONE)
    receiver.do("hang")
    run_id = ground.start()
    with ground.process("runner", **ENVIRON) as runner:
        wait_until(receiver.requests)
        wait_until(lambda: ground.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
        assert len(receiver.requests()) == 1
        assert ground.one("SELECT sent_at IS NULL AND trouble IS NULL FROM notices WHERE kind = 'left_alone'")
        runner.terminate()
        assert runner.wait(10) == 0
    assert ground.one("SELECT trouble FROM notices WHERE kind = 'left_alone'") == "the runner that sent it was stopped"


def test_a_project_whose_secret_is_missing_tells_nobody_and_works(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver, rows=rows(1))
    done = wave(ground, "run", "work")
    assert done.returncode == 0
    assert "alerts are told to nobody: the secret of [alerts] comes from ALERTS_SECRET, which is not set" in done.stderr
    assert receiver.requests() == []


def wave(ground: Ground, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return warm.wave("--project", ground.folder, *arguments, env={**os.environ, **environ}, timeout=60)


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_person_tries_whether_the_receiver_takes_a_notice(ground: Ground, receiver: ReceiverProcess, place: str):
    telling(ground, receiver)
    if place == ".env":
        (ground.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in ENVIRON.items()))
    done = wave(ground, "alerts", "test", "--json", **(ENVIRON if place == "environment" else {}))
    assert (done.returncode, json.loads(done.stdout)["taken"]) == (0, True)
    assert [one["type"] for one in receiver.notices()] == ["test"]
    receiver.do("401")
    done = wave(ground, "alerts", "test", **ENVIRON)
    assert (done.returncode, done.stderr) == (1, "127.0.0.1 has not taken it: HTTP 401\n")
    done = wave(ground, "alerts", "test", **{VARIABLE: "short"})
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert "short" not in done.stderr


def test_a_person_sees_what_was_told(ground: Ground, receiver: ReceiverProcess):
    telling(ground, receiver).sql(LEFT_ALONE)
    assert "no notices" in wave(ground, "alerts", "sent").stdout
    receiver.do("500")
    tell(ground)
    [one] = json.loads(wave(ground, "alerts", "sent", "--json").stdout)["rows"]
    assert (one["says"], one["kind"], one["state"], one["trouble"]) == ("raised", "left_alone", "trying", "HTTP 500")
    ground.project()
    assert wave(ground, "alerts", "test").returncode == 2
    assert "left_alone" in wave(ground, "alerts", "sent").stdout


def test_nothing_is_sent_to_a_network_of_ones_own_unless_the_project_says_so(receiver: ReceiverProcess):
    for host in ("127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]"):
        url = receiver.url.replace("127.0.0.1", host)
        asked = Receiver(url=url, secret=bytes(32), private=False, timeout_s=5)
        with pytest.raises(NotTaken, match="which is on no public network"):
            asyncio.run(post(asked, "an id", b"{}"))
    assert receiver.requests() == []
