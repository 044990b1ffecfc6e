"""Tests of the tests: with one line of the product taken away, the suite must be red."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATEMENTS = "wave_runner/store/sql"


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One line of the product, what takes its place, and the tests that must notice."""

    path: str
    old: str
    new: str
    noticed_by: str


WAVES = "tests/store/test_waves.py"
MUTATIONS = {
    "the fence": Mutation(
        path=f"{STATEMENTS}/interactions/finish.sql",
        old="AND CASE i.state WHEN %(from_state)s THEN i.wave_id IS NOT DISTINCT FROM %(begun_by)s END",
        new="AND i.state = %(from_state)s AND (i.wave_id IS NOT NULL OR %(begun_by)s::bigint IS NULL)",
        noticed_by=f"{WAVES}::test_a_result_for_work_that_was_taken_back_changes_nothing_and_is_recorded_as_late",
    ),
    "the wave that must be open to begin": Mutation(
        path=f"{STATEMENTS}/interactions/start.sql",
        old="WHERE wave_id = %(wave_id)s AND closed_at IS NULL FOR KEY SHARE",
        new="WHERE wave_id = %(wave_id)s",
        noticed_by="tests/store/test_interleavings.py::"
        "test_what_is_started_while_its_wave_is_swept_is_given_back_or_does_not_start",
    ),
    "the reference check": Mutation(
        path="wave_runner/store/migrations/sql/0001_work_and_proof.sql",
        old="IF wrong IS NOT NULL THEN\n        RAISE EXCEPTION 'an interaction",
        new="IF false THEN\n        RAISE EXCEPTION 'an interaction",
        noticed_by="tests/store/test_references.py::test_an_interaction_that_points_to_nothing_is_refused",
    ),
    "the unique constraint": Mutation(
        path="wave_runner/store/migrations/sql/0001_work_and_proof.sql",
        old="CREATE UNIQUE INDEX interaction_events_seq",
        new="CREATE INDEX interaction_events_seq",
        noticed_by=f"{WAVES}::test_no_two_events_of_an_interaction_carry_one_number",
    ),
    "the lease renewal": Mutation(
        path=f"{STATEMENTS}/waves/renew.sql",
        old="SET lease_expires_at = clock_timestamp() + make_interval(secs => %(lease_s)s)",
        new="SET lease_expires_at = lease_expires_at",
        noticed_by=f"{WAVES}::test_a_lease_is_renewed_only_for_waves_that_are_still_open",
    ),
    "the crash counter": Mutation(
        path=f"{STATEMENTS}/interactions/reclaim.sql",
        old="crashes = i.crashes + alone.charged::int,",
        new="crashes = i.crashes,",
        noticed_by=f"{WAVES}::test_an_item_that_is_alone_in_three_crashes_is_quarantined_and_its_record_ends",
    ),
    "the lock of a claim": Mutation(
        path=f"{STATEMENTS}/waves/claim.sql",
        old="    FOR UPDATE SKIP LOCKED\n",
        new="",
        noticed_by=f"{WAVES}::test_thirteen_claimers_at_once_never_get_the_same_item",
    ),
}


def suite(source: Path, tests: str) -> int:
    """Run tests with the product below `source`; return pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    told = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=ROOT, env=told | {"PYTHONPATH": str(source)}, capture_output=True, text=True, check=False
    )
    return done.returncode


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_suite_is_red_without(name: str, tmp_path: Path):
    mutation = MUTATIONS[name]
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("data"))
    path = source / mutation.path
    text = path.read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    assert suite(source, mutation.noticed_by) == pytest.ExitCode.TESTS_FAILED


def test_the_same_copy_without_a_mutation_is_green(tmp_path: Path):
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("data"))
    assert suite(source, MUTATIONS["the fence"].noticed_by) == pytest.ExitCode.OK
