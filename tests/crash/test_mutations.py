"""Tests of the tests: with one line of the product taken away, of its promises or of its walls, the suite is red."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from wave_runner.actors import host
from wave_runner.core.sandbox import Level

ROOT = Path(__file__).parents[2]
STATEMENTS = "wave_runner/store/sql"


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One line of the product, what takes its place, the tests that must notice, and why they cannot here, if so."""

    path: str
    old: str
    new: str
    noticed_by: str
    blind: str = ""


WAVES, ROLES = "tests/store/test_waves.py", "tests/store/test_roles.py"
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
    "a grant": Mutation(
        path="wave_runner/core/database_roles.py",
        old='"waves": ("INSERT", "UPDATE"),',
        new='"waves": ("INSERT",),',
        noticed_by=f"{ROLES}::test_each_role_may_do_with_each_table_exactly_what_it_needs[worker]",
    ),
    "the grant that names columns": Mutation(
        path="wave_runner/store/roles.py",
        old='INSERT ({}) ON {} TO {}").format(\n            sql.SQL(", ").join(map(sql.Identifier, SAID)), ',
        new='INSERT ON {} TO {}").format(\n            ',
        noticed_by=f"{ROLES}::"
        "test_of_an_event_only_the_runner_says_anything_and_nothing_of_what_the_database_says[worker]",
    ),
    "a trigger in every kind of session": Mutation(
        path="wave_runner/store/migrations/sql/0001_work_and_proof.sql",
        old="    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_change', leaf);\n",
        new="",
        noticed_by="tests/store/test_events.py::test_a_superuser_is_stopped_by_triggers_in_every_kind_of_session"
        "[UPDATE-interaction_events-replica]",
    ),
    "the CSRF check": Mutation(
        path="wave_runner/api/gate.py",
        old="return None if is_same(csrf.encode(), given.encode()) else Denial.NO_CSRF",
        new="return None",
        noticed_by="tests/api/test_access.py::test_a_browser_that_shows_the_printed_address_is_known_by_a_cookie",
    ),
    "the sandbox": Mutation(
        path="wave_runner/core/sandbox.py",
        old="level = asked or host.best",
        new="level = Level.NONE",
        noticed_by="tests/actors/test_sandbox.py::test_what_nothing_declares_is_refused_and_the_declaration_named",
        blind=host.look(namespaces=False).lacks(Level.OWN),
    ),
    "what a script may ask outside": Mutation(
        path="wave_runner/actors/outside.py",
        old="if refused([address], private=is_private):",
        new="if False:",
        noticed_by="tests/actors/test_outside.py::test_this_machine_is_not_asked_however_it_is_spelt",
    ),
    "where alerts may go": Mutation(
        path="wave_runner/runner/webhook.py",
        old="if address := refused(addresses, private=receiver.private):",
        new='if address := "":',
        noticed_by="tests/runner/test_notices.py::"
        "test_nothing_is_sent_to_a_network_of_ones_own_unless_the_project_says_so",
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
    if mutation.blind:
        pytest.skip(mutation.blind)
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
