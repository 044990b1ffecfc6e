"""Each page in Chromium, against a real server and a real database."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.cli.test_workflow import changed as two_versions
from tests.support.browser import AXE, PATIENCE_MS, Shop
from tests.support.path_proxy import proxied
from tests.support.projects import Ground
from tests.support.serving import Served, grant, serving, told

PICTURES = os.environ.get("WAVE_PICTURES")  # a folder: what the pages look like is kept there

# Each page, and something that stands there only when what it asked for has come.
SHOWN = {
    "": "Look at what has changed of actor save",
    "runs": "took",
    "runs/1": "4 waiting",
    "runs/1?tab=waves": "through",
    "runs/1?tab=events": "interaction started",
    "runs/1?tab=errors": "the list of grades is away",
    "runs/1?tab=records": "Each record in each step",
    "runs/1?tab=actors": "executions",
    "runs/1?tab=cost": "No model was asked",
    "runs/1?tab=changed": "items.words",
    "interactions": "the list of grades is away",
    "interactions?run=1&record=item 0002": "item 0002",
    "interactions/{interaction}?run=1": "Traceback",
    "record?key=item 0002&value=items.words": "as written",
    "errors": "the list of grades is away",
    "compare": "Name two runs of one workflow",
    "compare?a=1&b=1": "How far they agree",
    "tasks": "4 of 4",
    "tasks/{task}": "needed for BAD",
    "reviews": "No task was decided",
    "actors": "in the folder",
    "workflows/work": "All its runs were of one version",
    "staging": "promoted",
    "waves": "through",
    "runners": "No runner is at work",
    "audit": "Newest checkpoint",
    "settings": "PostgreSQL",
}
PAINTED = {
    "": "overview",
    "runs/1": "run",
    "interactions": "interactions",
    "record?key=item 0002&value=items.words": "record",
    "errors": "errors",
    "tasks/{task}": "task",
}
RUN_AXE = """async () => (
  await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
)
  .violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`)"""


class Tab:
    """A page of a browser, and all that went wrong in it."""

    def __init__(self, page: Any, root: str) -> None:
        self.page, self.root = page, root
        self.wrong: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: said.type in ("error", "warning") and self.wrong.append(said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self._is_ours(asked.url) or self.wrong.append(f"asked {asked.url}"))

    def _is_ours(self, url: str) -> bool:
        return urlsplit(url).scheme in ("data", "blob") or url.startswith(self.root)

    def open(self, path: str, says: str) -> None:
        self.page.goto(self.root + path)
        self.sees(says)

    def sees(self, says: str) -> None:
        self.page.get_by_text(says).locator("visible=true").first.wait_for()

    def is_live(self, how: str = "live") -> None:
        self.page.locator(f'[data-live="{how}"]').wait_for()

    def axe(self) -> list[str]:
        # The policy lets no page load a script of another; what the protocol of the browser gives it is none.
        self.page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
        found: list[str] = self.page.evaluate(RUN_AXE)
        return found


@contextlib.contextmanager
def tab(browser: Any, root: str, token: str | None = None, **options: Any) -> Iterator[Tab]:
    """Give a page that is signed in by a token, where there is one; nothing may have gone wrong in it at the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", **options)
    try:
        found = Tab(context.new_page(), root)
        if token is not None:
            found.open("", "Access token")
            found.wrong.clear()  # the 401 of the session that is not there yet is said on the console
            found.page.get_by_label("Access token").fill(token)
            found.page.get_by_role("button", name="Sign in").click()
            found.is_live()
        yield found
        assert found.wrong == []
    finally:
        context.close()


def root_of(served: Served) -> str:
    return served.url + "/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_shows_its_documents_and_is_accessible(browser: Any, shop: Shop, scheme: str):
    task = shop.ground.one("SELECT min(interaction_id) FROM tasks")
    failed = shop.ground.one("SELECT min(interaction_id) FROM interactions WHERE state = 'failed'")
    wrong = []
    with serving(shop.ground) as served, tab(browser, root_of(served), color_scheme=scheme) as found:
        found.open(f"open?token={served.token}", "What to do next")
        found.is_live()
        for path, says in SHOWN.items():
            found.open(path.format(task=task, interaction=failed), says)
            wrong += [(path, one) for one in found.axe()]
            assert found.page.title().endswith("Wave Runner")
            if PICTURES and scheme == "light" and path in PAINTED:
                found.page.screenshot(path=Path(PICTURES) / f"page-{PAINTED[path]}.png")
    assert wrong == []


def test_what_differs_between_two_versions_of_a_workflow_is_found_from_its_name(browser: Any, ground: Ground):
    two_versions(ground)
    token = grant(ground, "vera", "viewer")
    with serving(ground) as served, tab(browser, root_of(served), token) as found:
        found.open("actors", "in the folder")
        found.page.get_by_role("link", name="work", exact=True).click()
        found.sees("What has changed from")
        rows = found.page.get_by_role("table", name="what has changed").locator("tbody tr")
        assert [row.split("\t")[:2] for row in rows.all_inner_texts()] == [
            ["all of them", "ensures"],
            ["count", "script_sha256"],
        ]
        found.sees("+LIMIT = 3")
        assert found.axe() == []
        found.page.get_by_role("link", name="what has changed since").click()
        found.page.wait_for_url(lambda url: "a=" in url and "b=" in url)
        found.sees("+LIMIT = 3")


def test_what_has_failed_is_found_from_its_run_and_narrowed_by_the_address(browser: Any, shop: Shop):
    token = grant(shop.ground, "vera", "viewer")
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        found.open("runs/1", "4 waiting")
        found.page.get_by_role("img", name="grade: 4 completed, 2 failed").wait_for()
        found.page.get_by_role("link", name="2 failed").click()
        found.sees("item 0003")
        assert found.page.url.partition("?")[2] == "run=1&step=grade&state=failed"
        rows = found.page.get_by_role("table", name="interactions").locator("tbody tr")
        assert rows.count() == 2
        with found.page.expect_download() as file:
            found.page.get_by_role("button", name="2 rows as CSV").click()
        assert file.value.suggested_filename == "interactions.csv"
        with file.value.path().open(newline="") as lines:
            saved = list(csv.DictReader(lines))
        assert [(row["step"], row["state"]) for row in saved] == [("grade", "failed")] * 2
        found.page.get_by_label("Record").fill("item 0001")
        found.page.get_by_label("Record").press("Enter")
        found.page.wait_for_url(lambda url: "record=item+0001" in url)
        found.page.get_by_text("item 0003").wait_for(state="detached")
        assert rows.count() == 1
        rows.get_by_role("link").first.click()
        found.sees("attempt 1")
        found.sees("the list of grades is away")
        found.page.go_back()
        found.page.get_by_label("Record").wait_for()
        assert found.page.get_by_label("Record").input_value() == "item 0001"
        found.page.get_by_label("State").select_option("waiting")
        found.sees("No interaction is like that")
        found.page.get_by_label("Record").focus()
        found.page.keyboard.press("Control+k")
        found.page.keyboard.type("run")
        found.page.keyboard.press("ArrowDown")
        assert found.axe() == []
        found.page.keyboard.press("Enter")
        found.page.wait_for_url("**/runs")
        found.page.keyboard.press("Control+k")
        found.page.keyboard.type("item 0001")
        found.page.keyboard.press("Enter")
        found.page.wait_for_url(lambda url: "record?key=" in url)


def test_how_a_record_stood_is_shown_after_each_of_its_events(browser: Any, shop: Shop):
    token = grant(shop.ground, "vera", "viewer")
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        found.open("record?key=item 0002&value=items.words", "How it stood")
        slider = found.page.get_by_role("slider", name="After event")
        rows = found.page.get_by_role("table", name="as it stood").locator("tbody tr")
        value = found.page.get_by_label("the value then")
        value.wait_for()
        assert value.inner_text() == "4"
        assert [row.split("\t")[0] for row in rows.all_inner_texts()] == ["grade", "review"]
        slider.press("Home")
        found.page.wait_for_url(lambda url: "at=" in url)
        found.sees("interaction started of grade")
        assert "running" in rows.all_inner_texts()[0]
        assert rows.count() == 1
        assert value.count() == 0 or value.inner_text() != "4"
        slider.press("ArrowRight")
        found.sees("interaction completed of grade")
        assert "completed" in rows.all_inner_texts()[0]
        assert value.inner_text() == "4"
        assert found.axe() == []
        found.page.reload()
        found.sees("interaction completed of grade")
        assert rows.count() == 1


def test_what_failed_is_tried_again_when_its_exact_count_is_typed(browser: Any, shop: Shop):
    token = grant(shop.ground, "otto", "operator")
    shop.mend()
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        found.open("runs/1?tab=errors", "By their cause")
        found.page.get_by_role("button", name="Retry").first.click()
        dialog = found.page.get_by_role("dialog")
        do = dialog.get_by_role("button", name="Retry")
        for typed, may in [("", False), ("1", False), ("2", True)]:
            dialog.get_by_label("Type 2 to go on").fill(typed)
            assert do.is_enabled() is may
        assert found.axe() == []
        do.click()
        found.sees("2 interactions to be tried again")
        found.sees("Nothing has failed")
    assert [one["by"] for one in told(shop.ground, "retried")] == ["otto"]
    assert shop.ground.states("grade") == {"completed": 4, "pending": 2}
    assert shop.go_on() == "waiting"


def test_what_has_changed_is_looked_at_and_approved(browser: Any, shop: Shop):
    token = grant(shop.ground, "maria", "reviewer")
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        found.open("actors", "in the folder")
        found.page.get_by_role("button", name="Approve").click()
        found.sees("# changed since it was approved")
        found.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
        found.sees("save is approved")
        found.page.locator(".state", has_text="drifted").wait_for(state="detached")
    assert [one["by"] for one in told(shop.ground, "actor_approved")][-1] == "maria"


def test_the_log_is_verified_from_its_page(browser: Any, shop: Shop):
    token = grant(shop.ground, "ida", "auditor")
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        found.open("audit", "The whole log was never verified")
        found.page.get_by_role("button", name="Verify now").click()
        rows = found.page.get_by_role("table", name="verifications").locator("tbody tr")
        rows.first.wait_for()
        assert rows.first.inner_text().split("\t")[1] == "ida"
        found.page.get_by_label("what came of it").get_by_text("all holds").wait_for()
        assert found.axe() == []
    assert [one["by"] for one in told(shop.ground, "log_verified")] == ["ida"]


def test_a_list_is_kept_as_it_is_narrowed_and_opened_by_others(browser: Any, shop: Shop):
    otto, vera = grant(shop.ground, "otto", "operator"), grant(shop.ground, "vera", "viewer")
    with (
        serving(shop.ground) as served,
        tab(browser, root_of(served), otto) as his,
        tab(browser, root_of(served), vera) as hers,
    ):
        his.open("interactions", "the list of grades is away")
        his.page.get_by_role("button", name="Views").press("Enter")
        his.sees("To save one: narrow the list first")
        his.page.keyboard.press("Escape")
        his.page.get_by_label("State").select_option("failed")
        his.page.get_by_role("button", name="Views").press("Enter")
        his.page.get_by_role("menuitem", name="Save this as a view").press("Enter")
        his.page.get_by_label("Name").fill("what has failed")
        his.sees("wave views save 'what has failed' 'interactions?state=failed'")
        assert his.axe() == []
        his.page.keyboard.press("Enter")
        his.page.get_by_role("button", name="View: what has failed").wait_for()

        hers.open("interactions", "the list of grades is away")
        hers.page.get_by_role("button", name="Views").press("Enter")
        hers.sees("To save one: you are here as viewer")
        hers.page.get_by_role("menuitem", name="what has failed").wait_for()
        if PICTURES:
            hers.page.screenshot(path=Path(PICTURES) / "page-views.png")
        for scheme in ("light", "dark"):
            hers.page.emulate_media(color_scheme=scheme)
            assert hers.axe() == [], scheme
        hers.page.keyboard.press("Home")
        hers.page.keyboard.press("Enter")
        hers.page.get_by_role("button", name="View: what has failed").wait_for()
        assert hers.page.url == hers.root + "interactions?state=failed"

        # Whatever stands in the table, a view leads to no page but its own.
        shop.ground.sql(
            "INSERT INTO saved_views (page, name, query, saved_by) "
            "VALUES ('runs', 'odd', 'href=javascript:alert(1)&next=//evil.example&state=failed', 'mallory')"
        )
        his.open("settings", "what has failed")
        links = his.page.get_by_role("table", name="saved views").get_by_role("link").all()
        found = [link.evaluate("link => link.href") for link in links]
        assert [link.partition("?")[0] for link in found] == [his.root + "interactions", his.root + "runs"]
        assert his.axe() == []
        his.page.get_by_role("button", name="Remove").first.click()
        his.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        his.sees("View what has failed is removed")
        hers.page.get_by_role("button", name="Views", exact=True).wait_for()  # it is heard of everywhere
    assert [told(shop.ground, one)[0]["by"] for one in ("view_saved", "view_removed")] == ["otto", "otto"]


def test_who_may_not_do_it_is_told_which_role_may(browser: Any, shop: Shop):
    token = grant(shop.ground, "vera", "viewer")
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        found.open("runs/1", "How it stands")
        found.page.get_by_role("button", name="Pause").click(force=True)
        assert found.page.get_by_role("dialog").count() == 0
        found.sees("you are here as viewer; this needs operator, reviewer or admin")
    assert told(shop.ground, "paused") == []


def test_behind_a_proxy_below_a_path_everything_is_found(browser: Any, shop: Shop):
    token = grant(shop.ground, "vera", "viewer")
    with (
        serving(shop.ground) as served,
        proxied(served.url, "/tools/wave/") as root,
        tab(browser, root, token) as found,
    ):
        found.open("runs/1", "4 waiting")
        found.is_live()
        found.page.get_by_role("link", name="Tasks").click()
        found.sees("4 of 4")
        assert found.page.url == root + "tasks"
        found.page.go_back()
        found.sees("4 waiting")
        assert found.page.url == root + "runs/1"


def test_a_server_that_goes_away_and_comes_back_is_heard_again(browser: Any, shop: Shop):
    token = grant(shop.ground, "vera", "viewer")
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        found.open("runs/1", "4 waiting")
        served.process.kill()
        served.process.wait()
        found.is_live("reconnecting")
        found.sees("The server is away")
        found.sees("4 waiting")  # what was known stays
        port = str(urlsplit(served.url).port)
        with serving(shop.ground, "--port", port):
            found.is_live()
            found.page.get_by_text("The server is away").first.wait_for(state="detached")
            found.wrong.clear()  # what could not be asked for is said on the console
            shop.ground.do(lambda engine: engine.orders().pause("run", "1"))
            found.sees("paused by")


def test_twelve_tabs_hear_of_a_change_by_one_stream(browser: Any, shop: Shop):
    token = grant(shop.ground, "vera", "viewer")
    with serving(shop.ground) as served, tab(browser, root_of(served), token) as found:
        tabs = [found, *(Tab(found.page.context.new_page(), found.root) for _ in range(11))]
        for one in tabs:
            one.open("runs/1", "4 waiting")
            one.is_live()
        shop.ground.do(lambda engine: engine.orders().pause("run", "1"))
        for one in tabs:
            one.sees("paused by")


@pytest.mark.parametrize("address", ["record?key=nobody", "runs/99", "tasks/99"])
def test_what_is_not_there_is_said_with_what_to_do(browser: Any, served: Served, address: str):
    with tab(browser, root_of(served)) as found:
        found.open(f"open?token={served.token}", "What to do next")
        found.page.goto(found.root + address)
        found.page.get_by_role("alert").first.wait_for()
        found.wrong.clear()  # the 404 is said on the console


def test_an_empty_project_says_how_to_begin(browser: Any, ground: Ground):
    ground.project()
    with serving(ground) as served, tab(browser, root_of(served)) as found:
        found.open(f"open?token={served.token}", "There is no run yet")
