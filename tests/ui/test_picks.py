"""A run of 200,000 interactions: every page opens; what is filtered, picked and ordered is counted exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.support.many import BROKEN, DOUBTED, FAILED, PENDING, RUN, many
from tests.support.projects import Ground, Make
from tests.support.serving import Served, grant, serving
from tests.ui.conftest import Apart
from tests.ui.test_pages import Tab, root_of, tab

from wave_runner.api.needs import PAGES


def here_alone(ground: Ground) -> None:
    many(Apart(**vars(ground)))


@pytest.fixture
def crowd(browser: Any, made: Callable[[Make], Ground]) -> Ground:
    return made(here_alone)


@pytest.fixture
def served(crowd: Ground) -> Iterator[Served]:
    with serving(crowd) as found:
        yield found


def pick_all(found: Tab, of: str, n: int) -> None:
    found.open(f"interactions?run={RUN}&{of}", "Pick all that match")
    found.page.get_by_role("button", name="Pick all that match").click()
    found.sees(f"All {n:,} that match are picked, as they are now.")


def order(found: Tab, label: str, n: int, *, says: str, done: str) -> None:
    """Give an order as its dialog wants it: looked at, its count typed, with a reason."""
    found.page.get_by_role("button", name=label, exact=True).first.click()
    dialog = found.page.get_by_role("dialog")
    dialog.get_by_text(says).first.wait_for()
    act = dialog.get_by_role("button", name=label, exact=True)
    assert act.is_disabled()
    dialog.get_by_label(f"Type {n} to go on").fill(str(n))
    if (reason := dialog.get_by_label("Reason")).count():
        assert act.is_disabled()
        reason.fill("the list of words was away")
    assert found.axe() == []
    act.click()
    found.sees(done)
    dialog.wait_for(state="detached")


def states(crowd: Ground) -> dict[str, int]:
    found = crowd.sql("SELECT state::text AS state, count(*) AS n FROM interactions WHERE run_id = %s GROUP BY 1", RUN)
    return {row["state"]: row["n"] for row in found}


def test_every_page_is_there_beside_so_many_and_asks_nobody_else(browser: Any, crowd: Ground, served: Served):
    failed = crowd.one("SELECT max(interaction_id) FROM interactions WHERE run_id = %s AND state = 'failed'", RUN)
    lists = (f"runs/{RUN}?tab={name}" for name in ("waves", "events", "errors", "records", "actors", "cost", "changed"))
    one = (f"runs/{RUN}", f"interactions/{failed}?run={RUN}", "record?key=item 0001", "workflows/work")
    others = {path.removeprefix("/") for path in PAGES if "{" not in path}
    with tab(browser, root_of(served), grant(crowd, "vera", "viewer")) as found:
        for path in (*others, *one, *lists, "interactions?state=failed"):
            found.page.goto(found.root + path)
            found.page.locator("main h1").wait_for()
            while (loading := found.page.get_by_label("loading")).count():
                loading.first.wait_for(state="detached")
            assert found.page.locator(".wrong").count() == 0, path


def test_each_order_is_about_exactly_what_was_picked_and_looked_at(browser: Any, crowd: Ground, served: Served):
    before = states(crowd)
    with tab(browser, root_of(served), grant(crowd, "otto", "operator")) as found:
        pick_all(found, "state=failed", FAILED)
        assert found.axe() == []
        said = f"{FAILED:,} interactions of {FAILED:,} would be tried again"
        order(found, "Retry", FAILED, says=said, done=f"{FAILED:,} interactions to be tried again")
        assert states(crowd)["pending"] == before["pending"] + FAILED

        # Ten thousand wait by now, and the one at which the run begins.
        n = PENDING + FAILED
        pick_all(found, "step=count&state=pending", n)
        said = f"{n:,} interactions of {n:,} would end without a result"
        order(found, "Cancel", n, says=said, done=f"{n:,} interactions cancelled")
        assert states(crowd)["cancelled"] == n

        pick_all(found, "rule=doubtful", DOUBTED)
        said = f"{DOUBTED} results of count would be redone, of {DOUBTED} records"
        order(found, "Rerun", DOUBTED, says=said, done=f"{DOUBTED} results to be redone, by rerun")
        assert crowd.one("SELECT count(*) FROM interactions WHERE generation > 0") == DOUBTED

        # What has changed since it was looked at is refused, and looked at again.
        pick_all(found, "rule=odd", BROKEN)
        found.page.get_by_role("button", name="Retry", exact=True).click()
        dialog = found.page.get_by_role("dialog")
        dialog.get_by_label(f"Type {BROKEN} to go on").fill(str(BROKEN))
        dialog.get_by_label("Reason").fill("it is not odd")
        crowd.sql(
            "UPDATE interactions SET seq = seq + 1 WHERE run_id = %s AND rule = 'odd' AND record_id %% 2 = 0", RUN
        )
        dialog.get_by_role("button", name="Retry", exact=True).click()
        found.sees("they are not those that were looked at")
        found.wrong.clear()  # the 409 is said on the console
        dialog.get_by_role("button", name="Look again").click()
        found.sees("changed since they were picked")
        assert states(crowd)["quarantined"] == BROKEN
        found.page.keyboard.press("Escape")
        dialog.wait_for(state="detached")

        # By keys alone, and what is ticked alone.
        found.open(f"interactions?run={RUN}&rule=odd", "Pick all that match")
        boxes = found.page.get_by_role("checkbox")
        for box in (boxes.nth(0), boxes.nth(3)):
            box.focus()
            found.page.keyboard.press("Space")
        found.sees("2 picked.")
        order(
            found, "Retry", 2, says="2 interactions of 2 would be tried again", done="2 interactions to be tried again"
        )
        found.page.get_by_text("picked.").wait_for(state="detached")
        assert states(crowd)["quarantined"] == BROKEN - 2

        # All of a cause of errors, wherever it is.
        found.open("errors", "it is odd")
        n = crowd.one("SELECT count(*) FROM interactions WHERE state = 'quarantined'")
        order(found, "Retry", n, says="would be tried again", done="interactions to be tried again")
        assert crowd.one("SELECT count(*) FROM interactions WHERE state = 'quarantined'") == 0

    with tab(browser, root_of(served), grant(crowd, "vera", "viewer")) as found:
        found.open(f"interactions?run={RUN}", "Pick all that match")
        button = found.page.get_by_role("button", name="Pick all that match")
        assert button.get_attribute("aria-disabled") == "true"
