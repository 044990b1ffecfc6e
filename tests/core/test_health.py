"""What a database server's settings mean for the promises that are made on it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wave_runner.core.drift import Drift, Policy
from wave_runner.core.health import (
    Rights,
    Server,
    Verdict,
    disk_check,
    drift_check,
    rights_checks,
    runners_check,
    sandbox_check,
    server_checks,
    size,
)
from wave_runner.core.sandbox import Host, Level, Sandbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WELL = Server(
    database="wave",
    role="wave",
    version="18.1",
    now=NOW,
    fsync="on",
    full_page_writes="on",
    synchronous_commit="on",
    data_checksums="on",
    autovacuum="on",
    superuser=False,
    may_change_events=False,
    connections_free=50,
    oldest_transaction_s=0.0,
    oldest_transaction_of="",
    xid_age=1000,
    size=10,
)


def verdicts(server):
    return {check.name: check.verdict for check in server_checks(server, here=NOW)}


def test_a_server_that_is_well_has_nothing_to_do():
    checks = list(server_checks(WELL, here=NOW))
    assert {check.verdict for check in checks} == {Verdict.OK}
    assert not any(check.fix for check in checks)


@pytest.mark.parametrize(
    ("change", "name", "verdict"),
    [
        ({"fsync": "off"}, "fsync", Verdict.FAILURE),
        ({"full_page_writes": "off"}, "full_page_writes", Verdict.FAILURE),
        ({"synchronous_commit": "off"}, "synchronous_commit", Verdict.WARNING),
        ({"synchronous_commit": "remote_apply"}, "synchronous_commit", Verdict.OK),
        ({"data_checksums": "off"}, "data_checksums", Verdict.WARNING),
        ({"autovacuum": "off"}, "autovacuum", Verdict.FAILURE),
        ({"superuser": True}, "role", Verdict.WARNING),
        ({"may_change_events": True}, "role", Verdict.FAILURE),
        ({"now": NOW + timedelta(seconds=6)}, "clock", Verdict.WARNING),
        ({"now": NOW - timedelta(seconds=6)}, "clock", Verdict.WARNING),
        ({"now": NOW + timedelta(seconds=5)}, "clock", Verdict.OK),
        ({"oldest_transaction_s": 301.0, "oldest_transaction_of": "psql"}, "oldest_transaction", Verdict.WARNING),
        ({"xid_age": 1_000_000_001}, "wraparound", Verdict.FAILURE),
        ({"connections_free": 4}, "connections", Verdict.WARNING),
    ],
)
def test_what_weakens_a_promise_is_said_with_what_to_do(change, name, verdict):
    assert verdicts(replace(WELL, **change)) == {**verdicts(WELL), name: verdict}
    if verdict is not Verdict.OK:
        assert all(check.fix for check in server_checks(replace(WELL, **change), here=NOW) if check.name == name)


def test_sandboxes_that_a_host_lacks_are_said():
    able = Host(landlock=7, filters=True)
    bare, unable = replace(able, no_namespaces="it needs bubblewrap"), Host(landlock=0, filters=True)
    scripts = [Sandbox(script="a", level=Level.OWN), Sandbox(script="b", level=Level.NONE)]
    assert sandbox_check(able, scripts).found == "`own` and `strict`, Landlock 7; without one: b"
    assert sandbox_check(bare, []).found == "`own`, Landlock 7 (not `strict`: it needs bubblewrap)"
    warned = sandbox_check(unable, scripts)
    assert (warned.verdict, "lsm=" in warned.fix) == (Verdict.WARNING, True)
    failed = sandbox_check(bare, [*scripts, Sandbox(script="c", missing="c does not run here")])
    assert (failed.verdict, failed.found, failed.fix) == (
        Verdict.FAILURE,
        "do not run on this host: c",
        "c does not run here",
    )


def test_disk_runners_and_drift():
    assert [disk_check("/", free).verdict for free in (6 * 1024**3, 1024**3, 1024)] == [
        Verdict.OK,
        Verdict.WARNING,
        Verdict.FAILURE,
    ]
    assert runners_check(at_work=0, work_waits=True).verdict is Verdict.WARNING
    assert runners_check(at_work=0, work_waits=False).verdict is Verdict.OK
    assert runners_check(at_work=2, work_waits=True).found == "2 at work"
    assert drift_check(Drift(actors={"a": Policy.PIN})).verdict is Verdict.WARNING
    assert drift_check(Drift(workflows={"w": Policy.WARN}, weights={"a": Policy.BLOCK})).found == (
        "drifted: workflow w (warn), the weights of a (block)"
    )
    assert drift_check(Drift()).verdict is Verdict.OK
    assert [size(512), size(3 * 1024**2), size(2 * 1024**3)] == ["0 KiB", "3.0 MiB", "2.0 GiB"]


ONE_USER = Rights(
    schema="wave",
    role="wave",
    owner="wave",
    owns=True,
    writes=True,
    lacking=(),
    query_role="wave",
    query_reads_all=True,
    comes_along=False,
)


def test_one_user_for_everything_is_worth_a_look_but_in_the_database_that_comes_along():
    assert [(check.name, check.verdict) for check in rights_checks(ONE_USER)] == [
        ("roles", Verdict.WARNING),
        ("queries", Verdict.WARNING),
    ]
    assert [(check.name, check.verdict) for check in rights_checks(replace(ONE_USER, comes_along=True))] == [
        ("roles", Verdict.OK)
    ]
