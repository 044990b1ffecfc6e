"""What is shown of results that were found wrong, or are being redone: nothing that does not count is said to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runner.test_repair import LABEL, MORE, STEPS, invalidate, rerun, undo, work
from tests.support.projects import Ground, rows

from wave_runner.core.health import Verdict
from wave_runner.core.provenance import Standing
from wave_runner.errors import NotFoundError
from wave_runner.reports.doctor import invariant_checks
from wave_runner.reports.dossier import Dossier
from wave_runner.reports.dossier import dossier as write_dossier
from wave_runner.reports.explain import Explanation
from wave_runner.reports.explain import explain as read_explanation

KEY = "item 0000"


@pytest.fixture
def done(ground: Ground) -> Iterator[Ground]:
    ground.project(rows=rows(2), steps=STEPS, actors={"label": LABEL}, ensures=["record.words > 0"])
    assert ground.run() == "completed"
    yield ground
    fold(ground)
    check_invariants(ground)


def fold(ground: Ground) -> None:
    """Seal all that is recorded, fold it, and find that it is what the log says."""
    ground.do(lambda engine: engine.seal())
    compared = ground.do(lambda engine: engine.projection_keeper("record_states").verify())
    assert compared.is_same


def check_invariants(ground: Ground) -> None:
    checks = ground.do(lambda engine: invariant_checks(engine.database, lease_s=engine.settings.lease_s))
    assert [one for one in checks if one.verdict is not Verdict.OK] == []


def explain(ground: Ground, name: str = "items.words") -> Explanation:
    async def ask(engine):
        return await read_explanation(engine.database, name, key=KEY, collections=engine.project().collections)

    return ground.do(ask)


def dossier(ground: Ground, out: Path) -> Dossier:
    async def ask(engine):
        await engine.seal()
        collections = engine.project().collections
        return await write_dossier(engine.database, KEY, out, collections=collections, source=engine.source())

    return ground.do(ask)


def test_a_value_that_was_found_wrong_is_said_to_be_so(done: Ground, tmp_path: Path):
    invalidate(done, where=f'name:"{KEY}"')
    found = explain(done)
    assert (found.standing, found.now, found.missing) == (Standing.INVALIDATED, 4, [])
    assert found.writer is not None
    assert found.writer.step == "count"
    assert explain(done, "tags").standing is Standing.INVALIDATED
    shown = dossier(done, tmp_path / "dossier")
    assert {one.standing for one in shown.values} == {Standing.INVALIDATED}
    assert (shown.verdict.result, shown.holds) == ("ok", True)


def test_a_value_that_is_being_redone_is_said_to_be_so_until_it_is_there(done: Ground, tmp_path: Path):
    done.write("actors/count.py", MORE)
    rerun(done)
    assert explain(done).standing is Standing.SUPERSEDED
    fold(done)
    check_invariants(done)
    assert {one.column for one in dossier(done, tmp_path / "dossier").values} == {"words", "*"}
    assert work(done) == "completed"
    assert (explain(done).standing, explain(done).now) == (Standing.AS_WRITTEN, 104)
    undo(done)
    assert (explain(done).standing, explain(done).now) == (Standing.AS_WRITTEN, 4)


def test_what_somebody_has_written_meanwhile_is_not_taken_for_it(done: Ground):
    rerun(done)
    done.sql("UPDATE items SET words = 7")
    assert explain(done).standing is Standing.CHANGED_OUTSIDE
    done.sql("UPDATE items SET words = 4")
    assert explain(done).standing is Standing.SUPERSEDED


def test_a_list_that_was_taken_back_altogether_is_explained_by_nobody_and_its_dossier_is_there(
    done: Ground, tmp_path: Path
):
    invalidate(done, step="label")
    done.sql("DELETE FROM tags")
    with pytest.raises(NotFoundError, match="no step has written"):
        explain(done, "tags")
    assert [one.column for one in dossier(done, tmp_path / "dossier").values] == ["words"]
