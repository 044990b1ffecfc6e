"""The network between a runner and its database: cut before or after a COMMIT, silent, slow. Nobody has to help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash import workload
from tests.support.database import fresh_database
from tests.support.fault_proxy import Cut, FaultProxy
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import Ground, wait_until

IMPATIENT = {"WAVE_ANSWER_S": "1"}


@pytest.fixture
def behind(session_database: str, migrated: str, tmp_path: Path) -> Iterator[tuple[Ground, FaultProxy]]:
    """The workload, whose database is behind the proxy; looked at without it."""
    with (
        fresh_database(session_database, template=migrated) as url,
        OpenAIStub(tmp_path / "stub", workload.RULES, ["m"]) as stub,
        FaultProxy(url) as proxy,
    ):
        ground = workload.write(Ground(folder=tmp_path / "project", url=url, admin_url=session_database), stub)
        ground.write(".env", f"WAVE_DATABASE_URL={proxy.url}\n")
        yield ground, proxy


def test_a_run_goes_through_the_proxy_as_it_is(behind: tuple[Ground, FaultProxy]):
    ground, proxy = behind
    done = workload.work(ground)
    assert done.returncode == 0, done.stderr
    assert proxy.commits > 50
    workload.check(ground)


@pytest.mark.parametrize("where", Cut)
def test_a_commit_that_is_cut_off_is_asked_for_and_neither_lost_nor_repeated(
    where: Cut, behind: tuple[Ground, FaultProxy]
):
    """Cut again and again: each time another COMMIT of the run, of whatever loop comes by."""
    ground, proxy = behind
    with ground.process("run", "work", **workload.SETTINGS) as running:
        wait_until(lambda: workload.state(ground) == "running")
        for number in range(8):
            before = proxy.cuts
            proxy.cut(where, nth=1 + 3 * (number % 3))
            wait_until(lambda before=before: proxy.cuts > before or running.poll() is not None)
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    assert proxy.cuts >= 5
    workload.check(ground)


def test_a_network_that_swallows_everything_is_noticed_and_work_goes_on_behind_it(behind: tuple[Ground, FaultProxy]):
    """No error comes from it: what waits for an answer gives up by itself, and what it held is claimed again."""
    ground, proxy = behind
    with ground.process("run", "work", **workload.SETTINGS, **IMPATIENT) as running:
        wait_until(lambda: workload.state(ground) == "running")
        wait_until(lambda: ground.one("SELECT count(*) FROM waves") > 1)
        proxy.swallow()
        silent_since = ground.one("SELECT clock_timestamp()")
        lease = f"interval '{3 * workload.LEASE_S} s'"
        wait_until(lambda: ground.one(f"SELECT clock_timestamp() - %s > {lease}", silent_since))
        proxy.flow()
        assert running.wait(workload.PATIENCE_S) == 0, running.stderr.read()
    workload.check(ground)


def test_a_slow_network_of_single_bytes_changes_nothing(behind: tuple[Ground, FaultProxy]):
    ground, proxy = behind
    proxy.disturb(delay_s=0.01)
    done = workload.work(ground)
    assert done.returncode == 0, done.stderr
    workload.check(ground)
