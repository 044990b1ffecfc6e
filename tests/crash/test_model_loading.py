"""A load that never ends, and weights that cannot be loaded: no other model waits for ever, and no record is lost."""

from __future__ import annotations

import signal

from tests.support.numbered_models import (
    N,
    nothing_is_lost_and_nothing_is_wrong,
    run,
    send,
    weights,
)
from tests.support.projects import Ground, wait_until


def test_a_router_that_freezes_before_the_next_load_is_started_anew(numbered: Ground):
    saved = run(numbered, send(signal.SIGSTOP, "router"), within="first")
    nothing_is_lost_and_nothing_is_wrong(numbered, saved)


def test_a_model_that_cannot_be_loaded_stops_no_other_and_its_work_is_done_when_it_can(numbered: Ground):
    whole = weights(numbered, "two").read_bytes()
    weights(numbered, "two").write_bytes(whole[:5000])
    failed = "SELECT count(*) FROM interaction_events WHERE type = 'model_load_failed'"
    run_id = numbered.start()
    with numbered.process("runner"):
        wait_until(lambda: numbered.one(failed) >= 2 and numbered.states("first") == {"completed": N})
        assert numbered.states("second") == {"pending": N}
        assert numbered.one("SELECT max(errors) FROM interactions") == 0, "and it is charged to nobody"
        repaired = weights(numbered, "two").with_suffix(".new")
        repaired.write_bytes(whole)
        repaired.replace(weights(numbered, "two"))
        wait_until(lambda: numbered.one("SELECT state FROM workflow_runs WHERE run_id = %s", run_id) == "completed")
    nothing_is_lost_and_nothing_is_wrong(numbered, numbered.items())
