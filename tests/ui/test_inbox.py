"""The tasks that wait for people, in Chromium: by the keyboard alone, and with several pairs of eyes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runner.test_people import FORM, REVIEW, SAVE
from tests.support.projects import Ground, Make
from tests.support.serving import grant, serving
from tests.ui.conftest import Apart
from tests.ui.test_pages import PICTURES, Tab, root_of, tab

MANY = 21
POSTING = "<h2>Nurse</h2><p>Care &amp; <b>night</b> care, see https://example.org</p><script>alert(1)</script>"


def asked(ground: Ground, n: int, more: str, *, text: str = POSTING) -> Ground:
    ground = Apart(**vars(ground))
    form = json.loads(FORM)
    form["properties"]["words"]["x-ui"] = {"evidence": "/why"}
    form |= {"description": "GOOD is what you would answer yourself."}
    ground.project(
        rows=[{"name": f"item {number:04}", "text": text} for number in range(n)],
        steps=REVIEW.format(more=more).replace("{text: record.text}", "{text: record.text, why: record.name}"),
        actors={"save": SAVE},
        files={"schemas/review.json": json.dumps(form)},
    )
    assert ground.run() == "waiting"
    return ground


def many(ground: Ground) -> None:
    asked(ground, MANY, "due: 1h")


def blind(ground: Ground) -> None:
    asked(ground, 1, "needs: 2\n  blind: true")


def alike(ground: Ground) -> None:
    asked(ground, 4, "bulk: true\n  prefill: true", text="this nurse for the night\nshift of item\n0002")


@pytest.fixture
def copied(copy_of: Callable[[Make], Ground]) -> Callable[[Make], Ground]:
    return lambda make: Apart(**vars(copy_of(make)))


def is_done(found: Tab) -> None:
    """Nothing waits any more: the list stands alone."""
    found.sees("Nothing waits for you")
    found.page.wait_for_url("**/tasks")
    [_] = found.wrong  # the 404 of a claim where nothing waits is said on the console
    found.wrong.clear()


def test_twenty_tasks_are_decided_by_the_keyboard_alone(browser: Any, copied: Callable[[Make], Ground]):
    ground = copied(many)
    token = grant(ground, "maria", "reviewer")
    with serving(ground) as served, tab(browser, root_of(served), token) as found:
        press, type_ = found.page.keyboard.press, found.page.keyboard.type
        press("g")
        press("t")
        found.sees(f"{MANY} of {MANY}")
        press("j")
        found.sees("the first edit claims it")
        assert found.page.locator(".source a, .source script, .source b").count() == 0
        press("f")
        type_("CARE")
        found.sees("1 of 2 hits")
        press("Enter")
        found.sees("2 of 2 hits")
        press("Escape")
        skipped = found.page.url
        press("s")
        found.page.wait_for_url(lambda url: url != skipped)
        found.sees("1 task skipped")
        for done in range(1, MANY):
            found.sees("It is yours")
            task = found.page.url
            press("1" if done % 2 else "2")
            if not done % 2:  # what is BAD needs a reason
                press("Enter")
                type_("4")
                press("Enter")
                type_("no")
                found.sees("yours differs")
            if done == 2:
                assert found.axe() == []
                press("Escape")
                press("t")
                assert found.axe() == []
            press("Control+Enter")
            found.page.wait_for_url(lambda url, task=task: url != task)
        is_done(found)
        press("b")
        found.sees("1 of 1 proposed fields changed")
    said = ground.sql("SELECT person, answer FROM decisions ORDER BY decided_at")
    assert [one["person"] for one in said] == ["maria"] * (MANY - 1)
    assert [json.loads(one["answer"]) for one in said] == [
        {"verdict": "GOOD"},
        {"verdict": "BAD", "words": 4, "why": "no"},
    ] * (MANY // 2)
    assert ground.one("SELECT count(*) FROM tasks WHERE decided_at IS NULL AND claimed_by IS NULL") == 1


def test_the_blind_see_nothing_of_each_other_and_a_third_decides_between_them(
    browser: Any, copied: Callable[[Make], Ground]
):
    ground = copied(blind)
    names = ("ann", "bob", "cem", "dora")
    tokens = {name: grant(ground, name, "reviewer") for name in names}
    task = ground.one("SELECT interaction_id FROM tasks")

    def look(found: Tab) -> str:
        found.open(f"tasks/{task}", "GOOD is what you would answer yourself")
        return str(found.page.locator("main").text_content())

    def decide(found: Tab, digit: str) -> None:
        found.page.keyboard.press(digit)
        found.page.keyboard.press("Control+Enter")
        is_done(found)

    with serving(ground) as served:
        root = root_of(served)
        with tab(browser, root, tokens["ann"]) as found:
            assert "0 of 2 have decided" in look(found)
            decide(found, "1")
            assert "You have decided; somebody else must look at it too" in look(found)
        with tab(browser, root, tokens["bob"]) as found:
            assert "ann decided; what, is hidden" in look(found)
            assert found.page.locator(".decision, .differs").count() == 0
            decide(found, "3")
        with tab(browser, root, tokens["dora"]) as late, tab(browser, root, tokens["cem"]) as found:
            look(late)
            late.page.keyboard.press("p")
            late.is_live("paused")
            said = look(found)
            assert "2 have decided, and differ" in said
            assert "ann: GOOD" in said
            assert "bob: AGAIN" in said
            decide(found, "1")
            found.page.keyboard.press("b")
            event = ground.one("SELECT max(event_id) FROM interaction_events WHERE type = 'task_decided'")
            found.sees(f"third, 2 are needed, blind, event {event}")
            late.page.keyboard.press("2")
            late.sees(f"task {task} is decided already, by ann and bob and cem")
            late.sees("You had filled in:")
            late.page.get_by_role("alert").locator(".decision").nth(2).wait_for()
            assert late.axe() == []
            [_] = late.wrong
            late.wrong.clear()
            found.open("reviews", "How far people agree")
            agreed = found.page.get_by_role("table", name="agreement by field").locator("tbody tr").all_inner_texts()
            assert [row.split("\t")[1:] for row in agreed] == [["review", "verdict", "1", "yes", "0 %", "-1.00"]]
            assert found.axe() == []
    said = ground.sql("SELECT person, answer FROM decisions ORDER BY decided_at")
    assert [(one["person"], json.loads(one["answer"])["verdict"]) for one in said] == [
        ("ann", "GOOD"),
        ("bob", "AGAIN"),
        ("cem", "GOOD"),
    ]


def test_what_is_alike_is_decided_together_and_asked_again(browser: Any, copied: Callable[[Make], Ground]):
    ground = copied(alike)
    token = grant(ground, "maria", "reviewer")
    with serving(ground) as served, tab(browser, root_of(served), token) as found:
        page = found.page
        press = page.keyboard.press
        found.open("tasks", "4 of 4")
        page.get_by_label("queue", exact=True).select_option("reviewers: 4 open")
        page.wait_for_url("**/tasks?queue=reviewers")
        for at in range(2):
            press("j")
            page.locator(f'nav.queue > :nth-child({at + 2}) [aria-current="page"]').wait_for()
            press("x")
            page.get_by_role("checkbox", checked=True).nth(at).wait_for()
        page.get_by_role("button", name="Decide 2 together").press("Enter")
        found.sees("2 of 2 tasks of review would be decided by one answer")
        assert page.get_by_role("article").count() == 2
        decide = page.get_by_role("button", name="Decide 2 tasks")
        press("3")
        page.get_by_label("Reason").fill("nobody answers")
        assert decide.is_disabled()
        page.get_by_label("Type 2 to go on").fill("2")
        assert found.axe() == []
        if PICTURES:
            page.set_viewport_size({"width": 1280, "height": 1080})
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=Path(PICTURES) / "page-together.png")

        # Whoever was faster is left alone, after another look.
        [first, second] = (row["interaction_id"] for row in ground.sql("SELECT * FROM tasks ORDER BY 2 LIMIT 2"))
        ground.do(lambda engine: engine.people("ann").claim(task=second))
        press("Enter")
        found.sees("they are not those that were looked at")
        found.wrong.clear()  # the 409 is said on the console
        page.get_by_role("button", name="Look again").press("Enter")
        found.sees("1 of 2 tasks of review")
        found.sees("claimed by somebody else")
        press("3")
        page.get_by_label("Reason").fill("nobody answers")
        page.get_by_label("Type 1 to go on").fill("1")
        press("t")  # a letter of the number's field, and no key
        page.get_by_label("Type 1 to go on").fill("1")
        press("Enter")
        found.sees("1 task decided together, by pick")
        [said] = ground.sql("SELECT * FROM decisions")
        assert (said["interaction_id"], said["comment"]) == (first, "nobody answers")
        assert json.loads(said["answer"]) == {"verdict": "AGAIN"}

        # A form that begins with what is proposed, and how the answer differs from it.
        third = ground.sql("SELECT * FROM tasks ORDER BY 2 OFFSET 2 LIMIT 1")[0]["interaction_id"]
        found.open(f"tasks/{third}", "the first edit claims it")
        field = page.get_by_label("why", exact=True)
        assert field.input_value() == "item 0002"
        press("2")
        found.sees("It is yours")
        field.fill("item 7")
        press("Escape")
        press("d")
        page.locator(".difference ins", has_text="7").wait_for()
        assert page.locator(".difference del").inner_text() == "0002"
        press("t")
        assert found.axe() == []

        # What a field goes by is found in what is shown, or said to stand nowhere in it.
        page.get_by_label("words").focus()
        found.sees("the quote: 1 of 1 hit")
        assert page.locator("mark").inner_text() == "item\n0002"
        press("Escape")
        press("Control+Backspace")
        page.keyboard.type("hm")  # a comment
        press("Control+Enter")
        found.sees("is decided; b leads back to it")
        page.locator(f'nav.queue a[href$="/tasks/{third + 1}"]').press("Enter")
        page.wait_for_url(f"**/tasks/{third + 1}")
        page.get_by_label("words").focus()
        found.sees("the quote stands nowhere in what is shown")

        # What was decided is asked about again, with all that has followed.
        found.open(f"tasks/{third}", "This task is decided")
        press("u")
        found.sees("1 result of review would be redone")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Type 1 to go on").fill("1")
        dialog.get_by_label("Reason").fill("a slip")
        press("Enter")
        found.sees("1 result to be redone, by rerun")
    assert ground.states("review") == {"completed": 2, "pending": 1, "waiting": 2}
    [event] = ground.sql("SELECT data FROM interaction_events WHERE type = 'task_decided' AND data LIKE '%%\"pick\"%%'")
    assert json.loads(event["data"])["person"] == "maria"
    shown = ground.sql("SELECT content FROM payloads WHERE role = 'request' ORDER BY payload_id")
    assert [json.loads(bytes(one["content"]))["prefill"] for one in shown] == [True, True]
