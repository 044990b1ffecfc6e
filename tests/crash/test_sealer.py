"""A runner is killed while it seals or signs: the log goes on from what was committed, and no fork is signed."""

from __future__ import annotations

import itertools
import signal

import pytest
from tests.crash.points import PLACES, chosen
from tests.support import sealed
from tests.support.projects import Ground, rows

from wave_runner.audit.outside import BETWEEN, Outside
from wave_runner.core.note import Checkpoint, Note

POINTS = [
    statement + place
    for statement, place in itertools.product(
        ("log/begin", "log/append", "log/add_tiles", "log/advance", "log/set_key", "log/add_checkpoint"),
        PLACES,
    )
]
SECOND = ["log/append:3", "log/advance+commit:2", "log/add_checkpoint:2", "log/add_checkpoint+commit:2"]


@pytest.mark.parametrize("point", chosen([*POINTS, *SECOND]))
def test_the_log_goes_on_after_a_kill_at(point: str, ground: Ground):
    ground.project(rows=rows(300), ensures=["record.words == 4"])
    ground.start()
    with ground.process("run", "work", "--resume", WAVE_CRASH_AT=point, WAVE_LEASE_S="1") as killed:
        assert killed.wait() == -signal.SIGKILL, f"{point} was never passed"
    left = sealed.read(ground.url)
    outside = Outside(folder=ground.folder / ".wave/checkpoints").newest(f"wave-runner/{project_id(ground)}")
    assert outside is None or outside[0].size <= len(left.entries), "what is signed was committed"
    # Where it was killed at its very end, another run brings the next runner.
    unfinished = ground.one("SELECT count(*) FROM workflow_runs WHERE state = 'running'")
    with ground.process("run", "work", *(["--resume"] if unfinished else []), WAVE_LEASE_S="1") as resumed:
        assert resumed.wait() == 0
    found = sealed.read(ground.url)
    assert found.entries[: len(left.entries)] == left.entries
    assert sorted(found.event_ids) == [
        row["event_id"] for row in ground.sql("SELECT event_id FROM interaction_events ORDER BY event_id")
    ]
    assert found.state["stopped"] is None
    assert found.checkpoints[-1].size == len(found.entries)
    text = "".join(path.read_text() for path in sorted((ground.folder / ".wave/checkpoints").iterdir()))
    told = [Checkpoint.parse(Note.parse(note).text) for note in BETWEEN.split(text) if note]
    assert {one.size: one.root for one in found.checkpoints}.items() <= {one.size: one.root for one in told}.items()


def project_id(ground: Ground) -> str:
    return ground.one("SELECT project_id FROM project")
