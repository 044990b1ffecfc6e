"""Drift as a policy: what a change does until somebody approves it, word by word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_models import GOOD, asking
from tests.runner.test_repair import LABEL, STEPS
from tests.support.openai_stub import OpenAIStub
from tests.support.projects import COUNT, COUNT_STEP, Ground, at_work, ended, rows, run_to_end, start_run, until

from wave_runner.core.drift import Seen
from wave_runner.engine import Engine, whoami
from wave_runner.errors import ConflictError
from wave_runner.reports.alerts import alerts
from wave_runner.reports.approved import approved

OTHER = COUNT.replace("len(item[", "-len(item[")
SHARED = COUNT.replace("len(item[", "sign() * len(item[").replace("\n\n\n", "\nfrom actors.shared import sign\n\n\n", 1)


def policy(**words: str) -> str:
    return "[drift.actors]\n" + "".join(f'{name} = "{word}"\n' for name, word in words.items())


def words(ground: Ground) -> set[int]:
    """Return what the runs so far have saved, and empty the table, so that the same rows come in anew."""
    found = {row["words"] for row in ground.sql("SELECT words FROM items")}
    ground.sql("DELETE FROM items")
    return found


def said(ground: Ground, type: str) -> list[dict[str, Any]]:
    found = ground.sql("SELECT data FROM interaction_events WHERE type = %s ORDER BY event_id", type)
    return [json.loads(row["data"]) for row in found]


def alerted(ground: Ground) -> list[tuple[str, str]]:
    found = ground.do(lambda engine: alerts(engine.database))
    return [(one.subject, one.message) for one in found if one.kind == "drifted"]


def change_workflow(ground: Ground, old: str, new: str) -> None:
    file = ground.folder / "workflows/work.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_warn_takes_the_newest_and_the_log_and_an_alert_say_so_until_it_is_approved(ground: Ground):
    ground.project(rows=rows(2), toml=policy(count="warn"))
    assert ground.run() == "completed"
    assert words(ground) == {4}
    ground.write("actors/count.py", OTHER)
    assert ground.run() == "completed"
    assert words(ground) == {-4}
    [event] = said(ground, "actor_drifted")
    assert event["policy"] == "warn"
    [(subject, message)] = alerted(ground)
    assert subject == "actor count"
    assert "new runs take it all the same (warn): wave actors approve count" in message
    assert ground.do(lambda engine: engine.approve("count"))
    assert alerted(ground) == []


def test_pin_takes_what_is_approved_until_the_change_is(ground: Ground):
    ground.project(rows=rows(2), toml=policy(count="pin"))
    assert ground.run() == "completed"
    assert words(ground) == {4}
    ground.write("actors/count.py", OTHER)
    assert ground.run() == "completed"
    assert words(ground) == {4}
    assert [subject for subject, _ in alerted(ground)] == ["actor count"]
    ground.do(lambda engine: engine.approve("count"))
    assert ground.run() == "completed"
    assert words(ground) == {-4}


def test_what_is_pinned_is_not_stale_by_a_change_that_no_run_takes_yet(ground: Ground):
    ground.project(rows=rows(2), toml=policy(count="pin"))
    assert ground.run() == "completed"
    ground.write("actors/count.py", OTHER)

    def stale() -> list[str]:
        return [str(one.why[0]) for one in ground.do(lambda engine: engine.redoing().stale("work")).stale]

    assert stale() == []
    ground.do(lambda engine: engine.approve("count"))
    assert stale() == ["script", "script"]


def test_pin_holds_settings_and_files_that_are_gone(ground: Ground):
    script = '[scripts.count]\nmax_attempts = {n}\nfiles = ["sql/tables.sql"]\n'
    ground.project(
        rows=rows(1),
        toml=policy(count="pin") + script.format(n=2),
        actors={"count": SHARED},
        files={"actors/shared.py": "def sign():\n    return 1\n"},
    )
    assert ground.run() == "completed"
    assert words(ground) == {4}
    pinned = (
        "SELECT DISTINCT (convert_from(body, 'UTF8')::json -> 'script' ->> 'max_attempts') AS n FROM definitions d "
    )
    pinned += "JOIN run_steps USING (definition_id) JOIN steps s USING (step_id) WHERE s.name = 'count'"
    ground.write("actors/count.py", OTHER)
    (ground.folder / "actors/shared.py").unlink()
    toml = ground.folder / "wave.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("max_attempts = 2", "max_attempts = 7"), encoding="utf-8")
    assert ground.run() == "completed"
    assert words(ground) == {4}
    assert ground.sql(pinned) == [{"n": "2"}]


def test_what_is_pinned_never_runs_with_a_module_that_was_not_approved(ground: Ground):
    second = "again:\n  actor: again\n  input: {text: record.text}\n  writes: [items.words]\n  next: end\n"
    ground.project(
        rows=rows(1),
        steps=COUNT_STEP.replace("next: end", "next: again") + second,
        toml=policy(count="pin", again="warn"),
        actors={"count": SHARED, "again": SHARED},
        files={"actors/shared.py": "def sign():\n    return 1\n"},
    )
    assert ground.run() == "completed"
    ground.write("actors/shared.py", "def sign():\n    return -1\n")
    with pytest.raises(ConflictError, match="drifted: again: the folder as its policies have it is not"):
        ground.start()


def test_approve_refuses_new_runs_and_lets_those_under_way_go_on_with_what_they_have_pinned(ground: Ground):
    ground.project(rows=rows(3), toml=policy(count="approve"))

    async def change(engine: Engine) -> str:
        run_id = await start_run(engine)
        ground.write("actors/count.py", OTHER)
        with pytest.raises(ConflictError, match="drifted: count"):
            await start_run(engine)
        return await run_to_end(engine, run_id)

    assert ground.do(change) == "completed"
    assert words(ground) == {4}


def test_whoever_changes_a_folder_cannot_loosen_by_that_what_guards_it(ground: Ground):
    ground.project(rows=rows(1)).run()
    ground.write("actors/count.py", OTHER)
    toml = ground.folder / "wave.toml"
    toml.write_text(f'{toml.read_text(encoding="utf-8")}\n[drift.actors]\n"*" = "warn"\n', encoding="utf-8")
    with pytest.raises(ConflictError, match="drifted: count"):
        ground.start()
    assert ground.do(lambda engine: engine.approve("count"))
    ground.write("actors/count.py", COUNT)
    ground.start()  # what was approved with the change is the word of the folder then
    assert [event["policy"] for event in said(ground, "actor_drifted")] == ["block", "warn"]


def test_a_stricter_word_holds_at_once(ground: Ground):
    ground.project(rows=rows(1), toml=policy(count="warn")).run()
    ground.write("actors/count.py", OTHER)
    toml = ground.folder / "wave.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('"warn"', '"block"'), encoding="utf-8")
    with pytest.raises(ConflictError, match="drifted: count"):
        ground.start()


def test_whoever_reads_the_log_sees_that_a_word_became_stricter(ground: Ground):
    ground.project(rows=rows(1), toml=policy(count="warn"))
    ground.run()
    for _ in range(2):  # it is said once
        ground.project(rows=rows(1), toml=policy(count="block") + '[drift.workflows]\nwork = "approve"\n')
        ground.run()
    [actor] = said(ground, "actor_tightened")
    assert (actor["was"], actor["policy"], bool(actor["by"])) == ("warn", "block", True)
    [workflow] = said(ground, "workflow_tightened")
    assert (workflow["workflow"], workflow["was"], workflow["policy"]) == ("work", "warn", "approve")


def test_pin_asks_with_the_approved_prompt(ground: Ground, tmp_path: Path):
    with OpenAIStub(tmp_path / "stub", [GOOD]) as stub:
        asking(ground, stub.url, n=2)
        toml = ground.folder / "wave.toml"
        toml.write_text(f"{toml.read_text(encoding='utf-8')}\n{policy(judge='pin')}", encoding="utf-8")
        ground.do(lambda engine: engine.sync())
        ground.write("prompts/ask.md", "Say which one: {{ text }}")
        assert ground.run() == "completed"
        assert {"Which number?" in json.dumps(one["body"]) for one in stub.requests()} == {True}


def test_a_changed_workflow_warns_where_nothing_else_is_said(ground: Ground):
    ground.project(rows=rows(1)).run()
    change_workflow(ground, "collection: items", "collection: items\nensures: [record.words == 4]")
    ground.sql("DELETE FROM items")
    assert ground.run() == "completed"
    [event] = said(ground, "workflow_drifted")
    assert (event["workflow"], event["policy"]) == ("work", "warn")
    [(subject, message)] = alerted(ground)
    assert subject == "workflow work"
    assert message.endswith("wave actors approve --workflow work")
    change_workflow(ground, "\nensures: [record.words == 4]", "")
    ground.start()
    assert alerted(ground) == []
    assert len(said(ground, "workflow_restored")) == 1


def test_a_pinned_workflow_is_followed_as_it_was_approved(ground: Ground):
    ground.project(rows=rows(1), toml='[drift.workflows]\n"*" = "pin"\n').run()
    approved = ground.one("SELECT definition_id FROM workflow_runs")
    change_workflow(ground, "collection: items", "collection: items\nensures: [record.words == 5]")
    ground.sql("DELETE FROM items")
    assert ground.run() == "completed"
    assert ground.one("SELECT DISTINCT definition_id FROM workflow_runs") == approved
    ground.do(lambda engine: engine.approvals().approve_workflow(engine.project(), "work"))
    ground.sql("DELETE FROM items")
    assert ground.run() == "failed"


def test_a_pinned_workflow_takes_with_it_the_actors_that_it_names_itself(ground: Ground):
    ground.project(rows=rows(1), toml='[drift.workflows]\nwork = "pin"\n[drift.actors]\ncount = "pin"\n')
    ground.write("actors/other.py", COUNT)
    assert ground.run() == "completed"
    assert words(ground) == {4}
    change_workflow(ground, "actor: count", "actor: other")
    ground.write("actors/count.py", OTHER)
    toml = ground.folder / "wave.toml"
    toml.write_text(f"{toml.read_text(encoding='utf-8')}\n[scripts.count]\n", encoding="utf-8")
    assert ground.run() == "completed"
    assert words(ground) == {4}


def test_a_workflow_that_must_be_approved_starts_no_run(ground: Ground):
    ground.project(rows=rows(1), toml='[drift.workflows]\nwork = "approve"\n').run()
    change_workflow(ground, "collection: items", "collection: items\nensures: [record.words == 5]")
    with pytest.raises(ConflictError, match="drifted: workflow work") as refused:
        ground.start()
    assert "wave actors approve --workflow work" in refused.value.hint


def test_nothing_of_a_blocked_workflow_begins_until_it_is_approved(ground: Ground):
    ground.project(rows=rows(5), toml='[drift.workflows]\nwork = "block"\n')

    async def change(engine: Engine) -> tuple[dict[str, int], str]:
        run_id = await start_run(engine)
        change_workflow(ground, "collection: items", "collection: items\nensures: [record.words == 4]")
        async with at_work(engine) as runner:

            async def paused() -> bool:
                [row] = ground.sql("SELECT run_state(r) AS state FROM workflow_runs r")
                return row["state"] == "paused" and not runner.busy

            await until(paused)
            before = ground.states("count")
            await engine.approvals().approve_workflow(engine.project(), "work")
            return before, await ended(engine, run_id)

    before, state = ground.do(change)
    assert before.get("completed", 0) == 0
    assert state == "completed"
    assert words(ground) == {4}


def test_who_orders_brings_nothing_and_who_approves_one_new_actor_approves_that_one(ground: Ground):
    ground.project(steps=STEPS, actors={"label": LABEL})

    async def approve(engine: Engine) -> None:
        maria = engine.acting_as("maria")
        [found] = [one for one in await approved(engine.database, engine.project()) if one.name == "count"]
        assert await maria.accept("count", seen=Seen(sha256=found.found)) == (found.found, True)
        assert await maria.accept("count", seen=Seen(sha256=found.found)) == (found.found, False)

    ground.do(approve)
    assert [one["by"] for one in said(ground, "actor_registered")] == ["maria"]
    ground.do(lambda engine: engine.acting_as("otto").sync())
    first, *others = [one["by"] for one in said(ground, "actor_registered")]
    assert (first, set(others)) == ("maria", {whoami()})
    assert [one["by"] for one in said(ground, "workflow_registered")] == [whoami()]


def test_only_what_was_seen_of_a_server_is_approved_and_no_policy_becomes_looser_by_it(ground: Ground):
    ground.project(toml=policy(count="block"))
    ground.start()
    ground.sql("UPDATE actors SET weights = 'these', weights_found = 'others', drifted_at = now() WHERE name = 'count'")
    ground.project(toml=policy(count="warn"))
    ground.tampered = True

    async def approve(engine: Engine) -> str:
        [row] = [one for one in await approved(engine.database, engine.project()) if one.name == "count"]
        with pytest.raises(ConflictError, match="other weights"):
            await engine.accept("count", seen=Seen(sha256=row.found, weights="those of before"))
        await engine.accept("count", seen=Seen(sha256=row.found, weights="others"))
        return row.policy

    shown = ground.do(approve)
    assert shown == ground.one("SELECT policy FROM actors WHERE name = 'count'") == "block"
